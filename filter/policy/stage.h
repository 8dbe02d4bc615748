#pragma once
// The points of an SMTP transaction at which a filter is asked.

#include <string_view>

namespace gatepost {

/// In the order in which they come. Values are stable: records carry the names.
enum class Stage { connect, helo, mail, rcpt, data, end_of_headers, end_of_message };

inline constexpr int kStageCount = 7;

/// "connect", "helo", "mail", "rcpt", "data", "eoh", "eom": as in logs and scenario files.
constexpr std::string_view to_string(Stage stage) {
  constexpr std::string_view kNames[] = {"connect", "helo", "mail", "rcpt", "data", "eoh", "eom"};
  return kNames[static_cast<int>(stage)];
}

class StageSet {
 public:
  void add(Stage stage) { bits_ |= 1U << static_cast<int>(stage); }
  bool contains(Stage stage) const { return (bits_ >> static_cast<int>(stage) & 1U) != 0; }
  bool empty() const { return bits_ == 0; }

 private:
  unsigned bits_ = 0;
};

}  // namespace gatepost
