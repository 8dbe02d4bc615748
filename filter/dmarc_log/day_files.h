#pragma once
// The files of a log folder, one a day.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::dmarc_log {

/// Days since 1970-01-01 (UTC).
std::int64_t day_of(std::int64_t unix_time);
/// "2026-11-26".
std::string day_text(std::int64_t day);
/// The day of "2026-11-26"; -1 for what is no day of the years 1970 to 9999.
std::int64_t parse_day(std::string_view text);
/// "records-2026-11-26.jsonl": where lines written on that day stand.
std::string file_name(std::int64_t day);

struct DayFile {
  std::int64_t day = 0;
  std::filesystem::path path;
  std::uint64_t size = 0;
};

/// The log's files, oldest first; other files are left out. Empty for a folder that cannot be read.
std::vector<DayFile> day_files(const std::filesystem::path& folder);

/// Removes the oldest files until those that are left have at most `max_bytes`, and all that are
/// older than `oldest_day`; never the file of `today` or a later one. @return the octets left.
std::uint64_t remove_old(const std::filesystem::path& folder, std::uint64_t max_bytes,
                         std::int64_t oldest_day, std::int64_t today);

}  // namespace gatepost::dmarc_log
