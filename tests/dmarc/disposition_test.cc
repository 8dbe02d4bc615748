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
  Override override_reason;
  const char* reason;
};

using enum Policy;
constexpr auto kFail = ResultCode::fail;
constexpr auto kOff = Enforcement::off;
constexpr auto kStandard = Enforcement::standard;
constexpr auto kStrict = Enforcement::strict;

constexpr Case kCases[] = {
    {"pass_is_not_acted_on", ResultCode::pass, reject, false, kStrict, true, Action::none,
     Override::none, "DMARC result is pass"},
    {"none_is_not_acted_on", ResultCode::none, reject, false, kStrict, true, Action::none,
     Override::none, "DMARC result is none"},
    {"temperror_is_not_acted_on_5_3_6", ResultCode::temperror, reject, false, kStrict, true,
     Action::none, Override::none, "DMARC result is temperror"},
    {"permerror_is_not_acted_on_5_3_6", ResultCode::permerror, reject, false, kStrict, true,
     Action::none, Override::none, "DMARC result is permerror"},
    {"p_none_changes_nothing_7_4", kFail, none, false, kStrict, true, Action::none, Override::none,
     "p=none of example.com"},
    {"off_reject", kFail, reject, false, kOff, true, Action::none, Override::local_policy,
     "p=reject of example.com is not enforced (dmarc.enforce = \"off\")"},
    {"off_none_is_no_override", kFail, none, false, kOff, true, Action::none, Override::none,
     "p=none of example.com"},
    {"standard_quarantine", kFail, quarantine, false, kStandard, false, Action::quarantine,
     Override::none, "p=quarantine of example.com"},
    {"standard_quarantine_stays_when_others_agree", kFail, quarantine, false, kStandard, true,
     Action::quarantine, Override::none, "p=quarantine of example.com"},
    {"standard_reject_alone_7_4", kFail, reject, false, kStandard, false, Action::quarantine,
     Override::local_policy,
     "p=reject of example.com alone does not refuse mail (RFC 9989 section 7.4)"},
    {"standard_reject_with_another_finding_7_4", kFail, reject, false, kStandard, true,
     Action::reject, Override::none, "p=reject of example.com, and another finding agrees"},
    {"strict_reject", kFail, reject, false, kStrict, false, Action::reject, Override::none,
     "p=reject of example.com"},
    {"strict_quarantine", kFail, quarantine, false, kStrict, true, Action::quarantine,
     Override::none, "p=quarantine of example.com"},
    {"t_lowers_reject_strict_4_7", kFail, reject, true, kStrict, true, Action::quarantine,
     Override::policy_test_mode, "p=reject of example.com, one lower by t=y"},
    {"t_lowers_reject_standard_4_7", kFail, reject, true, kStandard, false, Action::quarantine,
     Override::policy_test_mode, "p=reject of example.com, one lower by t=y"},
    {"t_lowers_quarantine_4_7", kFail, quarantine, true, kStrict, true, Action::none,
     Override::policy_test_mode, "p=quarantine of example.com, one lower by t=y"},
    {"t_leaves_none_4_7", kFail, none, true, kStrict, true, Action::none, Override::none,
     "p=none of example.com"},
    {"t_off", kFail, reject, true, kOff, true, Action::none, Override::local_policy,
     "p=reject of example.com is not enforced (dmarc.enforce = \"off\")"},
};

TEST(Disposition, Table) {
  for (const auto& c : kCases) {
    Outcome outcome;
    outcome.result = c.result;
    outcome.policy = c.policy;
    outcome.testing = c.testing;
    outcome.record_domain = "example.com";
    if (c.result == kFail) outcome.applied_policy = c.testing ? lower_policy(c.policy) : c.policy;
    const auto disposition = decide_disposition(outcome, c.enforcement, c.agrees);
    EXPECT_EQ(disposition.action, c.action) << c.name;
    EXPECT_EQ(disposition.override_reason, c.override_reason) << c.name;
    EXPECT_EQ(disposition.reason, c.reason) << c.name;
  }
}

TEST(Disposition, NamesTheTag) {
  Outcome outcome;
  outcome.result = kFail;
  outcome.policy = outcome.applied_policy = reject;
  outcome.policy_tag = PolicyTag::np;
  outcome.record_domain = "example.com";
  EXPECT_EQ(decide_disposition(outcome, kStrict, false).reason, "np=reject of example.com");
}

}  // namespace
}  // namespace gatepost::dmarc
