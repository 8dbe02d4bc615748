#include "rules/evals/locales.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

// Charsets as letters and digits alone.
constexpr std::string_view kJapanese =
    " eucjp jisx020119760 jisx020819830 jisx020819900 jisx020819970 jisx021219900 jisx021320001 "
    "jisx021320002 shiftjis iso2022jp sjis jis7 jisx0201 jisx0208 jisx0212 ";
constexpr std::string_view kKorean = " euckr ksc56011987 ";
constexpr std::string_view kCyrillic = " koi8r koi8u koi8t isoir111 cp1251 georgianps pt154 cp866 ";
constexpr std::string_view kThai = " tis620 ";
constexpr std::string_view kTraditional = " big5hkscs big5 euctw ";
constexpr std::string_view kSimplified = " gb1988 gb2312 gb231219800 gb18030 gbk iso2022cn ";

bool holds(std::string_view list, const std::string& word) {
  return list.find(" " + word + " ") != list.npos;
}

bool is_of(std::string_view locale, const std::string& charset) {
  const std::string_view language = locale.substr(0, 2);
  constexpr std::string_view kCyrillicLanguages[] = {"ru", "ka", "tg", "be", "uk", "bg"};
  if (language == "ja") return holds(kJapanese, charset);
  if (language == "ko") return holds(kKorean, charset);
  if (language == "th") return holds(kThai, charset);
  if (language == "zh") return holds(kTraditional, charset) || holds(kSimplified, charset);
  return std::find(std::begin(kCyrillicLanguages), std::end(kCyrillicLanguages), language) !=
             std::end(kCyrillicLanguages) &&
         holds(kCyrillic, charset);
}

}  // namespace

bool is_usual_charset(std::string_view charset, std::span<const std::string> locales) {
  std::string name;
  for (const char c : charset) {
    if (is_alnum(c)) name += ascii_lower(c);
  }
  if (name.starts_with("3d")) name.erase(0, 2);  // broken by quoted-printable
  for (const std::string_view whole : {"usascii", "ascii", "ibm852", "xunknown", "iso"}) {
    if (name == whole) return true;
  }
  for (const std::string_view family : {"iso8859", "iso10646", "utf", "ucs", "cp125", "windows",
                                        "unicode11utf7", "unicode11utf8"}) {
    if (name.starts_with(family)) return true;
  }
  return std::any_of(locales.begin(), locales.end(), [&](const std::string& locale) {
    return locale == "all" || is_of(locale, name);
  });
}

bool may_look_like_capitals(std::string_view charset) {
  const std::string name = to_lower(charset);
  if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != name.npos)
    return false;
  for (const std::string_view piece : {"koi", "jp", "jis", "euc", "gb", "big5", "isoir", "cp1251",
                                       "windows-1251", "georgianps", "pt154", "tis"}) {
    if (name.find(piece) != name.npos) return true;
  }
  return false;
}

}  // namespace gatepost::rules
