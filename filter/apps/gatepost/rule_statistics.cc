// gatepost stats rules: how often each content rule hit, asked of the running daemon.

#include <cstdio>

#include "core/base/text.h"
#include "filter/apps/gatepost/command.h"

namespace gatepost::command {

namespace {

using Row = std::vector<std::string>;

Row row_of(const Json& rule) {
  const std::string category = printable(rule.value("category", ""), 40);
  return {printable(rule.value("name", ""), 100),
          std::to_string(rule.value("hits", std::int64_t{0})),
          std::to_string(rule.value("shadow_hits", std::int64_t{0})),
          rule.value("shadow", false) ? "shadow" : "on",
          category.empty() ? "-" : category,
          utc_text(rule.value("since", Json(0))),
          utc_text(rule.value("last_hit", Json(0)))};
}

/// Columns as wide as what stands in them; numbers to the right.
void print_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> width(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(width[i] - row[i].size(), ' ');
      const bool right = i == 1 || i == 2;
      line += (i == 0 ? "" : "  ") + (right ? blanks + row[i] : row[i] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace

int rule_statistics(const Common& common, const std::string& socket) {
  int exit_code = kOk;
  const auto json = ask_daemon(common, socket, {{"command", "rule-statistics"}}, exit_code);
  if (!json) return exit_code;
  if (common.json) {
    std::printf("%s\n", json->dump(2).c_str());
    return kOk;
  }
  std::vector<Row> rows = {{"RULE", "HITS", "SHADOW", "STATE", "CATEGORY", "SINCE", "LAST HIT"}};
  for (const Json& rule : json->value("rules", Json::array())) rows.push_back(row_of(rule));
  std::printf("%lld messages since %s, rules loaded at %s\n",
              static_cast<long long>(json->value("messages", std::int64_t{0})),
              utc_text(json->value("since", Json(0))).c_str(),
              utc_text(json->value("loaded", Json(0))).c_str());
  if (rows.size() == 1) {
    std::printf("no content rules are loaded\n");
    return kOk;
  }
  std::printf("\n");
  print_table(rows);
  return kOk;
}

}  // namespace gatepost::command
