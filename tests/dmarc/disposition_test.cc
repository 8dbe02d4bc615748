#include "dmarc/disposition.h"

#include <gtest/gtest.h>

namespace gatepost::dmarc {
namespace {

struct Case {
  const char* name;
  ResultCode result;
  Policy policy;
  bool testing;
  Enforcement enforcement;
  bool agrees;
  Action action;
  const char* overrides;  // their names, with '+' between
  const char* reason;
  const char* list = "";
  const char* setting = "dmarc.enforce";
  Override off_reason = Override::local_policy;
};

using enum Policy;
constexpr auto kFail = ResultCode::fail;
constexpr auto kOff = Enforcement::off;
constexpr auto kStandard = Enforcement::standard;
constexpr auto kStrict = Enforcement::strict;

constexpr Case kCases[] = {
    {"pass_is_not_acted_on", ResultCode::pass, reject, false, kStrict, true, Action::none, "",
     "DMARC result is pass"},
    {"none_is_not_acted_on", ResultCode::none, reject, false, kStrict, true, Action::none, "",
     "DMARC result is none"},
    {"temperror_is_not_acted_on_5_3_6", ResultCode::temperror, reject, false, kStrict, true,
     Action::none, "", "DMARC result is temperror"},
    {"permerror_is_not_acted_on_5_3_6", ResultCode::permerror, reject, false, kStrict, true,
     Action::none, "", "DMARC result is permerror"},
    {"p_none_changes_nothing_7_4", kFail, none, false, kStrict, true, Action::none, "",
     "p=none of example.com"},
    {"off_reject", kFail, reject, false, kOff, true, Action::none, "local_policy",
     "p=reject of example.com is not enforced (dmarc.enforce = \"off\")"},
    {"off_none_is_no_override", kFail, none, false, kOff, true, Action::none, "",
     "p=none of example.com"},
    {"standard_quarantine", kFail, quarantine, false, kStandard, false, Action::quarantine, "",
     "p=quarantine of example.com"},
    {"standard_quarantine_stays_when_others_agree", kFail, quarantine, false, kStandard, true,
     Action::quarantine, "", "p=quarantine of example.com"},
    {"standard_reject_alone_7_4", kFail, reject, false, kStandard, false, Action::quarantine,
     "local_policy", "p=reject of example.com alone does not refuse mail (RFC 9989 section 7.4)"},
    {"standard_reject_with_another_finding_7_4", kFail, reject, false, kStandard, true,
     Action::reject, "", "p=reject of example.com, and another finding agrees"},
    {"strict_reject", kFail, reject, false, kStrict, false, Action::reject, "",
     "p=reject of example.com"},
    {"strict_quarantine", kFail, quarantine, false, kStrict, true, Action::quarantine, "",
     "p=quarantine of example.com"},
    {"t_lowers_reject_strict_4_7", kFail, reject, true, kStrict, true, Action::quarantine,
     "policy_test_mode", "p=reject of example.com, one lower by t=y"},
    {"t_lowers_reject_standard_4_7", kFail, reject, true, kStandard, false, Action::quarantine,
     "policy_test_mode", "p=reject of example.com, one lower by t=y"},
    {"t_lowers_quarantine_4_7", kFail, quarantine, true, kStrict, true, Action::none,
     "policy_test_mode", "p=quarantine of example.com, one lower by t=y"},
    {"t_leaves_none_4_7", kFail, none, true, kStrict, true, Action::none, "",
     "p=none of example.com"},
    {"t_off", kFail, reject, true, kOff, true, Action::none, "policy_test_mode+local_policy",
     "p=reject of example.com, one lower by t=y is not enforced (dmarc.enforce = \"off\")"},
    {"list_copy_standard", kFail, reject, false, kStandard, false, Action::quarantine,
     "mailing_list", "p=reject of example.com, but the mailing list lists.example handed it on",
     "lists.example"},
    {"list_copy_with_another_finding_7_4", kFail, reject, false, kStandard, true, Action::reject,
     "", "p=reject of example.com, and another finding agrees", "lists.example"},
    {"list_copy_strict_is_as_published", kFail, reject, false, kStrict, false, Action::reject, "",
     "p=reject of example.com", "lists.example"},
    {"list_copy_quarantine_is_no_override", kFail, quarantine, false, kStandard, false,
     Action::quarantine, "", "p=quarantine of example.com", "lists.example"},
    {"trusted_list", kFail, reject, false, kOff, true, Action::none, "mailing_list",
     "p=reject of example.com is not enforced (dmarc.lists \"lists.example\" = \"off\")",
     "lists.example", "dmarc.lists \"lists.example\"", Override::mailing_list},
    {"trusted_forwarder", kFail, quarantine, false, kOff, false, Action::none, "trusted_forwarder",
     "p=quarantine of example.com is not enforced (dmarc.forwarders \"192.0.2.7\" = \"off\")", "",
     "dmarc.forwarders \"192.0.2.7\"", Override::trusted_forwarder},
};

TEST(Disposition, Table) {
  for (const auto& c : kCases) {
    Outcome outcome;
    outcome.result = c.result;
    outcome.policy = c.policy;
    outcome.testing = c.testing;
    outcome.record_domain = "example.com";
    if (c.result == kFail) outcome.applied_policy = c.testing ? lower_policy(c.policy) : c.policy;
    const auto disposition =
        decide_disposition(outcome, {c.enforcement, c.setting, c.off_reason, "", c.agrees, c.list});
    std::string overrides;
    for (const OverrideReason& one : disposition.overrides) {
      overrides += (overrides.empty() ? "" : "+") + std::string(to_string(one.type));
      EXPECT_FALSE(one.comment.empty()) << c.name;
    }
    EXPECT_EQ(disposition.action, c.action) << c.name;
    EXPECT_EQ(overrides, c.overrides) << c.name;
    EXPECT_EQ(disposition.reason, c.reason) << c.name;
  }
}

// A trusted ARC chain goes before every setting.
TEST(Disposition, TrustedPath) {
  Outcome outcome;
  outcome.result = kFail;
  outcome.policy = outcome.applied_policy = reject;
  outcome.record_domain = "example.com";
  const auto disposition = decide_disposition(
      outcome, {.enforcement = kStrict, .trusted_path = "arc sealed by list.example"});
  EXPECT_EQ(disposition.action, Action::none);
  EXPECT_EQ(
      disposition.overrides,
      (std::vector<OverrideReason>{{Override::trusted_forwarder, "arc sealed by list.example"}}));
  EXPECT_EQ(disposition.reason,
            "p=reject of example.com is not enforced: arc sealed by list.example");
}

TEST(Disposition, NamesTheTag) {
  Outcome outcome;
  outcome.result = kFail;
  outcome.policy = outcome.applied_policy = reject;
  outcome.policy_tag = PolicyTag::np;
  outcome.record_domain = "example.com";
  EXPECT_EQ(decide_disposition(outcome, {.enforcement = kStrict}).reason,
            "np=reject of example.com");
}

}  // namespace
}  // namespace gatepost::dmarc
