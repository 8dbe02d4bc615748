// gatepost dmarc records: what was found of each message, as aggregate reports are made from it.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <deque>

#include <unistd.h>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "filter/apps/gatepost/command.h"
#include "filter/dmarc_log/day_files.h"
#include "filter/dmarc_log/read_log.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string folder;
  std::string domain;
  std::string since;
  std::string until;
  std::size_t limit = 100;
};

constexpr std::int64_t kDay = 86400;

/// "2026-11-26" as its first second; nothing for another text.
std::optional<std::int64_t> first_second(const std::string& text) {
  const std::int64_t day = dmarc_log::parse_day(text);
  if (day < 0) return std::nullopt;
  return day * kDay;
}

Result<dmarc_log::Filter> filter_of(const Options& options) {
  dmarc_log::Filter filter;
  if (!options.domain.empty()) {
    const auto domain = mail::normalize_domain(options.domain);
    if (!domain.ok()) return permanent_error("--domain: " + domain.error().what);
    filter.domain = *domain;
  }
  if (!options.since.empty()) {
    const auto since = first_second(options.since);
    if (!since)
      return permanent_error("--since: expected a day such as 2026-11-26, got '" +
                             printable(options.since, 80) + "'");
    filter.since = *since;
  }
  if (!options.until.empty()) {
    const auto until = first_second(options.until);
    if (!until)
      return permanent_error("--until: expected a day such as 2026-11-26, got '" +
                             printable(options.until, 80) + "'");
    filter.until = *until + kDay;
  }
  return filter;
}

std::string time_text(std::int64_t time) {
  const std::time_t seconds = time;
  std::tm parts{};
  char text[32];
  if (gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
    return std::to_string(time);
  return text;
}

std::string overrides_text(const Json& overrides) {
  std::string words;
  for (const Json& one : overrides) {
    if (!one.is_object()) continue;
    words += (words.empty() ? "" : ",") + one.value("type", std::string());
  }
  return words.empty() ? "-" : words;
}

std::string member(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "-";
}

using Row = std::vector<std::string>;

Row row_of(const Json& json) {
  const Json& evaluated = json["evaluated"];
  return {time_text(json["time"].get<std::int64_t>()),
          member(json, "client"),
          member(json, "header_from"),
          member(json, "result"),
          member(evaluated, "spf"),
          member(evaluated, "dkim"),
          member(json, "policy"),
          member(json, "disposition"),
          overrides_text(json["overrides"]),
          member(json, "reference")};
}

void print_table(const std::deque<Json>& records) {
  std::vector<Row> rows = {{"time", "client", "author domain", "result", "spf", "dkim", "policy",
                            "disposition", "override", "reference"}};
  for (const Json& json : records) rows.push_back(row_of(json));
  std::vector<std::size_t> widths(rows[0].size());
  for (Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = printable(row[i], 80);
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

void print_lines(const std::deque<Json>& records) {
  for (const Json& json : records) {
    std::printf("%s\n", json.dump(-1, ' ', true, Json::error_handler_t::replace).c_str());
  }
}

int run(const Options& options) {
  const auto filter = filter_of(options);
  if (!filter.ok()) return fail(filter.error()), kUsage;
  std::string folder = options.folder;
  if (folder.empty()) {
    const auto configuration = options.common.load();
    if (!configuration) return kConfig;
    folder = config::dmarc_records_folder(configuration->daemon);
    if (folder.empty())
      return fail(config_error("dmarc.records is empty: no records are kept")), kConfig;
  }
  std::deque<Json> last;  // of those wanted
  std::size_t wanted = 0;
  const auto found = dmarc_log::read_log(folder, *filter, [&](const Json& json) {
    ++wanted;
    last.push_back(json);
    if (options.limit != 0 && last.size() > options.limit) last.pop_front();
    return true;
  });
  if (!found.ok()) return fail(found.error()), kNoInput;
  if (options.common.json)
    print_lines(last);
  else
    print_table(last);
  std::fflush(stdout);
  if (found->damaged > 0) {
    std::fprintf(stderr, "gatepost: %zu damaged line%s passed over\n", found->damaged,
                 found->damaged == 1 ? " was" : "s were");
  }
  if (wanted > last.size()) {
    std::fprintf(stderr, "gatepost: the last %zu of %zu are shown (--limit)\n", last.size(),
                 wanted);
  }
  return kOk;
}

}  // namespace

void add_dmarc_records(CLI::App& dmarc, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* records =
      dmarc.add_subcommand("records", "what was found of each message, as reports are made from");
  options->common.add_to(*records);
  records->add_option("--domain", options->domain, "of this author domain or record only");
  records->add_option("--since", options->since, "from this day on (UTC), YYYY-MM-DD");
  records->add_option("--until", options->until, "up to this day (UTC), included");
  records->add_option("--limit", options->limit,
                      "the last NUMBER of them, 0 for all (default 100)");
  records->add_option("folder", options->folder, "instead of that of the configuration");
  records->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace gatepost::command
