// What becomes of SPF results: findings, replies and header fields.

#include "spf/libspf2.h"
#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

std::string zone() {
  return R"zone(
strict.example.      TXT "v=spf1 ip4:192.0.2.7 -all exp=why.strict.example"
why.strict.example.  TXT "see https://strict.example/?%{i} \"now\" (ref FAKE)"
wordy.example.       TXT "v=spf1 ip4:192.0.2.7 -all exp=why.wordy.example"
plain.example.       TXT "v=spf1 ip4:192.0.2.7 -all"
soft.example.        TXT "v=spf1 ~all"
broken.example.      TXT "v=spf1 ip4:999.0.0.1 -all"
parked.example.      TXT "v=spf1 -all"
told.example.        TXT "v=spf1 -all exp=why.strict.example"
redirected.example.  TXT "v=spf1 redirect=parked.example"
pass.example.        TXT "v=spf1 ip4:192.0.2.1 ip4:203.0.113.9 -all"
helo.fail.example.   TXT "v=spf1 -all"
helo.pass.example.   TXT "v=spf1 ip4:192.0.2.1 -all"
why.wordy.example.   TXT ")zone" +
         std::string(200, 'x') + "\" \"" + std::string(100, 'x') + "\"\n";
}

void reject_all(Policy& p) {
  for (const char* name : {"SPF_FAIL", "SPF_SOFTFAIL", "SPF_PERMERROR", "SPF_TEMPERROR"})
    p.set_rule(name, {0, Action::reject});
}
void defer_all(Policy& p) {
  for (const char* name : {"SPF_FAIL", "SPF_SOFTFAIL", "SPF_PERMERROR", "SPF_TEMPERROR"})
    p.set_rule(name, {0, Action::tempfail});
}
void no_mail(Policy& p) {
  p.set_rule("SPF_NO_MAIL_DOMAIN", {1, Action::reject});
}

struct Case {
  const char* name;
  const char* mail_from;
  const char* helo;
  void (*arrange)(Policy&);
  const char* findings;
  const char* reply;  // its beginning; empty: none
};

const char* const kNoRecord = "mail.sender.example";
const char* const kSaid =
    "550 5.7.23 client may not send for the sender's domain (SPF); strict.example says: \"see "
    "https://strict.example/?192.0.2.1 'now' (ref FAKE)\" (ref ";

const Case kCases[] = {
    {"defaults_refuse_nothing", "<a@strict.example>", kNoRecord, nullptr, "SPF_FAIL", ""},
    {"fail_with_explanation_rfc7208_8_4", "<a@strict.example>", kNoRecord, reject_all, "SPF_FAIL",
     kSaid},
    {"fail_without_explanation", "<a@plain.example>", kNoRecord, reject_all, "SPF_FAIL",
     "550 5.7.23 client may not send for the sender's domain (SPF) (ref "},
    {"fail_deferred", "<a@plain.example>", kNoRecord, defer_all, "SPF_FAIL",
     "451 4.7.23 client may not send for the sender's domain (SPF) (ref "},
    {"softfail", "<a@soft.example>", kNoRecord, reject_all, "SPF_SOFTFAIL", "550 5.7.23 "},
    {"permerror_rfc7372", "<a@broken.example>", kNoRecord, reject_all, "SPF_PERMERROR",
     "550 5.7.24 "},
    {"permerror_deferred", "<a@broken.example>", kNoRecord, defer_all, "SPF_PERMERROR",
     "451 4.7.24 "},
    {"temperror_deferred_rfc7372", "<a@down.example>", kNoRecord, defer_all, "SPF_TEMPERROR",
     "451 4.7.24 "},
    {"temperror_refused", "<a@down.example>", kNoRecord, reject_all, "SPF_TEMPERROR",
     "550 5.7.24 "},
    {"null_sender_is_the_helo_name", "<>", "helo.fail.example", reject_all, "SPF_FAIL",
     "550 5.7.23 "},
    {"no_mail_domain", "<a@parked.example>", kNoRecord, no_mail, "SPF_FAIL SPF_NO_MAIL_DOMAIN",
     "550 5.7.23 the sender's domain sends no mail (SPF) (ref "},
    {"no_mail_domain_scores_only", "<a@parked.example>", kNoRecord, nullptr,
     "SPF_FAIL SPF_NO_MAIL_DOMAIN", ""},
    {"no_mail_domain_may_explain", "<a@told.example>", kNoRecord, no_mail,
     "SPF_FAIL SPF_NO_MAIL_DOMAIN", "550 5.7.23 the sender's domain sends no mail (SPF); told."},
    {"redirect_is_not_bare", "<a@redirected.example>", kNoRecord, no_mail, "SPF_FAIL", ""},
    {"a_helo_name_that_sends_no_mail_is_none", "<>", "helo.fail.example", no_mail, "SPF_FAIL", ""},
    {"helo_fail_is_its_own_finding_rfc7208_2_3", "<a@pass.example>", "helo.fail.example",
     reject_all, "SPF_PASS SPF_HELO_FAIL", ""},
    {"helo_pass", "<a@pass.example>", "helo.pass.example", nullptr, "SPF_PASS SPF_HELO_PASS", ""},
    {"helo_softfail", "<a@pass.example>", "soft.example", nullptr, "SPF_PASS SPF_HELO_SOFTFAIL",
     ""},
    {"helo_permerror", "<a@pass.example>", "broken.example", nullptr, "SPF_PASS SPF_HELO_PERMERROR",
     ""},
    {"helo_temperror", "<a@pass.example>", "down.example", nullptr, "SPF_PASS SPF_HELO_TEMPERROR",
     ""},
    {"helo_literal_is_not_asked_for", "<a@pass.example>", "[192.0.2.1]", nullptr, "SPF_PASS", ""},
    {"helo_fail_may_refuse", "<a@pass.example>", "helo.fail.example",
     [](Policy& p) {
       p.set_rule("SPF_HELO_FAIL", {0, Action::reject});
     },
     "SPF_PASS SPF_HELO_FAIL", "550 5.7.23 client may not use this HELO name (SPF) (ref "},
};

class SpfResults : public ::testing::TestWithParam<std::tuple<spf::Engine, Case>> {};

TEST_P(SpfResults, Row) {
  const auto& [engine, row] = GetParam();
  SessionRig rig(program_checks({"spf"}), zone());
  rig.resolver.fail("down.example", dns::Status::servfail);
  rig.set_policy([&, &engine = engine, &row = row](Policy& p) {
    p.spf_engine = engine;
    if (row.arrange != nullptr) row.arrange(p);
  });
  const Verdict verdict = rig.send({.helo = row.helo, .mail_from = row.mail_from});
  EXPECT_EQ(rig.findings(), row.findings) << findings_with_details(rig);
  EXPECT_EQ(verdict.reply.line().substr(0, std::string_view(row.reply).size()), row.reply);
  EXPECT_EQ(verdict.reply.code == 0, *row.reply == '\0') << verdict.reply.line();
}

INSTANTIATE_TEST_SUITE_P(Native, SpfResults,
                         ::testing::Combine(::testing::Values(spf::Engine::native),
                                            ::testing::ValuesIn(kCases)),
                         [](const auto& row) { return std::get<1>(row.param).name; });
INSTANTIATE_TEST_SUITE_P(Libspf2, SpfResults,
                         ::testing::Combine(::testing::Values(spf::Engine::libspf2),
                                            ::testing::ValuesIn(kCases)),
                         [](const auto& row) { return std::get<1>(row.param).name; });

TEST(SpfReply, ALongExplanationIsCut) {
  SessionRig rig(program_checks({"spf"}), zone());
  rig.set_policy(reject_all);
  const Verdict verdict = rig.send({.mail_from = "<a@wordy.example>"});
  EXPECT_NE(
      verdict.reply.text.find("wordy.example says: \"" + std::string(157, 'x') + "...\" (ref"),
      std::string::npos)
      << verdict.reply.text;
  EXPECT_LE(verdict.reply.text.size(), 400U);
}

TEST(SpfReply, IsGivenAtMailWhenConfigured) {
  SessionRig rig(program_checks({"spf"}), zone());
  rig.set_policy([](Policy& p) {
    no_mail(p);
    p.answer_at_rcpt = false;
  });
  rig.connect();
  EXPECT_EQ(rig.mail("<a@parked.example>").reply.enhanced, "5.7.23");
  EXPECT_EQ(rig.mail("<a@parked.example>", "ann").action, Action::none) << "a login";
}

TEST(SpfReply, ExemptRecipientsGetTheMail) {
  SessionRig rig(program_checks({"spf"}), zone());
  rig.set_policy(reject_all);
  rig.connect(), rig.mail("<a@strict.example>");
  EXPECT_EQ(rig.rcpt("<bob@here.example>").action, Action::reject);
  EXPECT_EQ(rig.rcpt("<postmaster@here.example>").action, Action::none);
}

std::vector<std::string> inserted(const Verdict& verdict, std::string_view name) {
  std::vector<std::string> values;
  for (const HeaderEdit& edit : verdict.edits) {
    if (edit.kind == HeaderEdit::Kind::insert && edit.name == name)
      values.insert(values.begin(), edit.value);  // each at the top
  }
  return values;
}

TEST(ReceivedSpf, OneForEachIdentityWhenAskedFor) {
  const Letter letter{.helo = "helo.pass.example",
                      .mail_from = "<a@plain.example>",
                      .text = "Received-SPF: pass (forged)\nFrom: a@plain.example\n\nx\n"};
  SessionRig rig(program_checks({"spf"}), zone());
  EXPECT_TRUE(inserted(rig.send(letter), "Received-SPF").empty());
  rig.reopen();
  rig.set_policy([](Policy& p) { p.add_received_spf = true; });
  const Verdict verdict = rig.send(letter);
  const auto values = inserted(verdict, "Received-SPF");
  ASSERT_EQ(values.size(), 2U);
  EXPECT_TRUE(values[0].starts_with("fail (")) << values[0];
  EXPECT_NE(values[0].find("identity=mailfrom"), std::string::npos) << values[0];
  EXPECT_TRUE(values[1].starts_with("pass (")) << values[1];
  EXPECT_NE(values[1].find("identity=helo"), std::string::npos) << values[1];
  for (const HeaderEdit& edit : verdict.edits)
    EXPECT_NE(edit.kind, HeaderEdit::Kind::remove) << "what others wrote stays";
}

TEST(AuthenticationResults, TellOfBothIdentities) {
  SessionRig rig(program_checks({"spf"}), zone());
  EXPECT_EQ(results_field(rig.send({.helo = "helo.fail.example", .mail_from = "<a@pass.example>"})),
            "mx.here.example;\n\tspf=pass smtp.mailfrom=a@pass.example;\n\tspf=fail "
            "smtp.helo=helo.fail.example");
}

// The HELO name's DNS holds up no answer that it cannot change; its result is there at the end.
TEST(SpfHelo, IsWaitedForAtTheEndOfTheMessageOnly) {
  for (const bool may_refuse : {false, true}) {
    SessionRig rig(program_checks({"spf"}), zone());
    rig.set_policy([&](Policy& p) {
      reject_all(p);
      if (may_refuse) p.set_rule("SPF_HELO_FAIL", {0, Action::reject});
    });
    rig.resolver.hold(true);
    rig.connect(), rig.helo("helo.pass.example"), rig.mail("<a@pass.example>");
    rig.resolver.release(dns::make_query("pass.example", dns::RrType::txt));
    StageAnswer answer;
    rig.session->rcpt("<bob@here.example>", SessionRig::into(answer));
    rig.run();
    EXPECT_EQ(answer.calls, may_refuse ? 0 : 1);
    rig.resolver.release_all();
    rig.run();
    EXPECT_EQ(answer.calls, 1);
    EXPECT_EQ(answer.verdict.action, Action::none);
    rig.content("From: a@pass.example\n\nx\n");
    EXPECT_EQ(rig.findings(), "SPF_PASS SPF_HELO_PASS");
  }
}

struct RelayCase {
  const char* name;
  const char* received;
  const char* findings;
  const char* client;
};

constexpr const char* kOutside =
    "Received: from x.example (x.example [203.0.113.9]) by relay.here.example (Postfix) with "
    "ESMTP id 1; d\n";

const RelayCase kRelayCases[] = {
    {"looked_through", kOutside, "SPF_PASS", "203.0.113.9"},
    {"through_two",
     "Received: from r2 (r2 [198.51.100.8]) by r1 (Postfix) with ESMTP id 2; d\n"
     "Received: from x.example ([203.0.113.9] helo=x) by r2 with esmtp (Exim 4.96) id 1; d\n",
     "SPF_PASS", "203.0.113.9"},
    {"the_first_from_outside_counts",
     "Received: from x (x [203.0.113.66]) by r1 (Postfix) with ESMTP id 2; d\n"
     "Received: from x (x [203.0.113.9]) by r1 (Postfix) with ESMTP id 1; d\n",
     "SPF_FAIL", "203.0.113.66"},
    {"helo_name_of_the_client",
     "Received: from helo.fail.example (x [203.0.113.9]) by r1 (Postfix) with ESMTP id 1; d\n",
     "SPF_PASS SPF_HELO_FAIL", "203.0.113.9"},
    {"no_field", "", "SPF_NO_CLIENT", ""},
    {"own_network_is_no_question",
     "Received: from pc (pc [203.0.113.200]) by r1 (Postfix) with ESMTP id 1; d\n", "SPF_NO_CLIENT",
     ""},
    {"login_at_the_relay",
     "Received: from pc (pc [203.0.113.66]) by r1 (Postfix) with ESMTPSA id 1; d\n",
     "SPF_NO_CLIENT", ""},
};

class SpfRelay : public ::testing::TestWithParam<RelayCase> {};

// The relay is refused nothing, whatever is found, and the check waits for the header although RCPT
// needs it.
TEST_P(SpfRelay, Row) {
  SessionRig rig(program_checks({"spf", "lists"}), zone());
  rig.set_policy([](Policy& p) {
    reject_all(p);
    p.trusted_relays = *MatchList::parse({"198.51.100.0/24"});
    p.submit_networks = *MatchList::parse({"203.0.113.200"});
    p.allow_senders = *MatchList::parse({"other.example"});
  });
  const Verdict verdict = rig.send({.helo = "r1.here.example",
                                    .mail_from = "<a@pass.example>",
                                    .text = std::string(GetParam().received) + "From: a@b\n\nx\n"},
                                   SessionRig::client("198.51.100.7"));
  EXPECT_EQ(rig.findings(), GetParam().findings) << findings_with_details(rig);
  EXPECT_LE(verdict.action, Action::tag) << verdict.reply.line();
  ASSERT_FALSE(rig.records.empty());
  const auto& client = rig.records.back().facts.spf_client;
  EXPECT_EQ(client ? client->text() : "", GetParam().client);
}

INSTANTIATE_TEST_SUITE_P(Rows, SpfRelay, ::testing::ValuesIn(kRelayCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(SpfRelayed, AllowedSendersAreProvenByTheClientFromOutside) {
  SessionRig rig(program_checks({"spf", "lists"}), zone());
  rig.set_policy([](Policy& p) {
    p.trusted_relays = *MatchList::parse({"198.51.100.0/24"});
    p.allow_senders = *MatchList::parse({"pass.example"});
  });
  rig.send({.mail_from = "<a@pass.example>", .text = std::string(kOutside) + "From: a@b\n\nx\n"},
           SessionRig::client("198.51.100.7"));
  EXPECT_EQ(rig.findings(), "SPF_PASS ALLOW_SENDER") << findings_with_details(rig);
}

}  // namespace
}  // namespace gatepost::test
