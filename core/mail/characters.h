#pragma once
// Characters in UTF-8 text, one at a time.

#include <cstddef>
#include <string>
#include <string_view>

namespace gatepost::mail {

/// Appends a Unicode scalar value as UTF-8 (RFC 3629).
inline void append_character(char32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      out += static_cast<char>(0xe0 | c >> 12);
    } else {
      out += static_cast<char>(0xf0 | c >> 18);
      out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    }
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
  }
  out += static_cast<char>(0x80 | (c & 0x3f));
}

inline bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// The character at `at`, which is moved behind it. The text is valid UTF-8; a stray octet stands
/// for itself.
inline char32_t next_character(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  int more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  char32_t c = more == 0 ? first : first & (0x3f >> more);
  for (; more > 0 && at < text.size() && is_continuation(text[at]); --more)
    c = c << 6 | (static_cast<unsigned char>(text[at++]) & 0x3f);
  return c;
}

/// How many characters a valid UTF-8 text has.
inline std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += is_continuation(c) ? 0 : 1;
  return count;
}

/// Octets of the character that Perl's \s takes, 0 when the one at `at` is none. Without `wide`
/// only those of ASCII count.
inline std::size_t white_space_at(std::string_view text, std::size_t at, bool wide) {
  const auto octet = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const unsigned first = octet(0);
  if (first == ' ' || (first >= '\t' && first <= '\r')) return 1;
  if (!wide) return 0;
  const unsigned second = octet(1);
  if (first == 0xc2) return second == 0x85 || second == 0xa0 ? 2 : 0;
  const unsigned third = octet(2);
  if (first == 0xe1) return second == 0x9a && third == 0x80 ? 3 : 0;
  if (first == 0xe3) return second == 0x80 && third == 0x80 ? 3 : 0;
  if (first != 0xe2) return 0;
  if (second == 0x81) return third == 0x9f ? 3 : 0;
  const bool blank = second == 0x80 && ((third >= 0x80 && third <= 0x8a) || third == 0xa8 ||
                                        third == 0xa9 || third == 0xaf);
  return blank ? 3 : 0;
}

}  // namespace gatepost::mail
