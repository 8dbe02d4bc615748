// What a trusted relay says of a message, and that nobody else is believed.

#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

struct Case {
  const char* name;
  const char* fields;
  const char* findings;  // with details
  bool trusted = true;
};

const Case kCases[] = {
    {"nothing_said", "", ""},
    {"name_of_ours", "Authentication-Results: mx.here.example; spf=pass; dkim=fail; dmarc=pass\n",
     "RELAYED_RESULTS(mx.here.example: spf=pass dkim=fail dmarc=pass)"},
    {"further_name_of_ours", "Authentication-Results: mx2.here.example; none\n",
     "RELAYED_RESULTS(mx2.here.example: none)"},
    {"trusted_foreign_name", "Authentication-Results: Front.Example (v) 1; dmarc=FAIL\n",
     "RELAYED_RESULTS(Front.Example: dmarc=fail) RELAYED_DMARC_FAIL(Front.Example)"},
    {"dmarc_fails_twice_is_said_once",
     "Authentication-Results: front.example; dmarc=fail\n"
     "Authentication-Results: front.example; dmarc=fail; dmarc=fail\n",
     "RELAYED_RESULTS(front.example: dmarc=fail) RELAYED_DMARC_FAIL(front.example) "
     "RELAYED_RESULTS(front.example: dmarc=fail dmarc=fail)"},
    {"others_are_not_believed", "Authentication-Results: other.example; dmarc=fail\n", ""},
    {"no_name", "Authentication-Results: dmarc=fail header.from=a.example\n", ""},
    {"version_that_is_not_known_rfc8601_2_2",
     "Authentication-Results: front.example 2; dmarc=fail\n", ""},
    {"broken", "Authentication-Results: front.example; dmarc=fail (\n", ""},
    {"from_a_stranger", "Authentication-Results: front.example; dmarc=fail\n", "", false},
};

class Relayed : public ::testing::TestWithParam<Case> {};

TEST_P(Relayed, Row) {
  SessionRig rig(program_checks({"relayed"}));
  rig.set_policy([&](Policy& p) {
    p.own_authserv_ids = {"mx2.here.example"};
    p.trusted_authserv_ids = {"front.example"};
    if (GetParam().trusted) p.trusted_relays = *MatchList::parse({"192.0.2.1"});
  });
  const Verdict verdict =
      rig.send({.mail_from = "<ann@a.example>",
                .text = std::string(GetParam().fields) + "From: a@a.example\n\nx\n"});
  EXPECT_EQ(findings_with_details(rig), GetParam().findings);
  EXPECT_EQ(rig.records.back().facts.relayed.empty(), *GetParam().findings == '\0');
  EXPECT_NE(verdict.action, Action::reject);
}

INSTANTIATE_TEST_SUITE_P(Rows, Relayed, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(RelayedBudget, FiftyFields) {
  SessionRig rig(program_checks({"relayed"}));
  rig.set_policy([](Policy& p) { p.trusted_relays = *MatchList::parse({"192.0.2.1"}); });
  std::string text = "From: a@a.example\n\nx\n";
  for (int i = 0; i < 50; ++i)
    text.insert(0, "Authentication-Results: mx.here.example; spf=pass\n");
  rig.send({.mail_from = "<ann@a.example>", .text = text});
  EXPECT_EQ(rig.records.back().facts.relayed.size(), 20U);
}

}  // namespace
}  // namespace gatepost::test
