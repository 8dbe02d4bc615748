#include "filter/policy/decide.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

// One row a rule: findings (name@stage), the stage asked, and what comes out.
struct Case {
  const char* name;
  std::vector<std::pair<const char*, Stage>> findings;
  Stage stage;
  Action action;
  int code;
  const char* enhanced;
  void (*arrange)(Policy&, Connection&, Envelope&) = nullptr;
  const char* recipient = nullptr;  // asked for at rcpt
};

void nothing(Policy&, Connection&, Envelope&) {}

Recipient recipient_of(const char* address) {
  const std::string text(address);
  return {text, text.starts_with("postmaster") || text.starts_with("abuse")};
}

const Case kCases[] = {
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
    {"spf_fail_alone_only_scores",
     {{"SPF_FAIL", Stage::mail}},
     Stage::rcpt,
     Action::none,
     0,
     "",
     nothing,
     "a@b.example"},
    {"spf_fail_refused_when_configured_rfc7372",
     {{"SPF_FAIL", Stage::mail}},
     Stage::rcpt,
     Action::reject,
     550,
     "5.7.23",
     [](Policy& p, Connection&, Envelope&) {
       p.set_rule("SPF_FAIL", {2, Action::reject});
     },
     "a@b.example"},
    {"a_refusal_turned_into_a_deferral_changes_class",
     {{"SPF_FAIL", Stage::mail}},
     Stage::rcpt,
     Action::tempfail,
     451,
     "4.7.23",
     [](Policy& p, Connection&, Envelope&) {
       p.set_rule("SPF_FAIL", {2, Action::tempfail});
     },
     "a@b.example"},
    {"reject_wins_over_tempfail",
     {{"CHECK_ERROR", Stage::mail}, {"DENY_SENDER", Stage::mail}},
     Stage::rcpt,
     Action::reject,
     550,
     "5.7.1",
     nothing,
     "a@b.example"},
    {"dmarc_reject_alone_is_not_refused_rfc9989_7_4",
     {{"DMARC_REJECT", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tag,
     0,
     ""},
    {"dmarc_reject_with_spf_fail_is_still_alone",
     {{"DMARC_REJECT", Stage::end_of_message}, {"SPF_FAIL", Stage::mail}},
     Stage::end_of_message,
     Action::tag,
     0,
     ""},
    {"dmarc_reject_with_another_finding",
     {{"DMARC_REJECT", Stage::end_of_message}, {"IPREV_FAIL", Stage::connect}},
     Stage::end_of_message,
     Action::reject,
     550,
     "5.7.26"},
    {"dmarc_reject_strict",
     {{"DMARC_REJECT", Stage::end_of_message}},
     Stage::end_of_message,
     Action::reject,
     550,
     "5.7.26",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
    {"dmarc_reject_off",
     {{"DMARC_REJECT", Stage::end_of_message}, {"IPREV_FAIL", Stage::connect}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_enforce = dmarc::Enforcement::off; }},
    {"dmarc_off_and_no_score",
     {{"DMARC_QUARANTINE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::none,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_enforce = dmarc::Enforcement::off; }},
    {"dmarc_quarantine_as_hold",
     {{"DMARC_QUARANTINE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::hold,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_quarantine_as = Action::hold; }},
    {"arc_trusted_overrides_dmarc",
     {{"ARC_TRUSTED", Stage::end_of_message}, {"DMARC_REJECT", Stage::end_of_message}},
     Stage::end_of_message,
     Action::none,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) {
       p.dmarc_enforce = dmarc::Enforcement::strict;
       p.tag_score = 0.1;
     }},
    {"arc_trusted_overrides_nothing_else",
     {{"ARC_TRUSTED", Stage::end_of_message},
      {"DMARC_REJECT", Stage::end_of_message},
      {"DENY_CLIENT", Stage::connect}},
     Stage::end_of_message,
     Action::reject,
     550,
     "5.7.1"},
    {"arc_trusted_but_dns_is_down_defers",
     {{"ARC_TRUSTED_TEMPERROR", Stage::end_of_message}, {"DMARC_REJECT", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tempfail,
     451,
     "4.7.26",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
    {"arc_pass_alone_overrides_nothing",
     {{"ARC_PASS", Stage::end_of_message}, {"DMARC_REJECT", Stage::end_of_message}},
     Stage::end_of_message,
     Action::reject,
     550,
     "5.7.26",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
    {"arc_fail_is_not_another_finding_rfc9989_7_4",
     {{"ARC_FAIL", Stage::end_of_message}, {"DMARC_REJECT", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) {
       p.set_rule("ARC_FAIL", {1, Action::none});
     }},
    {"arc_fail_can_be_refused_rfc8617_5_2_2",
     {{"ARC_FAIL", Stage::end_of_message}},
     Stage::end_of_message,
     Action::reject,
     550,
     "5.7.29",
     [](Policy& p, Connection&, Envelope&) {
       p.set_rule("ARC_FAIL", {0, Action::reject});
     }},
    {"dmarc_temperror_defers_in_strict",
     {{"DMARC_TEMPERROR", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tempfail,
     451,
     "4.7.26",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
    {"dmarc_temperror_passes_else",
     {{"DMARC_TEMPERROR", Stage::end_of_message}},
     Stage::end_of_message,
     Action::none,
     0,
     ""},
    {"ambiguous_author_is_refused_with_strict",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}, {"FROM_SEVERAL", Stage::end_of_headers}},
     Stage::end_of_headers,
     Action::reject,
     550,
     "5.7.1",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
    {"ambiguous_reading_of_a_sure_author_counts_only",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::none,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
    {"ambiguous_author_from_a_relay_of_ours_is_not_refused",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}, {"FROM_SEVERAL", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection& c, Envelope&) {
       p.dmarc_enforce = dmarc::Enforcement::strict, c.trusted_relay = true;
     }},
    {"score_tags",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}, {"SPF_FAIL", Stage::mail}},
     Stage::end_of_message,
     Action::tag,
     0,
     ""},
    {"score_is_not_answered_before_the_end",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}, {"SPF_FAIL", Stage::mail}},
     Stage::data,
     Action::none,
     0,
     ""},
    {"score_rejects",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::reject,
     550,
     "5.7.1",
     [](Policy& p, Connection&, Envelope&) { p.reject_score = 3; }},
    {"score_holds_between",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::hold,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.quarantine_score = 3; }},
    {"score_stores_between",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::store,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) {
       p.quarantine_score = 3, p.quarantine_as = Action::store;
     }},
    {"dmarc_quarantine_as_store",
     {{"DMARC_QUARANTINE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::store,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_quarantine_as = Action::store; }},
    {"store_and_reject_has_a_reply",
     {{"DMARC_QUARANTINE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::store,
     550,
     "5.7.26",
     [](Policy& p, Connection&, Envelope&) {
       p.dmarc_quarantine_as = Action::store, p.store_and_reject = true;
     }},
    {"store_and_reject_refuses_no_login",
     {{"DMARC_QUARANTINE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::store,
     0,
     "",
     [](Policy& p, Connection&, Envelope& e) {
       p.dmarc_quarantine_as = Action::store, p.store_and_reject = true, e.auth_authen = "ann";
     }},
    {"a_quarantine_that_cannot_take_it_defers",
     {{"DMARC_QUARANTINE", Stage::end_of_message},
      {"QUARANTINE_UNAVAILABLE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tempfail,
     452,
     "4.3.1",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_quarantine_as = Action::store; }},
    {"local_mail_is_tagged_then",
     {{"DMARC_QUARANTINE", Stage::end_of_message},
      {"QUARANTINE_UNAVAILABLE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection& c, Envelope&) {
       p.dmarc_quarantine_as = Action::store, c.local = true;
     }},
    {"a_score_is_not_stored_then",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}, {"QUARANTINE_UNAVAILABLE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) {
       p.quarantine_score = 3, p.quarantine_as = Action::store;
       p.set_rule("QUARANTINE_UNAVAILABLE", {0, Action::none});
     }},
    {"a_released_message_passes",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers},
      {"NUL_IN_MESSAGE", Stage::end_of_message},
      {"RELEASED", Stage::end_of_message}},
     Stage::end_of_message,
     Action::none,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) {
       p.reject_score = 1;
       p.set_rule("NUL_IN_MESSAGE", {9, Action::reject});
     }},
    {"a_released_message_waits_for_space",
     {{"NO_SPACE", Stage::end_of_message}, {"RELEASED", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tempfail,
     452,
     "4.3.1"},
    {"a_bad_token_is_any_mail",
     {{"RELEASE_TOKEN_BAD", Stage::end_of_message}},
     Stage::end_of_message,
     Action::none,
     0,
     ""},
    {"score_of_a_login_only_tags",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope& e) { p.reject_score = 3, e.auth_authen = "ann"; }},
    {"block_lists_say_nothing_of_a_login",
     {{"DNSLIST_LISTED", Stage::connect}, {"IPREV_FAIL", Stage::connect}},
     Stage::end_of_message,
     Action::none,
     0,
     "",
     [](Policy& p, Connection&, Envelope& e) { p.tag_score = 1, e.auth_authen = "ann"; }},
    {"block_lists_tag_a_stranger",
     {{"DNSLIST_LISTED", Stage::connect}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.tag_score = 1; }},
    {"postmaster_gets_spam_tagged",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope& e) {
       p.reject_score = 3, e.recipients = {recipient_of("abuse@b.example")};
     }},
};

TEST(Decide, Table) {
  for (const Case& c : kCases) {
    Policy policy;
    policy.mode = Mode::enforce;
    Connection connection;
    Envelope envelope;
    if (c.arrange) c.arrange(policy, connection, envelope);
    policy.finish();
    std::vector<Finding> findings;
    for (const auto& [name, stage] : c.findings) findings.push_back({name, stage, "", -1, 1});
    Recipient recipient;
    if (c.recipient) recipient = recipient_of(c.recipient);
    const Verdict v =
        decide(findings, policy, c.stage, connection, envelope, c.recipient ? &recipient : nullptr);
    EXPECT_EQ(to_string(v.action), to_string(c.action)) << c.name;
    EXPECT_EQ(v.reply.code, c.code) << c.name;
    EXPECT_EQ(v.reply.enhanced, c.enhanced) << c.name;
    EXPECT_FALSE(v.observed) << c.name;
  }
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
  EXPECT_TRUE(policy.needs(Stage::connect).empty());
  EXPECT_EQ(policy.needs(Stage::rcpt).count("iprev"), 0U);
  EXPECT_EQ(policy.needs(Stage::rcpt).count("lists"), 1U);
  EXPECT_EQ(policy.needs(Stage::end_of_message).count("dkim"), 1U);
  policy.set_rule("IPREV_FAIL", {1, Action::reject});
  policy.finish();
  EXPECT_EQ(policy.needs(Stage::rcpt).count("iprev"), 1U);
  policy.disabled_checks.insert("iprev");
  policy.finish();
  EXPECT_EQ(policy.needs(Stage::end_of_message).count("iprev"), 0U);
}

struct ListCase {
  const char* entry;
  const char* subject;
  bool matches;
};

constexpr ListCase kListCases[] = {
    {"mail.example", "u@mail.example", true},   {"mail.example", "u@sub.mail.example", false},
    {".example", "u@sub.mail.example", true},   {".example", "u@example", false},
    {"U@Mail.Example", "u@mail.example", true}, {"u@", "u@anything.example", true},
    {"u@", "v@anything.example", false},        {"v@mail.example", "u@mail.example", false},
};

TEST(MatchList, Addresses) {
  for (const auto& c : kListCases) {
    EXPECT_EQ(MatchList::parse({c.entry})->match_address(c.subject).has_value(), c.matches)
        << c.entry << " " << c.subject;
  }
}

TEST(MatchList, RefusesWhatItCannotMatch) {
  for (const char* entry : {"", "@", "@mail.example", "a b", "192.0.2.0/33", "x@y z"}) {
    const auto list = MatchList::parse({entry});
    ASSERT_FALSE(list.ok()) << entry;
    EXPECT_NE(list.error().what.find("is no network"), std::string::npos);
  }
}

}  // namespace
}  // namespace gatepost
