// Who is refused, where, and who never is; recipients, modes, shadow.

#include "tests/filter/policy/decide_case.h"

namespace gatepost {
namespace {

using test::DecideCase;
using test::nothing;
using test::recipient_of;

const DecideCase kCases[] = {
    {"nothing_found", {}, Stage::end_of_message, Action::none, 0, ""},
    {"deny_at_connect_waits_for_rcpt",
     {{"DENY_CLIENT", Stage::connect}},
     Stage::connect,
     Action::none,
     0,
     ""},
    {"deny_is_answered_at_rcpt",
     {{"DENY_CLIENT", Stage::connect}},
     Stage::rcpt,
     Action::reject,
     550,
     "5.7.1",
     nothing,
     "a@b.example"},
    {"answer_at_connect",
     {{"DENY_CLIENT", Stage::connect}},
     Stage::connect,
     Action::reject,
     550,
     "5.7.1",
     [](Policy& p, Connection&, Envelope&) { p.answer_at_rcpt = false; }},
    {"postmaster_is_exempt_rfc5321_4_5_1",
     {{"DENY_CLIENT", Stage::connect}},
     Stage::rcpt,
     Action::none,
     0,
     "",
     nothing,
     "postmaster@b.example"},
    {"our_own_fault_concerns_postmaster_too",
     {{"TOO_MANY_WAITING", Stage::rcpt}},
     Stage::rcpt,
     Action::tempfail,
     451,
     "4.3.2",
     nothing,
     "postmaster@b.example"},
    {"kinds_of_recipients_are_not_mixed",
     {},
     Stage::rcpt,
     Action::tempfail,
     452,
     "4.5.3",
     [](Policy&, Connection&, Envelope& e) {
       e.recipients = {recipient_of("postmaster@b.example")};
     },
     "a@b.example"},
    {"a_login_may_mix_them",
     {},
     Stage::rcpt,
     Action::none,
     0,
     "",
     [](Policy&, Connection&, Envelope& e) {
       e.recipients = {recipient_of("postmaster@b.example")};
       e.auth_authen = "ann";
     },
     "a@b.example"},
    {"a_login_that_is_not_the_owner_is_refused",
     {{"SENDER_NOT_OWNED", Stage::mail}},
     Stage::rcpt,
     Action::reject,
     550,
     "5.7.1",
     [](Policy&, Connection&, Envelope& e) { e.auth_authen = "ann"; },
     "a@b.example"},
    {"from_not_owned_is_refused_at_the_end",
     {{"SENDER_NOT_OWNED", Stage::end_of_message}},
     Stage::end_of_message,
     Action::reject,
     550,
     "5.7.1",
     [](Policy&, Connection& c, Envelope& e) {
       e.auth_authen = "ann";
       c.submit_network = true;
     }},
    {"an_allow_list_gives_nobody_anothers_address",
     {{"SENDER_NOT_OWNED", Stage::mail}, {"ALLOW_CLIENT", Stage::connect}},
     Stage::rcpt,
     Action::reject,
     550,
     "5.7.1",
     [](Policy&, Connection&, Envelope& e) { e.auth_authen = "ann"; },
     "postmaster@b.example"},
    {"what_cannot_be_signed_is_deferred",
     {{"SIGN_FAILED", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tempfail,
     451,
     "4.7.5",
     [](Policy&, Connection&, Envelope& e) { e.auth_authen = "ann"; }},
    {"local_mail_is_not_even_deferred",
     {{"SIGN_FAILED", Stage::end_of_message}},
     Stage::end_of_message,
     Action::none,
     0,
     "",
     [](Policy&, Connection& c, Envelope&) { c.local = true; }},
    {"allow_client_wins_over_deny",
     {{"DENY_SENDER", Stage::mail}, {"ALLOW_CLIENT", Stage::connect}},
     Stage::rcpt,
     Action::none,
     0,
     "",
     nothing,
     "a@b.example"},
    {"allow_does_not_cover_our_faults",
     {{"CHECK_ERROR", Stage::mail}, {"ALLOW_CLIENT", Stage::connect}},
     Stage::rcpt,
     Action::tempfail,
     451,
     "4.3.0",
     nothing,
     "a@b.example"},
    {"trusted_relay_is_never_refused",
     {{"DENY_SENDER", Stage::mail}},
     Stage::rcpt,
     Action::none,
     0,
     "",
     [](Policy&, Connection& c, Envelope&) { c.trusted_relay = true; },
     "a@b.example"},
    {"login_is_not_refused",
     {{"DENY_CLIENT", Stage::connect}},
     Stage::rcpt,
     Action::none,
     0,
     "",
     [](Policy&, Connection&, Envelope& e) { e.auth_authen = "ann"; },
     "a@b.example"},
    {"local_mail_is_not_even_deferred",
     {{"CHECK_ERROR", Stage::mail}},
     Stage::rcpt,
     Action::none,
     0,
     "",
     [](Policy&, Connection& c, Envelope&) { c.local = true; },
     "a@b.example"},
};

TEST(Decide, Table) {
  test::expect_decided(kCases);
}

TEST(Decide, ObserveNeverShowsTheAction) {
  Policy policy;  // observe is the default
  policy.finish();
  const Finding finding{"DENY_SENDER", Stage::mail, "", -1, 1};
  const Recipient recipient = recipient_of("a@b.example");
  const Verdict v = decide({&finding, 1}, policy, Stage::rcpt, {}, {}, &recipient);
  EXPECT_EQ(v.action, Action::reject);
  EXPECT_TRUE(v.observed);
  EXPECT_EQ(v.effective(), Action::none);
}

TEST(Decide, AFindingOfAnotherRecipientDoesNotCount) {
  Policy policy;
  policy.mode = Mode::enforce;
  policy.finish();
  const Finding finding{"DENY_RECIPIENT", Stage::rcpt, "", 0, 1};
  Envelope envelope;
  const Recipient recipient = recipient_of("a@b.example");
  EXPECT_EQ(decide({&finding, 1}, policy, Stage::rcpt, {}, envelope, &recipient).action,
            Action::reject);
  envelope.recipients.push_back(recipient);
  EXPECT_EQ(decide({&finding, 1}, policy, Stage::rcpt, {}, envelope, &recipient).action,
            Action::none);
}

TEST(Decide, OneOutcomePerRecipientAndTheScoreAddsUp) {
  Policy policy;
  policy.mode = Mode::enforce;
  policy.finish();
  const Finding findings[] = {{"DNSLIST_LISTED", Stage::connect, "", -1, 4},
                              {"SPF_SOFTFAIL", Stage::mail, "", -1, 1}};
  Envelope envelope;
  envelope.recipients = {recipient_of("a@b.example"), recipient_of("c@b.example")};
  const Verdict v = decide(findings, policy, Stage::end_of_message, {}, envelope);
  EXPECT_DOUBLE_EQ(v.score, 5);
  EXPECT_EQ(v.action, Action::tag);
  EXPECT_EQ(v.recipients, std::vector<RecipientOutcome>(2, RecipientOutcome::accept));
  ASSERT_EQ(v.reasons.size(), 2U);
  EXPECT_EQ(v.reasons[0].finding, "DNSLIST_LISTED");
}

TEST(Decide, AContentRuleInShadowDecidesNothing) {
  Policy policy;
  policy.mode = Mode::enforce;
  policy.finish();
  Finding hit;
  hit.name = "LINKS";
  hit.stage = Stage::end_of_message;
  hit.rule = FindingRule{20, Action::reject};
  hit.reply = "said to the client";
  Envelope envelope;
  envelope.recipients = {{"a@b.example", false}};
  const auto decided = [&] {
    return decide(std::vector<Finding>{hit}, policy, Stage::end_of_message, Connection{}, envelope);
  };
  EXPECT_EQ(decided().action, Action::reject);
  EXPECT_EQ(decided().reply.text, "said to the client");
  hit.shadow = true;
  EXPECT_EQ(decided().action, Action::none);
  EXPECT_EQ(decided().score, 0);
  EXPECT_TRUE(decided().reasons.empty());
  // Nor does it agree with DMARC that a message is to be refused.
  const auto with_dmarc = [&] {
    return decide(std::vector<Finding>{{"DMARC_REJECT", Stage::end_of_message}, hit}, policy,
                  Stage::end_of_message, Connection{}, envelope)
        .action;
  };
  hit.rule = FindingRule{0.1, Action::none};
  EXPECT_EQ(with_dmarc(), Action::tag) << "quarantined, as nothing else speaks against it";
  hit.shadow = false;
  EXPECT_EQ(with_dmarc(), Action::reject);
}

}  // namespace
}  // namespace gatepost
