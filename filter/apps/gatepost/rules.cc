// gatepost rules: what content rules say before they meet mail, and what they would have said.

#include "filter/apps/gatepost/rules_common.h"

namespace gatepost::command {

void add_rules(CLI::App& program, int& exit_code) {
  CLI::App* rules = program.add_subcommand(
      "rules", "check, test, explain and measure content rules, and try them on sorted mail");
  rules->require_subcommand(1);
  add_rules_check(*rules, exit_code);
  add_rules_list(*rules, exit_code);
  add_rules_explain(*rules, exit_code);
  add_rules_bench(*rules, exit_code);
  add_rules_backtest(*rules, exit_code);
}

}  // namespace gatepost::command
