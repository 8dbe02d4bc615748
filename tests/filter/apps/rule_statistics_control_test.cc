// `rule-statistics` as the daemon answers it.

#include "filter/apps/rule_statistics_control.h"

#include <gtest/gtest.h>

#include "tests/support/session/fake_rule_set.h"

namespace gatepost {
namespace {

TEST(RuleStatisticsControl, TellsWhatWasCounted) {
  RuleStatistics statistics;
  auto policy = std::make_shared<Policy>();
  policy->rules = std::make_shared<test::FakeRuleSet>(std::vector<rules::Rule>(), "fa4e");
  Snapshot<Policy> running(policy);
  ControlCommands commands;
  add_rule_statistics_command(commands, statistics, running);
  const auto ask = [&] { return Json::parse(commands.answer(R"({"command":"rule-statistics"})")); };
  Json answer = ask();
  EXPECT_EQ(answer["rules"], Json::array()) << answer;
  EXPECT_EQ(answer["ruleset"], "fa4e");
  const auto counters =
      statistics.begin({{"QUIET", "", false}, {"LINKS", "phish", false}, {"TRIED", "", true}}, 100);
  counters->count(1, false, 101);
  counters->count(2, true, 102);
  counters->count(2, true, 103);
  counters->count_message();
  answer = ask();
  EXPECT_EQ(answer.dump(),
            R"({"since":100,"loaded":100,"ruleset":"fa4e","messages":1,"rules":[)"
            R"({"name":"TRIED","category":"","shadow":true,"hits":0,"shadow_hits":2,"since":100,)"
            R"("last_hit":103},{"name":"LINKS","category":"phish","shadow":false,"hits":1,)"
            R"("shadow_hits":0,"since":100,"last_hit":101},{"name":"QUIET","category":"",)"
            R"("shadow":false,"hits":0,"shadow_hits":0,"since":100,"last_hit":0}]})");
}

TEST(RuleStatisticsControl, StatsTellWhatIsHeldInMemory) {
  Json stats;
  add_rule_stats(stats, Policy());
  EXPECT_EQ(stats.dump(),
            R"({"ruleset":"","rules":0,"rules.state":"none","rules.sets":0,"rules.scratches":0})");
}

TEST(RuleStatisticsControl, StatsTellWhetherRulesAreThere) {
  const auto state = [](const Policy& policy) {
    Json stats;
    add_rule_stats(stats, policy);
    return stats["rules.state"];
  };
  Policy policy;
  policy.rules_missing = RulesMissing::compiling;
  EXPECT_EQ(state(policy), "compiling");
  policy.rules_missing = RulesMissing::failed;
  EXPECT_EQ(state(policy), "failed");
  policy.rules_missing = RulesMissing::no;
  policy.rules = std::make_shared<test::FakeRuleSet>(std::vector<rules::Rule>(), "fa4e");
  EXPECT_EQ(state(policy), "ready");
}

}  // namespace
}  // namespace gatepost
