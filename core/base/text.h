#pragma once
// Text without a locale: protocols compare ASCII, logs show anything safely.

#include <string>
#include <string_view>
#include <vector>

namespace gatepost {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}
constexpr bool is_alnum(char c) {
  return is_digit(c) || is_alpha(c);
}
/// Space, TAB, CR or LF: the white space of mail headers (FWS).
constexpr bool is_wsp(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string to_lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
bool istarts_with(std::string_view text, std::string_view prefix);
/// Without is_wsp characters at both ends.
std::string_view trim(std::string_view text);
/// The pieces between separators; an empty text gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

/// For logs, headers and terminals: control characters, DEL, invalid UTF-8 and bidirectional
/// controls become `\xHH` (per octet), a backslash becomes `\\`; cut to `limit` octets with "..."
/// at its end.
std::string printable(std::string_view text, std::size_t limit = 512);
bool is_valid_utf8(std::string_view text);
bool is_ascii(std::string_view text);

/// The entry of `candidates` that `word` may have meant (edit distance at most 2 and below half of
/// its length), or an empty view.
std::string_view did_you_mean(std::string_view word,
                              const std::vector<std::string_view>& candidates);

}  // namespace gatepost
