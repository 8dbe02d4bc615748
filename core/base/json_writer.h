#pragma once
// JSON that is written once and never read here: straight to text, without a tree of values. A tree
// of 30 members costs some 40 µs, this one or two.

#include <cstdint>
#include <string>
#include <string_view>

namespace gatepost {

/// Appends one JSON value to a string, in ASCII and on one line, as nlohmann's
/// dump(-1, ' ', true, replace) would. Inside of an object each value follows its key(); a value is
/// a text(), number(), boolean(), null(), or what stands between begin and end of an object or
/// array. Nothing is checked: calls out of order make text that is no JSON.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name) {
    text(name);
    out_ += ':';
    comma_ = false;
  }
  /// UTF-8; each octet that is none becomes U+FFFD.
  void text(std::string_view value);
  void number(std::int64_t value);
  void boolean(bool value) { word(value ? "true" : "false"); }
  void null() { word("null"); }

 private:
  void separate() {
    if (comma_) out_ += ',';
    comma_ = true;
  }
  void open(char bracket) {
    separate();
    out_ += bracket;
    comma_ = false;
  }
  void close(char bracket) {
    out_ += bracket;
    comma_ = true;
  }
  void word(std::string_view value) {
    separate();
    out_ += value;
  }

  std::string& out_;
  bool comma_ = false;  // before the next value
};

}  // namespace gatepost
