#include "filter/session/json_text.h"

#include <charconv>
#include <cmath>

namespace gatepost {

namespace {

// What needs an escape: controls, quotes, back slashes, DEL and all that is not ASCII.
constexpr bool is_plain(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet >= 0x20 && octet < 0x7F && c != '"' && c != '\\';
}

void append_unit(std::uint32_t unit, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[unit >> shift & 15];
}

// The character at `at`, and how many octets it has; U+FFFD of one octet where there is none (RFC
// 3629).
std::uint32_t character(std::string_view text, std::size_t at, std::size_t& length) {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = octet(0);
  length = 1;
  if (lead < 0x80) return lead;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < size) return kReplacement;
  std::uint32_t code = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xC0) != 0x80) return kReplacement;
    code = code << 6 | (octet(i) & 0x3FU);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
    return kReplacement;
  length = size;
  return code;
}

}  // namespace

void JsonText::begin(char bracket) {
  separate();
  out_ += bracket;
  comma_ = false;
}

void JsonText::key(std::string_view name) {
  value(name);
  out_ += ':';
  comma_ = false;
}

void JsonText::raw(std::string_view json) {
  separate();
  out_ += json;
}

void JsonText::value(double number) {
  if (!std::isfinite(number)) return raw("null");
  char text[64];
  const double size = std::abs(number);
  const bool long_form = size != 0 && (size < 1e-4 || size >= 1e15);
  const auto [end, fault] =
      std::to_chars(text, text + sizeof text, number,
                    long_form ? std::chars_format::scientific : std::chars_format::fixed);
  const std::string_view digits(text, static_cast<std::size_t>(end - text));
  raw(digits);
  if (digits.find_first_of(".e") == digits.npos) out_ += ".0";
}

void JsonText::value(std::string_view text) {
  separate();
  out_ += '"';
  escape(text);
  out_ += '"';
}

void JsonText::escape(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_plain(text[end])) ++end;
    out_ += text.substr(at, end - at);
    if (end == text.size()) return;
    at = end;
    const char c = text[at];
    constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
    const std::size_t known = kShort.find(c);
    if (known != kShort.npos) {
      out_ += '\\';
      out_ += "\"\\bfnrt"[known];
      ++at;
      continue;
    }
    std::size_t length = 1;
    const std::uint32_t code = character(text, at, length);
    at += length;
    if (code < 0x10000) {
      append_unit(code, out_);
    } else {
      append_unit(0xD7C0 + (code >> 10), out_);
      append_unit(0xDC00 + (code & 0x3FF), out_);
    }
  }
}

}  // namespace gatepost
