// gatepost rules list: a table of the rules.

#include <cstdio>

#include "core/base/text.h"
#include "filter/apps/gatepost/rules_common.h"

namespace gatepost::command {

namespace {

struct Options : RulesOptions {
  bool all = false;
  std::string category;
};

std::string score_text(const rules::Rule& rule) {
  if (rule.is_subrule()) return "-";
  char out[32];
  std::snprintf(out, sizeof out, "%g", rule.scores[1]);
  return out;
}

/// What else than its score it does.
std::string effect_of(const rules::Rule& rule) {
  if (rule.shadow) return "shadow";
  return rule.action == rules::RuleAction::none ? "" : std::string(to_string(rule.action));
}

Json json_of_rule(const rules::Rule& rule) {
  return {{"name", rule.name},
          {"type", to_string(rule.type)},
          {"score", rule.scores[1]},
          {"scores", rule.scores},
          {"action", to_string(rule.action)},
          {"shadow", rule.shadow},
          {"category", text(rule.category)},
          {"description", text(rule.description)},
          {"file", text(rule.place.file)},
          {"line", rule.place.line}};
}

int list(const Options& options) {
  int exit_code = kOk;
  const auto loaded = load_rule_files(options, exit_code);
  if (!loaded) return exit_code;
  Json json = Json::array();
  TextTable table({{"", false}, {"", false}, {"", true}, {"", false}, {"", false}, {"", false, 0}});
  for (const rules::Rule& rule : loaded->sources.file.rules) {
    if (!options.all && rule.is_subrule()) continue;
    if (!options.category.empty() && rule.category != options.category) continue;
    if (options.common.json)
      json.push_back(json_of_rule(rule));
    else
      table.add({rule.name, std::string(to_string(rule.type)), score_text(rule), effect_of(rule),
                 printable(rule.category, 40), printable(rule.description, 300)});
  }
  if (options.common.json)
    std::printf("%s\n", json.dump(2).c_str());
  else
    std::fputs(table.text(false).c_str(), stdout);
  return kOk;
}

}  // namespace

void add_rules_list(CLI::App& rules, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = rules.add_subcommand("list", "list the rules with their scores");
  options->common.add_to(*app);
  app->add_option("files", options->files, "the same as --rules for each");
  app->add_flag("--all", options->all, "also list subrules");
  app->add_option("--category", options->category, "only rules of this category");
  app->callback([options, &exit_code] { exit_code = list(*options); });
}

}  // namespace gatepost::command
