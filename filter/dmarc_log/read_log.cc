#include "filter/dmarc_log/read_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <dirent.h>
#include <nlohmann/json.hpp>

#include "filter/dmarc_log/day_files.h"
#include "filter/dmarc_log/entry.h"

namespace gatepost::dmarc_log {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTexts[] = {"reference",   "client",         "envelope_from", "verdict",
                                  "header_from", "org_domain",     "record_domain", "record",
                                  "policy",      "applied_policy", "result",        "disposition"};

// Nested deeper than any line of ours: what it is, it is none.
bool is_deep(std::string_view line) {
  constexpr int kMaxDepth = 8;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

bool has(const Json& json, const char* member, Json::value_t type) {
  const auto at = json.find(member);
  return at != json.end() && at->type() == type;
}

bool is_entry(const Json& json) {
  if (!json.is_object()) return false;
  const auto version = json.find("v");
  const auto time = json.find("time");
  if (version == json.end() || *version != kVersion || time == json.end() ||
      !time->is_number_integer())
    return false;
  return std::all_of(std::begin(kTexts), std::end(kTexts),
                     [&](const char* name) { return has(json, name, Json::value_t::string); }) &&
         has(json, "dkim", Json::value_t::array) && has(json, "overrides", Json::value_t::array) &&
         has(json, "evaluated", Json::value_t::object);
}

bool is_wanted(const Json& json, const Filter& filter) {
  const auto time = json["time"].get<std::int64_t>();
  if (time < filter.since || time >= filter.until) return false;
  return filter.domain.empty() || json["header_from"] == filter.domain ||
         json["record_domain"] == filter.domain;
}

/// The next line, without its end, cut at kMaxLine + 1 octets. @return false at the end.
bool next_line(std::istream& in, std::string& line) {
  line.clear();
  std::streambuf& buffer = *in.rdbuf();
  for (int c = buffer.sbumpc(); c != std::char_traits<char>::eof(); c = buffer.sbumpc()) {
    if (c == '\n') return true;
    if (line.size() <= kMaxLine) line += static_cast<char>(c);
  }
  return !line.empty();
}

}  // namespace

Json parse_line(std::string_view line) {
  if (line.size() > kMaxLine || is_deep(line)) return nullptr;
  Json json = Json::parse(line, nullptr, false);
  return is_entry(json) ? json : Json(nullptr);
}

Result<Found> read_log(const std::string& folder, const Filter& filter,
                       const std::function<bool(const Json&)>& take) {
  if (DIR* readable = ::opendir(folder.c_str()))
    ::closedir(readable);
  else
    return config_error(std::string("cannot be read: ") + std::strerror(errno), folder);
  Found found;
  std::string line;
  for (const DayFile& day : day_files(folder)) {
    // A line stands in the file of the day it was written, at most some hours after its message.
    if (filter.since > 0 && day.day < day_of(filter.since)) continue;
    std::ifstream in(day.path, std::ios::binary);
    if (!in)
      return config_error("cannot be read: " + std::string(std::strerror(errno)),
                          day.path.string());
    ++found.files;
    while (next_line(in, line)) {
      if (line.empty()) continue;  // the end of a torn line
      const Json json = parse_line(line);
      if (json.is_null()) {
        ++found.damaged;
        continue;
      }
      ++found.lines;
      if (is_wanted(json, filter) && !take(json)) return found;
    }
  }
  return found;
}

}  // namespace gatepost::dmarc_log
