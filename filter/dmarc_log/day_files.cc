#include "filter/dmarc_log/day_files.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <system_error>

namespace gatepost::dmarc_log {

namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::string_view kPrefix = "records-";
constexpr std::string_view kSuffix = ".jsonl";
constexpr std::int64_t kSecondsADay = 86400;
constexpr std::int64_t kLastDay = 2932896;  // 9999-12-31

bool parse_number(std::string_view text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

}  // namespace

std::int64_t day_of(std::int64_t unix_time) {
  return std::clamp<std::int64_t>(unix_time / kSecondsADay, 0, kLastDay);
}

std::string day_text(std::int64_t day) {
  const year_month_day date{
      sys_days{std::chrono::days{std::clamp<std::int64_t>(day, 0, kLastDay)}}};
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

std::int64_t parse_day(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' ||
      !parse_number(text.substr(0, 4), year) || !parse_number(text.substr(5, 2), month) ||
      !parse_number(text.substr(8, 2), day) || year < 1970)
    return -1;
  const year_month_day date{std::chrono::year{year},
                            std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  return date.ok() ? sys_days{date}.time_since_epoch().count() : -1;
}

std::string file_name(std::int64_t day) {
  return std::string(kPrefix) + day_text(day) + std::string(kSuffix);
}

std::vector<DayFile> day_files(const std::filesystem::path& folder) {
  std::vector<DayFile> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.size() != kPrefix.size() + 10 + kSuffix.size() || !name.starts_with(kPrefix) ||
        !name.ends_with(kSuffix))
      continue;
    const std::int64_t day = parse_day(std::string_view(name).substr(kPrefix.size(), 10));
    std::error_code wrong;
    const bool regular = std::filesystem::is_regular_file(entry.symlink_status(wrong));
    if (day < 0 || !regular) continue;
    const auto size = entry.file_size(wrong);
    files.push_back({day, entry.path(), wrong ? 0 : size});
  }
  std::sort(files.begin(), files.end(),
            [](const DayFile& a, const DayFile& b) { return a.day < b.day; });
  return files;
}

std::uint64_t remove_old(const std::filesystem::path& folder, std::uint64_t max_bytes,
                         std::int64_t oldest_day, std::int64_t today) {
  const auto files = day_files(folder);
  std::uint64_t total = 0;
  for (const DayFile& file : files) total += file.size;
  for (const DayFile& file : files) {
    if (file.day >= today || (file.day >= oldest_day && total <= max_bytes)) break;
    std::error_code error;
    if (std::filesystem::remove(file.path, error)) total -= file.size;
  }
  return total;
}

}  // namespace gatepost::dmarc_log
