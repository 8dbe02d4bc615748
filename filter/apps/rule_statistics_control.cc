#include "filter/apps/rule_statistics_control.h"

#include "rules/match_state.h"
#include "rules/rule_set.h"

namespace gatepost {

namespace {

std::string hash_of(const Policy& policy) {
  return policy.rules ? policy.rules->hash() : "";
}

const char* state_of(const Policy& policy) {
  switch (policy.rules_missing) {
    case RulesMissing::no:
      break;
    case RulesMissing::compiling:
      return "compiling";
    case RulesMissing::failed:
      return "failed";
  }
  return policy.rules ? "ready" : "none";
}

}  // namespace

void add_rule_statistics_command(ControlCommands& commands, const RuleStatistics& statistics,
                                 Snapshot<Policy>& policy) {
  commands.add("rule-statistics", [&](const Json&) {
    const RuleStatistics::Reading reading = statistics.read();
    Json rules = Json::array();
    for (const RuleStatistics::Row& row : reading.rows) {
      rules.push_back({{"name", row.name},
                       {"category", row.category},
                       {"shadow", row.shadow},
                       {"hits", row.hits},
                       {"shadow_hits", row.shadow_hits},
                       {"since", row.since},
                       {"last_hit", row.last_hit}});
    }
    return Json{{"since", reading.since},
                {"loaded", reading.loaded},
                {"ruleset", hash_of(*policy.get())},
                {"messages", reading.messages},
                {"rules", std::move(rules)}};
  });
}

void add_rule_stats(Json& stats, const Policy& policy) {
  stats["ruleset"] = hash_of(policy);
  stats["rules"] = policy.rules ? policy.rules->rules().size() : 0;
  stats["rules.state"] = state_of(policy);
  stats["rules.sets"] = rules::RuleSet::alive();
  stats["rules.scratches"] = rules::MatchStatePool::open_scratches();
}

}  // namespace gatepost
