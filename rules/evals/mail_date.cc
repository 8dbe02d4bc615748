#include "rules/evals/mail_date.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

struct Zone {
  std::string_view name;
  int offset;  // as in +0100
};
constexpr Zone kZones[] = {
    {"UT", 0},       {"UTC", 0},     {"NDT", -230},  {"AST", -400},  {"ADT", -300},  {"NST", -330},
    {"EST", -500},   {"EDT", -400},  {"CST", -600},  {"CDT", -500},  {"MST", -700},  {"MDT", -600},
    {"PST", -800},   {"PDT", -700},  {"HST", -1000}, {"AKST", -900}, {"AKDT", -800}, {"HADT", -900},
    {"HAST", -1000}, {"GMT", 0},     {"BST", 100},   {"IST", 100},   {"WET", 0},     {"WEST", 100},
    {"CET", 100},    {"CEST", 200},  {"EET", 200},   {"EEST", 300},  {"MSK", 300},   {"MSD", 400},
    {"MET", 100},    {"MEZ", 100},   {"MEST", 200},  {"MESZ", 200},  {"BRST", -200}, {"BRT", -300},
    {"AEST", 1000},  {"AEDT", 1100}, {"ACST", 930},  {"ACDT", 1030}, {"AWST", 800},  {"NZST", 1200},
    {"NZDT", 1300},  {"JST", 900},   {"KST", 900},   {"HKT", 800},   {"SGT", 800},
};

bool all_digits(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), is_digit);
}

int number(std::string_view word) {
  int out = 0;
  for (const char c : word.substr(0, 6)) out = 10 * out + (c - '0');
  return out;
}

int month_of(std::string_view word) {
  constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
  for (int i = 0; i < 12; ++i) {
    if (iequals(word, kMonths[i])) return i + 1;
  }
  return 0;
}

// "7:05" or "07:05:59".
bool read_time(std::string_view word, int& hour, int& minute, int& second) {
  if (word.empty() || !is_digit(word[0])) return false;
  const auto pieces = split(word, ':');
  if (pieces.size() < 2 || pieces.size() > 3) return false;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool fits = pieces[i].size() == 2 || (i == 0 && pieces[i].size() == 1);
    if (!fits || !all_digits(pieces[i])) return false;
  }
  hour = number(pieces[0]);
  minute = number(pieces[1]);
  second = pieces.size() == 3 ? number(pieces[2]) : 0;
  return true;
}

struct Date {
  int year = 0, month = 0, day = 0;
};

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::size_t kMostText = 1000;
  constexpr std::size_t kUsual = 16;
  const auto between = [](char c) { return c == ',' || is_wsp(c); };
  std::vector<std::string_view> out;
  out.reserve(kUsual);
  text = text.substr(0, kMostText);
  for (std::size_t at = 0; at < text.size();) {
    while (at < text.size() && between(text[at])) ++at;
    const std::size_t begin = at;
    while (at < text.size() && !between(text[at])) ++at;
    if (at > begin) out.push_back(text.substr(begin, at - begin));
  }
  return out;
}

// Takes the words of the date away.
bool take_date(std::vector<std::string_view>& words, Date& out) {
  const auto take = [&](std::size_t first, std::size_t count, int day, int month, int year) {
    out = {year, month, day};
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(first),
                words.begin() + static_cast<std::ptrdiff_t>(first + count));
    return true;
  };
  const auto day_first = [&](std::size_t i, std::size_t least, std::size_t most) {
    return i + 2 < words.size() && all_digits(words[i]) && month_of(words[i + 1]) != 0 &&
           all_digits(words[i + 2]) && words[i + 2].size() >= least && words[i + 2].size() <= most;
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (day_first(i, 4, 4))
      return take(i, 3, number(words[i]), month_of(words[i + 1]), number(words[i + 2]));
  }
  for (std::size_t i = 0; i + 3 < words.size(); ++i) {  // Jan 2 10:11:12 2003
    if (month_of(words[i]) != 0 && all_digits(words[i + 1]) &&
        std::count(words[i + 2].begin(), words[i + 2].end(), ':') == 2 &&
        words[i + 3].size() == 4 && all_digits(words[i + 3])) {
      return take(i, 4, number(words[i + 1]), month_of(words[i]), number(words[i + 3]));
    }
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!day_first(i, 2, 3)) continue;
    const int year = number(words[i + 2]);
    return take(i, 3, number(words[i]), month_of(words[i + 1]),
                words[i + 2].size() == 2 && year < 50 ? year + 2000 : year + 1900);
  }
  return false;
}

int zone_of(const std::vector<std::string_view>& words) {
  for (const std::string_view word : words) {
    if (word.size() == 5 && (word[0] == '+' || word[0] == '-') && all_digits(word.substr(1)))
      return (word[0] == '-' ? -1 : 1) * number(word.substr(1));
  }
  // The first word of two to four capitals.
  for (std::string_view word : words) {
    while (!word.empty() && !is_alnum(word.front()) && word.front() != '_') word.remove_prefix(1);
    std::size_t end = 0;
    while (end < word.size() && word[end] >= 'A' && word[end] <= 'Z') ++end;
    if (end < 2 || end > 4 || (end < word.size() && (is_alnum(word[end]) || word[end] == '_')))
      continue;
    for (const Zone& zone : kZones) {
      if (word.substr(0, end) == zone.name) return zone.offset;
    }
    return 0;
  }
  return 0;
}

std::int64_t days_since_1970(int year, int month, int day) {
  const int y = month <= 2 ? year - 1 : year;
  const int era = y / 400;
  const int of_era = y - era * 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return std::int64_t{era} * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

}  // namespace

std::optional<std::int64_t> read_mail_date(std::string_view text) {
  std::vector<std::string_view> words = words_of(text);
  Date date;
  if (!take_date(words, date)) return std::nullopt;
  int hour = 0, minute = 0, second = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (read_time(words[i], hour, minute, second)) break;
  }
  const int zone = zone_of(words);
  hour = std::min(hour, 23);
  minute = std::min(minute, 59);
  second = std::min(second, 59);
  date.day = std::max(date.day, 1);
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 != 0);
  const bool thirty = date.month == 4 || date.month == 6 || date.month == 9 || date.month == 11;
  if (date.day > (date.month == 2 ? (leap ? 29 : 28) : thirty ? 30 : 31)) {
    date.day = 1;
    if (++date.month > 12) {
      date.month = 1;
      ++date.year;
    }
  }
  date.year = std::clamp(date.year, 1970, 2037);
  const std::int64_t local =
      days_since_1970(date.year, date.month, date.day) * 86400 + hour * 3600 + minute * 60 + second;
  const int size = zone < 0 ? -zone : zone;
  const std::int64_t offset = (size / 100 * 60 + size % 100) * 60;
  return zone < 0 ? local + offset : std::max<std::int64_t>(local - offset, 0);
}

}  // namespace gatepost::rules
