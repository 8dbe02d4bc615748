#include "core/mail/charset.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <iconv.h>

#include "core/base/text.h"
#include "core/mail/characters.h"

namespace gatepost::mail {
namespace {

// Charsets in which octets below 128 mean what they mean in ASCII, by how their names begin.
constexpr std::string_view kExtendAscii[] = {
    "us-ascii", "ascii", "ansi_x3", "iso-8859", "iso8859", "latin", "windows-", "cp125",
    "utf-8",    "utf8",  "koi8",    "euc",      "big5",    "gb",    "ks_c",     "tis-620"};

// What Perl's Encode takes a name for, where iconv differs or does not know it.
struct Alias {
  std::string_view name;
  std::string_view charset;
};
constexpr Alias kAliases[] = {
    {"gb18030", "cp936"},       {"gb2312", "euc-cn"},           {"gb_2312-80", "euc-cn"},
    {"gbk", "cp936"},           {"ks_c_5601-1987", "cp949"},    {"macintosh", "macintosh"},
    {"shift-jis", "cp932"},     {"shift_jis", "cp932"},         {"sjis", "cp932"},
    {"tis-620", "iso-8859-11"}, {"unicode-1-1-utf-7", "utf-7"}, {"x-mac-roman", "macintosh"},
    {"x-sjis", "cp932"},
};

constexpr std::string_view kWindows1252Names[] = {"iso-8859-1", "iso8859-1", "windows-1252",
                                                  "cp1252"};

// What Windows-1252 has at 0x80 to 0x9f; the rest of it is the first 256 characters of Unicode.
constexpr char16_t kWindows1252[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};

// Most text that is not UTF-8; iconv takes ten times as long. `strict`: nothing is appended and
// false returned when an octet is wrong, which becomes U+FFFD else.
bool append_windows_1252(std::string_view octets, bool strict, std::string& out) {
  const std::size_t begin = out.size();
  while (!octets.empty()) {
    const auto* high = std::find_if(octets.begin(), octets.end(),
                                    [](char c) { return static_cast<unsigned char>(c) >= 128; });
    out.append(octets.begin(), high);
    octets.remove_prefix(static_cast<std::size_t>(high - octets.begin()));
    if (octets.empty()) break;
    const auto octet = static_cast<unsigned char>(octets[0]);
    const char32_t code = octet < 0xa0 ? kWindows1252[octet - 0x80] : octet;
    if (strict && code == 0xfffd) {
      out.resize(begin);
      return false;
    }
    append_character(code, out);
    octets.remove_prefix(1);
  }
  return true;
}

bool is_one_of(std::string_view name, const auto& names) {
  return std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view n) { return iequals(n, name); });
}

bool extends_ascii(std::string_view charset) {
  return charset.empty() ||
         std::any_of(std::begin(kExtendAscii), std::end(kExtendAscii),
                     [&](std::string_view prefix) { return istarts_with(charset, prefix); });
}

// iconv takes options and paths in names; a charset has neither (RFC 2978 section 2.3).
bool is_charset_name(std::string_view name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || c == '+';
  });
}

enum class Conversion { whole, wrong, unknown };

// All of the octets, or none.
Conversion append_strictly(std::string_view octets, std::string_view charset, std::string& out) {
  if (!is_charset_name(charset)) return Conversion::unknown;
  iconv_t handle = ::iconv_open("UTF-8", std::string(charset).c_str());
  if (reinterpret_cast<std::intptr_t>(handle) == -1) return Conversion::unknown;
  const std::size_t begin = out.size();
  char* from = const_cast<char*>(octets.data());  // iconv's signature; it does not write there
  std::size_t left = octets.size();
  char buffer[4096];
  bool good = true;
  bool last = false;
  while (good && !last) {
    last = left == 0;  // the converter may hold a character that could have been combined
    char* to = buffer;
    std::size_t room = sizeof buffer;
    const std::size_t status =
        ::iconv(handle, last ? nullptr : &from, last ? nullptr : &left, &to, &room);
    out.append(buffer, to);
    good = status != static_cast<std::size_t>(-1) || (errno == E2BIG && to != buffer);
  }
  ::iconv_close(handle);
  if (!good) out.resize(begin);
  return good ? Conversion::whole : Conversion::wrong;
}

// UTF-16 whose octet order nobody gave: by blanks and by which half has the larger octets.
std::string_view utf16_order(std::string_view octets) {
  if (octets.starts_with("\xff\xfe") || octets.starts_with("\xfe\xff")) return "";
  long little = 0;
  long big = 0;
  std::uint64_t even = 0;
  std::uint64_t odd = 0;
  for (std::size_t i = 0; i + 1 < octets.size(); i += 2) {
    const auto a = static_cast<unsigned char>(octets[i]);
    const auto b = static_cast<unsigned char>(octets[i + 1]);
    even += (a >> 4) + (a & 15);
    odd += (b >> 4) + (b & 15);
    little += a == ' ' && b == 0 ? 1 : 0;
    big += a == 0 && b == ' ' ? 1 : 0;
  }
  if (even > odd * 4) ++little;
  if (odd * 4 > even) ++big;
  return little > big ? "utf-16le" : big > little ? "utf-16be" : "";
}

Conversion append_declared(std::string_view octets, std::string_view charset, std::string& out) {
  if (is_one_of(charset, kWindows1252Names)) {
    return append_windows_1252(octets, true, out) ? Conversion::whole : Conversion::wrong;
  }
  if (istarts_with(charset, "utf-16") || istarts_with(charset, "utf16")) {
    const std::string_view order = utf16_order(octets);
    return order.empty() ? Conversion::wrong : append_strictly(octets, order, out);
  }
  // Valid UTF-8 would have been taken as it is.
  if (iequals(charset, "utf-8") || iequals(charset, "utf8")) return Conversion::wrong;
  const auto* alias = std::find_if(std::begin(kAliases), std::end(kAliases),
                                   [&](const Alias& a) { return iequals(a.name, charset); });
  return append_strictly(octets, alias != std::end(kAliases) ? alias->charset : charset, out);
}

}  // namespace

bool is_utf8_text(std::string_view octets, std::string_view charset) {
  return is_ascii(octets) ? extends_ascii(charset) : is_valid_utf8(octets);
}

bool append_text(std::string_view octets, std::string_view charset, std::string& out) {
  if (is_utf8_text(octets, charset)) {
    out += octets;
    return true;
  }
  const bool ascii = charset.empty() || iequals(charset, "us-ascii") || iequals(charset, "ascii");
  const Conversion done = ascii ? Conversion::wrong : append_declared(octets, charset, out);
  if (done == Conversion::whole) return true;
  if (is_ascii(octets))
    out += octets;
  else
    append_windows_1252(octets, false, out);
  return done != Conversion::unknown;
}

}  // namespace gatepost::mail
