// What an allow-listed recipient means from RCPT to the end of the message.

#include <gtest/gtest.h>

#include "filter/policy/decide.h"

namespace gatepost {
namespace {

Recipient recipient_of(const char* address) {
  return {address, std::string_view(address).starts_with("postmaster")};
}

struct RcptCase {
  const char* name;
  const char* accepted;  // already in the envelope; null: none
  bool accepted_allowed;
  const char* asked;
  bool asked_allowed;
  Action action;
  const char* enhanced;
};

const RcptCase kRcptCases[] = {
    {"refused", nullptr, false, "bob@b.example", false, Action::reject, "5.7.1"},
    {"allowed_is_accepted", nullptr, false, "bob@b.example", true, Action::none, ""},
    {"two_allowed_together", "ann@b.example", true, "bob@b.example", true, Action::none, ""},
    {"not_allowed_is_refused_anyway", "ann@b.example", true, "bob@b.example", false, Action::reject,
     "5.7.1"},
};

class AllowedRecipient : public ::testing::TestWithParam<RcptCase> {};

TEST_P(AllowedRecipient, AtRcpt) {
  const RcptCase& row = GetParam();
  Policy policy;
  policy.mode = Mode::enforce;
  policy.finish();
  Envelope envelope;
  std::vector<Finding> findings = {{"DENY_CLIENT", Stage::connect, "", -1, 1}};
  if (row.accepted != nullptr) {
    envelope.recipients = {recipient_of(row.accepted)};
    if (row.accepted_allowed) findings.push_back({"ALLOW_RECIPIENT", Stage::rcpt, "", 0, 1});
  }
  const int index = static_cast<int>(envelope.recipients.size());
  if (row.asked_allowed) findings.push_back({"ALLOW_RECIPIENT", Stage::rcpt, "", index, 1});
  const Recipient asked = recipient_of(row.asked);
  const Verdict verdict = decide(findings, policy, Stage::rcpt, Connection(), envelope, &asked);
  EXPECT_EQ(verdict.action, row.action);
  EXPECT_EQ(verdict.reply.enhanced, row.enhanced);
}

INSTANTIATE_TEST_SUITE_P(Rows, AllowedRecipient, ::testing::ValuesIn(kRcptCases),
                         [](const auto& row) { return std::string(row.param.name); });

// One answer fits all recipients of a transaction, so kinds are kept apart at RCPT.
TEST(AllowedRecipients, KindsAreNotMixed) {
  Policy policy;
  policy.mode = Mode::enforce;
  policy.finish();
  for (const bool first_allowed : {false, true}) {
    for (const bool second_allowed : {false, true}) {
      Envelope envelope;
      envelope.recipients = {recipient_of("ann@b.example")};
      std::vector<Finding> findings;
      if (first_allowed) findings.push_back({"ALLOW_RECIPIENT", Stage::rcpt, "", 0, 1});
      if (second_allowed) findings.push_back({"ALLOW_RECIPIENT", Stage::rcpt, "", 1, 1});
      const Recipient asked = recipient_of("bob@b.example");
      const Verdict verdict = decide(findings, policy, Stage::rcpt, Connection(), envelope, &asked);
      EXPECT_EQ(verdict.reply.line(),
                first_allowed == second_allowed
                    ? ""
                    : "452 4.5.3 send mail for this recipient in a transaction of its own");
    }
  }
}

TEST(AllowedRecipients, GetTheMessageWhateverItIs) {
  Policy policy;
  policy.mode = Mode::enforce;
  policy.set_rule("SPF_FAIL", {20, Action::reject});
  policy.finish();
  Envelope envelope;
  envelope.recipients = {recipient_of("ann@b.example"), recipient_of("bob@b.example")};
  std::vector<Finding> findings = {{"SPF_FAIL", Stage::mail, "", -1, 1}};
  const auto at_the_end = [&] {
    return decide(findings, policy, Stage::end_of_message, Connection(), envelope);
  };
  EXPECT_EQ(at_the_end().action, Action::reject);
  findings.push_back({"ALLOW_RECIPIENT", Stage::rcpt, "", 0, 1});
  EXPECT_EQ(at_the_end().action, Action::reject) << "not both";
  findings.push_back({"ALLOW_RECIPIENT", Stage::rcpt, "", 1, 1});
  EXPECT_EQ(at_the_end().action, Action::none);
  EXPECT_EQ(at_the_end().score, 20) << "it is still told";
  findings.push_back({"NO_SPACE", Stage::end_of_message, "", -1, 1});
  EXPECT_EQ(at_the_end().action, Action::tempfail) << "our own faults are no matter of trust";
}

}  // namespace
}  // namespace gatepost
