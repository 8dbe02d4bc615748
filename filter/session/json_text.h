#pragma once
// JSON written from front to back, as records are: no tree is built.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatepost {

/// Writes one value of JSON, on one line and in ASCII: all else is an escape, so that nothing in it
/// moves a terminal. Texts should be UTF-8; what is not becomes U+FFFD.
///
///   JsonText json; json.begin('{'); json.member("size", 7); json.end('}'); json.take()
class JsonText {
 public:
  /// @param bracket  '{' or '['
  void begin(char bracket);
  void end(char bracket) { out_ += bracket, comma_ = true; }
  /// The name of what is written next.
  void key(std::string_view name);

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool is) { raw(is ? "true" : "false"); }
  /// Finite, with a fraction: 1 is "1.0".
  void value(double number);
  template <std::integral Number>
  void value(Number number) {
    raw(std::to_string(number));
  }
  /// A value that is JSON already.
  void raw(std::string_view json);

  template <class Value>
  void member(std::string_view name, const Value& is) {
    key(name);
    value(is);
  }

  std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (comma_) out_ += ',';
    comma_ = true;
  }
  void escape(std::string_view text);

  std::string out_;
  bool comma_ = false;  // something stands before, at this depth
};

}  // namespace gatepost
