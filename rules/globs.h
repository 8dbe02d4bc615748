#pragma once
// Texts with `*` and `?`: addresses, hosts and subjects of the rule files.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace gatepost::rules {

/// Whether `glob` (`*` and `?`) is all of `text`; octet by octet, at most |glob| * |text| steps.
bool glob_matches(std::string_view glob, std::string_view text);

/// Finds those of many globs that can match a text, by the octets that these end in: lists have
/// hundreds like "*@*.example.com".
class GlobIndex {
 public:
  /// Globs have numbers of the caller's; one glob may be added under several.
  void add(std::string_view glob, std::uint32_t number);
  void clear();

  /// Calls take(number) for each glob that may match, in no order, until it returns true.
  /// @return whether it did.
  template <class Take>
  bool any_candidate(std::string_view text, Take take) const {
    for (std::size_t size = 0; size <= kMost && size <= text.size(); ++size) {
      if ((sizes_ >> size & 1) == 0) continue;
      const auto known = by_tail_.find(key(text.substr(text.size() - size)));
      if (known == by_tail_.end()) continue;
      for (const std::uint32_t number : known->second) {
        if (take(number)) return true;
      }
    }
    return false;
  }
  bool operator==(const GlobIndex&) const = default;

 private:
  static constexpr std::size_t kMost = 8;  // octets of a tail that are looked at
  static std::uint64_t key(std::string_view tail);

  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_tail_;
  unsigned sizes_ = 0;  // bit n: some tail has n octets
};

/// Many of them, in lower case.
class GlobList {
 public:
  void add(std::string_view glob);
  void remove(std::string_view glob);
  void clear();
  bool empty() const { return exact_.empty() && globs_.empty(); }
  /// Whether one of them is all of `text` (letters in either case).
  bool matches(std::string_view text) const;
  /// Whether one of them stands anywhere in `text`.
  bool is_in(std::string_view text) const;
  /// In lower case: those without wildcards in order, then the others as they came.
  std::vector<std::string> texts() const;
  bool operator==(const GlobList&) const = default;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::unordered_set<std::string, Hash, std::equal_to<>> exact_;  // those without wildcards
  std::vector<std::string> globs_;
  GlobIndex index_;  // of globs_
};

}  // namespace gatepost::rules
