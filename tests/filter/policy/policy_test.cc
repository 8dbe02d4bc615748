// The table of findings, and which checks a policy waits for.

#include "filter/policy/policy.h"

#include <gtest/gtest.h>

#include "filter/policy/finding.h"

namespace gatepost {
namespace {

TEST(Findings, TableIsSortedAndComplete) {
  const auto& rows = finding_table();
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_LT(rows[i - 1].name, rows[i].name);
  for (const FindingInfo& row : rows) {
    EXPECT_EQ(find_finding(row.name), &row);
    const int code_class = row.action == Action::reject     ? 5
                           : row.action == Action::tempfail ? 4
                                                            : row.code / 100;
    EXPECT_EQ(row.code / 100, code_class) << row.name;
    EXPECT_FALSE(row.meaning.empty()) << row.name;
  }
  EXPECT_EQ(find_finding("NO_SUCH_FINDING"), nullptr);
}

TEST(Policy, OnlyChecksThatCouldAnswerAreWaitedFor) {
  Policy policy;
  policy.finish();
  for (const FindingInfo& row : finding_table())
    EXPECT_FALSE(policy.needs(Stage::connect, row.check)) << row.check;
  EXPECT_FALSE(policy.needs(Stage::rcpt, "iprev"));
  EXPECT_TRUE(policy.needs(Stage::rcpt, "lists"));
  EXPECT_TRUE(policy.needs(Stage::end_of_message, "dkim"));
  policy.set_rule("IPREV_FAIL", {1, Action::reject});
  policy.finish();
  EXPECT_TRUE(policy.needs(Stage::rcpt, "iprev"));
  EXPECT_TRUE(policy.needs(Stage::end_of_message, "iprev"));
  policy.disabled_checks.insert("iprev");
  policy.finish();
  EXPECT_TRUE(policy.stages_of("iprev").empty());
}

}  // namespace
}  // namespace gatepost
