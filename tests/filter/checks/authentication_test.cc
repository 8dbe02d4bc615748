// SPF, DKIM and DMARC through a session, on small messages: findings, reply and the field we add.

#include <openssl/evp.h>

#include "tests/dkim/test_signer.h"
#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

const dkim::test::TestKey& key() {
  static const auto made = dkim::test::TestKey::ed25519();
  return made;
}

std::string zone() {
  return R"(
pass.example.         TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.pass.example.  TXT "v=DMARC1; p=reject"
fail.example.         TXT "v=spf1 ip4:192.0.2.77 -all"
_dmarc.fail.example.  TXT "v=DMARC1; p=reject"
soft.example.         TXT "v=spf1 ~all"
_dmarc.soft.example.  TXT "v=DMARC1; p=quarantine"
neutral.example.      TXT "v=spf1 ?all"
_dmarc.neutral.example. TXT "v=DMARC1; p=none"
broken.example.       TXT "v=spf1 ip4:999.0.0.1 -all"
_dmarc.broken.example. TXT "v=DMARC1; p=reject; t=y"
helo.example.         TXT "v=spf1 ip4:192.0.2.1 -all"
test._domainkey.pass.example. TXT ")" +
         key().record() + R"("
gone._domainkey.pass.example. TXT "v=DKIM1; p="
new._domainkey.pass.example. TXT ")" +
         key().record() + R"(; t=y"
)";
}

std::string letter_from(const std::string& domain) {
  return "From: ann@" + domain + "\nTo: bob@here.example\nSubject: hello\n\nhello\n";
}

// Of fail.example's author, handed on by talk.LIST.
std::string list_copy(const std::string& list) {
  return "List-Id: Talk <talk." + list + ">\n" + letter_from("fail.example");
}

std::string signed_letter(const std::string& from, const dkim::test::SignOptions& options,
                          const char* spoil = nullptr) {
  auto message = dkim::test::parse_message(letter_from(from));
  dkim::test::add_signature(message, key(), options);
  if (spoil != nullptr) message.body += spoil;
  return dkim::test::to_text(message);
}

dkim::test::SignOptions signed_by(const char* domain, const char* selector = "test") {
  return {.domain = domain, .selector = selector};
}

struct Case {
  const char* name;
  Letter letter;
  const char* findings;
  Action action;  // with the default policy, enforced
  void (*arrange)(Connection&, Policy&) = nullptr;
};

std::vector<Case> cases() {
  return {
      {"spf_passes_and_aligns",
       {.mail_from = "<ann@pass.example>", .text = letter_from("pass.example")},
       "SPF_PASS DMARC_PASS",
       Action::none},
      {"spf_passes_for_another_domain",
       {.mail_from = "<ann@pass.example>", .text = letter_from("fail.example")},
       "SPF_PASS DMARC_REJECT",
       Action::tag},
      {"spf_fails",
       {.mail_from = "<ann@fail.example>", .text = letter_from("fail.example")},
       "SPF_FAIL DMARC_REJECT",
       Action::tag},
      {"p_reject_with_strict",
       {.mail_from = "<ann@fail.example>", .text = letter_from("fail.example")},
       "SPF_FAIL DMARC_REJECT",
       Action::reject,
       [](Connection&, Policy& p) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
      {"p_reject_with_off",
       {.mail_from = "<ann@fail.example>", .text = letter_from("fail.example")},
       "SPF_FAIL DMARC_REJECT",
       Action::none,
       [](Connection&, Policy& p) {
         p.dmarc_enforce = dmarc::Enforcement::off;
         p.set_rule("DMARC_REJECT", {0, Action::none});
       }},
      {"p_quarantine",
       {.mail_from = "<ann@soft.example>", .text = letter_from("soft.example")},
       "SPF_SOFTFAIL DMARC_QUARANTINE",
       Action::tag},
      {"p_quarantine_as_hold",
       {.mail_from = "<ann@soft.example>", .text = letter_from("soft.example")},
       "SPF_SOFTFAIL DMARC_QUARANTINE",
       Action::hold,
       [](Connection&, Policy& p) { p.dmarc_quarantine_as = Action::hold; }},
      {"p_none",
       {.mail_from = "<ann@neutral.example>", .text = letter_from("neutral.example")},
       "SPF_NEUTRAL DMARC_FAIL",
       Action::none},
      {"broken_spf_and_testing_dmarc_rfc9989_t",
       {.mail_from = "<ann@broken.example>", .text = letter_from("broken.example")},
       "SPF_PERMERROR DMARC_QUARANTINE",
       Action::tag},
      {"no_records",
       {.mail_from = "<ann@none.example>", .text = letter_from("none.example")},
       "SPF_NONE",
       Action::none},
      {"null_sender_is_checked_by_helo_rfc7208_2_4",
       {.helo = "helo.example", .mail_from = "<>", .text = letter_from("none.example")},
       "SPF_PASS",
       Action::none},
      {"spf_is_down",
       {.mail_from = "<ann@down.example>", .text = letter_from("none.example")},
       "SPF_TEMPERROR",
       Action::none},
      {"dmarc_is_down",
       {.mail_from = "<ann@none.example>", .text = letter_from("down.example")},
       "SPF_NONE DMARC_TEMPERROR",
       Action::none},
      {"dmarc_is_down_with_strict",
       {.mail_from = "<ann@none.example>", .text = letter_from("down.example")},
       "SPF_NONE DMARC_TEMPERROR",
       Action::tempfail,
       [](Connection&, Policy& p) { p.dmarc_enforce = dmarc::Enforcement::strict; }},

      {"signature_passes_and_aligns",
       {.mail_from = "<ann@fail.example>",
        .text = signed_letter("pass.example", signed_by("pass.example"))},
       "SPF_FAIL DKIM_PASS DMARC_PASS",
       Action::none},
      {"signature_of_another_domain",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("fail.example", signed_by("pass.example"))},
       "SPF_NONE DKIM_PASS DMARC_REJECT",
       Action::tag},
      {"body_was_changed",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("pass.example", signed_by("pass.example"), "more\r\n")},
       "SPF_NONE DKIM_FAIL DMARC_REJECT",
       Action::tag},
      {"key_was_revoked",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("pass.example", signed_by("pass.example", "gone"))},
       "SPF_NONE DKIM_PERMERROR DMARC_REJECT",
       Action::tag},
      {"expired_signature_is_a_matter_of_policy",
       {.mail_from = "<ann@none.example>",
        .text =
            signed_letter("pass.example", {.domain = "pass.example", .extra = "; x=1000000000"})},
       "SPF_NONE DKIM_POLICY DMARC_REJECT",
       Action::tag},
      {"part_of_the_body_is_a_matter_of_policy",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("pass.example", {.domain = "pass.example", .length = 2})},
       "SPF_NONE DKIM_POLICY DMARC_REJECT",
       Action::tag},
      {"part_of_the_body_when_the_operator_allows_it",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("pass.example", {.domain = "pass.example", .length = 2})},
       "SPF_NONE DKIM_PASS DMARC_PASS",
       Action::none,
       [](Connection&, Policy& p) { p.dkim_allow_partial_body = true; }},
      {"test_key_that_fails_is_no_signature_rfc6376_3_6_1",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("pass.example", signed_by("pass.example", "new"), "more\r\n")},
       "SPF_NONE DKIM_TESTING DMARC_REJECT",
       Action::tag},
      {"test_key_that_passes",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("pass.example", signed_by("pass.example", "new"))},
       "SPF_NONE DKIM_PASS DMARC_PASS",
       Action::none},
      {"unsigned_is_said_where_it_means_something",
       {.mail_from = "<ann@none.example>", .text = letter_from("none.example")},
       "SPF_NONE DKIM_NONE",
       Action::reject,
       [](Connection&, Policy& p) {
         p.set_rule("DKIM_NONE", {0, Action::reject});
       }},
      {"failed_signature_refused_when_configured",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("none.example", signed_by("pass.example"), "more\r\n")},
       "SPF_NONE DKIM_FAIL",
       Action::reject,
       [](Connection&, Policy& p) {
         p.set_rule("DKIM_FAIL", {0, Action::reject});
       }},
      {"small_key_refused_when_configured",
       {.mail_from = "<ann@none.example>",
        .text =
            signed_letter("none.example", {.domain = "pass.example", .extra = "; x=1000000000"})},
       "SPF_NONE DKIM_POLICY",
       Action::reject,
       [](Connection&, Policy& p) {
         p.set_rule("DKIM_POLICY", {0, Action::reject});
       }},
      {"domainkeys_are_historic_rfc4870",
       {.mail_from = "<ann@none.example>",
        .text = "DomainKey-Signature: a=rsa-sha1; d=pass.example; s=test; c=nofws; b=QUJD\n" +
                letter_from("none.example")},
       "DOMAINKEYS SPF_NONE",
       Action::none},

      {"key_is_down_aligned_signature_may_pass",
       {.mail_from = "<ann@none.example>",
        .text = signed_letter("pass.example", signed_by("pass.example", "slow"))},
       "SPF_NONE DKIM_TEMPERROR DMARC_TEMPERROR",
       Action::none},

      {"from_is_missing",
       {.mail_from = "<ann@pass.example>", .text = "Subject: x\n\nhello\n"},
       "FROM_MISSING SPF_PASS",
       Action::none},
      {"sender_stands_in_for_from",
       {.mail_from = "<ann@pass.example>", .text = "Sender: boss@fail.example\n\nhello\n"},
       "FROM_MISSING AMBIGUOUS_FROM SPF_PASS",
       Action::tag},
      {"two_from_fields",
       {.mail_from = "<ann@pass.example>",
        .text = "From: ann@pass.example\nFrom: eve@fail.example\n\nhello\n"},
       "FROM_SEVERAL AMBIGUOUS_FROM SPF_PASS DMARC_PERMERROR",
       Action::tag},
      {"two_from_fields_with_strict",
       {.mail_from = "<ann@pass.example>",
        .text = "From: ann@pass.example\nFrom: eve@fail.example\n\nhello\n"},
       "FROM_SEVERAL AMBIGUOUS_FROM",
       Action::reject,
       [](Connection&, Policy& p) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
      {"two_from_fields_of_one_domain_can_fail",
       {.mail_from = "<ann@pass.example>",
        .text = "From: ann@fail.example\nFrom: eve@fail.example\n\nhello\n"},
       "FROM_SEVERAL SPF_PASS DMARC_REJECT",
       Action::reject},
      {"two_from_fields_of_one_domain_never_pass",
       {.mail_from = "<ann@pass.example>",
        .text = "From: ann@pass.example\nFrom: eve@pass.example\n\nhello\n"},
       "FROM_SEVERAL SPF_PASS DMARC_PERMERROR",
       Action::none},
      {"two_mailboxes_of_one_domain_are_one_author_domain_rfc9989_5_3_1",
       {.mail_from = "<ann@pass.example>",
        .text = "From: ann@pass.example, eve@pass.example\n\nhello\n"},
       "FROM_SEVERAL SPF_PASS DMARC_PASS",
       Action::none},
      {"dmarc_author_strict_knows_one_mailbox_only",
       {.mail_from = "<ann@pass.example>",
        .text = "From: ann@pass.example, eve@pass.example\n\nhello\n"},
       "FROM_SEVERAL SPF_PASS DMARC_PERMERROR",
       Action::none,
       [](Connection&, Policy& p) { p.dmarc_strict_author = true; }},
      {"malformed_from_is_no_way_around_p_reject",
       {.mail_from = "<ann@pass.example>",
        .text = "From: boss@fail.example <boss@fail.example>\n\nhello\n"},
       "FROM_MALFORMED SPF_PASS DMARC_REJECT",
       Action::reject},
      {"malformed_from_never_passes",
       {.mail_from = "<ann@pass.example>",
        .text = "From: ann@pass.example <ann@pass.example>\n\nhello\n"},
       "FROM_MALFORMED SPF_PASS DMARC_PERMERROR",
       Action::none},
      {"comment_with_another_address_is_told",
       {.mail_from = "<ann@pass.example>",
        .text = "From: (boss@fail.example) ann@pass.example\n\nhello\n"},
       "AMBIGUOUS_FROM SPF_PASS DMARC_PASS",
       Action::none},
      {"name_with_another_address_is_told",
       {.mail_from = "<ann@pass.example>",
        .text = "From: \"boss@fail.example\" <ann@pass.example>\n\nhello\n"},
       "FROM_NAME_ADDRESS SPF_PASS DMARC_PASS",
       Action::none},

      {"list_copy_is_quarantined_with_standard",
       {.mail_from = "<talk-bounces@pass.example>", .text = list_copy("pass.example")},
       "SPF_PASS DMARC_REJECT LIST_COPY",
       Action::hold,
       [](Connection&, Policy& p) { p.dmarc_quarantine_as = Action::hold; }},
      {"list_copy_is_refused_with_strict",
       {.mail_from = "<talk-bounces@pass.example>", .text = list_copy("pass.example")},
       "SPF_PASS DMARC_REJECT LIST_COPY",
       Action::reject,
       [](Connection&, Policy& p) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
      {"list_that_is_trusted_is_not_even_tagged",
       {.mail_from = "<talk-bounces@pass.example>", .text = list_copy("pass.example")},
       "SPF_PASS DMARC_REJECT LIST_COPY",
       Action::none,
       [](Connection&, Policy& p) {
         p.dmarc_enforce = dmarc::Enforcement::strict;
         EXPECT_TRUE(p.dmarc_lists.add("pass.example", dmarc::Enforcement::off, false).ok());
       }},
      {"list_that_proves_nothing_is_no_list",
       {.mail_from = "<talk-bounces@none.example>", .text = list_copy("pass.example")},
       "SPF_NONE DMARC_REJECT",
       Action::reject,
       [](Connection&, Policy& p) {
         p.dmarc_enforce = dmarc::Enforcement::strict;
         EXPECT_TRUE(p.dmarc_lists.add("pass.example", dmarc::Enforcement::off, false).ok());
       }},
      {"domain_is_enforced_stricter",
       {.mail_from = "<ann@pass.example>", .text = letter_from("fail.example")},
       "SPF_PASS DMARC_REJECT",
       Action::reject,
       [](Connection&, Policy& p) {
         EXPECT_TRUE(p.dmarc_domains.add("fail.example", dmarc::Enforcement::strict, false).ok());
       }},
      {"domain_is_enforced_weaker",
       {.mail_from = "<ann@pass.example>", .text = letter_from("fail.example")},
       "SPF_PASS DMARC_REJECT",
       Action::none,
       [](Connection&, Policy& p) {
         p.dmarc_enforce = dmarc::Enforcement::strict;
         EXPECT_TRUE(p.dmarc_domains.add("fail.example", dmarc::Enforcement::off, false).ok());
       }},
      {"domain_that_is_down_defers_when_it_is_strict",
       {.mail_from = "<ann@none.example>", .text = letter_from("down.example")},
       "SPF_NONE DMARC_TEMPERROR",
       Action::tempfail,
       [](Connection&, Policy& p) {
         EXPECT_TRUE(p.dmarc_domains.add("down.example", dmarc::Enforcement::strict, false).ok());
       }},
      {"forwarder_is_trusted_before_the_domain_is_strict",
       {.mail_from = "<ann@pass.example>", .text = letter_from("fail.example")},
       "SPF_PASS DMARC_REJECT",
       Action::none,
       [](Connection&, Policy& p) {
         EXPECT_TRUE(p.dmarc_domains.add("fail.example", dmarc::Enforcement::strict, false).ok());
         EXPECT_TRUE(p.dmarc_forwarders.add("192.0.2.0/24", dmarc::Enforcement::off, true).ok());
       }},
      {"forwarder_is_trusted_less",
       {.mail_from = "<ann@pass.example>", .text = letter_from("fail.example")},
       "SPF_PASS DMARC_REJECT",
       Action::reject,
       [](Connection& c, Policy& p) {
         c.client_name = "out.forwarder.example";
         EXPECT_TRUE(
             p.dmarc_forwarders.add(".forwarder.example", dmarc::Enforcement::strict, true).ok());
       }},

      {"login_is_no_question_of_spf",
       {.mail_from = "<ann@fail.example>", .text = letter_from("fail.example")},
       "",
       Action::none,
       [](Connection&, Policy& p) { p.submit_networks = *MatchList::parse({"192.0.2.1"}); }},
      {"trusted_relay_is_no_question_of_spf",
       {.mail_from = "<ann@fail.example>", .text = letter_from("fail.example")},
       "SPF_NO_CLIENT",
       Action::none,
       [](Connection&, Policy& p) { p.trusted_relays = *MatchList::parse({"192.0.2.1"}); }},
      {"behind_a_trusted_relay_dmarc_judges_the_client_from_outside",
       {.mail_from = "<ann@fail.example>",
        .text = "Received: from x (x [203.0.113.9]) by r (Postfix) with ESMTP id 1; d\n" +
                letter_from("fail.example")},
       "SPF_FAIL DMARC_REJECT",
       Action::tag,
       [](Connection&, Policy& p) { p.trusted_relays = *MatchList::parse({"192.0.2.1"}); }},
      {"local_mail_is_no_question_of_spf",
       {.mail_from = "<ann@fail.example>", .text = letter_from("fail.example")},
       "",
       Action::none,
       [](Connection& c, Policy&) { c.local = true; }},
  };
}

class Authentication : public ::testing::TestWithParam<Case> {};

TEST_P(Authentication, Row) {
  const Case& row = GetParam();
  SessionRig rig(program_checks({"spf", "dkim", "dmarc", "message"}), zone());
  rig.resolver.fail("down.example", dns::Status::servfail);
  rig.resolver.fail("_dmarc.down.example", dns::Status::servfail);
  rig.resolver.fail("slow._domainkey.pass.example", dns::Status::timeout);
  Connection connection = SessionRig::client();
  rig.set_policy([&](Policy& p) {
    if (row.arrange != nullptr) row.arrange(connection, p);
  });
  const Verdict verdict = rig.send(row.letter, connection);
  EXPECT_EQ(rig.findings(), row.findings) << findings_with_details(rig);
  EXPECT_EQ(verdict.action, row.action) << verdict.reply.line();
}

INSTANTIATE_TEST_SUITE_P(Rows, Authentication, ::testing::ValuesIn(cases()),
                         [](const auto& row) { return std::string(row.param.name); });

std::string field_of(const Letter& letter) {
  SessionRig rig(program_checks({"spf", "dkim", "dmarc", "message"}), zone());
  rig.resolver.fail("down.example", dns::Status::servfail);
  return results_field(rig.send(letter));
}

TEST(AuthenticationResults, TellWhatWasChecked) {
  EXPECT_EQ(field_of({.mail_from = "<ann@pass.example>", .text = letter_from("pass.example")}),
            "mx.here.example;\n\tspf=pass smtp.mailfrom=ann@pass.example;\n\tdkim=none;\n\t"
            "dmarc=pass header.from=pass.example");
  EXPECT_EQ(
      field_of({.mail_from = "<ann@fail.example>", .text = letter_from("fail.example")}),
      "mx.here.example;\n\tspf=fail smtp.mailfrom=ann@fail.example;\n\tdkim=none;\n\t"
      "dmarc=fail (p=reject dis=quarantine override=local_policy)\n\theader.from=fail.example "
      "policy.dmarc=reject");
  EXPECT_EQ(field_of({.helo = "helo.example", .mail_from = "<>", .text = "\nx\n"}),
            "mx.here.example;\n\tspf=pass smtp.helo=helo.example;\n\tdkim=none;\n\t"
            "dmarc=none");
}

TEST(AuthenticationResults, TellOfATestKeyAndOfAnIdentity) {
  const auto field =
      field_of({.mail_from = "<ann@none.example>",
                .text = signed_letter("pass.example", {.domain = "pass.example",
                                                       .selector = "new",
                                                       .extra = "; i=ann@sub.pass.example"})});
  EXPECT_NE(field.find("dkim=pass (test key) header.d=pass.example"), std::string::npos) << field;
  EXPECT_NE(field.find("header.i=ann@sub.pass.example"), std::string::npos) << field;
}

// RFC 8601's registry calls the method "domainkeys" deprecated: it is not written.
TEST(AuthenticationResults, DomainKeysAreARemark) {
  const auto field =
      field_of({.mail_from = "<ann@none.example>",
                .text = "DomainKey-Signature: a=rsa-sha1; d=pass.example; s=test; b=QUJD\n" +
                        letter_from("none.example")});
  EXPECT_NE(field.find("dkim=none (DomainKey-Signature is historic, not verified)"),
            std::string::npos)
      << field;
  EXPECT_EQ(field.find("domainkeys"), std::string::npos) << field;
}

// Neither our field nor the record grows with the number of signatures.
TEST(AuthenticationResults, ManySignaturesAreOneRemark) {
  SessionRig rig(program_checks({"dkim"}), zone());
  std::string text = letter_from("pass.example");
  for (int i = 0; i < 500; ++i) text.insert(0, "DKIM-Signature: v=1; d=pass.example; s=x\n");
  const std::string field =
      results_field(rig.send({.mail_from = "<ann@none.example>", .text = text}));
  std::size_t results = 0;
  for (std::size_t at = field.find("dkim="); at != std::string::npos;
       at = field.find("dkim=", at + 1))
    ++results;
  EXPECT_EQ(results, 11U);
  EXPECT_NE(field.find("dkim=policy reason=\"too many signatures: 490 not verified\""),
            std::string::npos)
      << field;
  EXPECT_EQ(rig.records.back().facts.dkim.size(), 11U);
}

TEST(AuthenticationResults, TellOfEachSignature) {
  const std::string field =
      field_of({.mail_from = "<ann@none.example>",
                .text = signed_letter("pass.example", signed_by("pass.example"))});
  EXPECT_NE(field.find("dkim=pass header.d=pass.example header.s=test"
                       "\n\theader.a=ed25519-sha256"),
            std::string::npos)
      << field;
  EXPECT_NE(field.find("header.b="), std::string::npos) << field;
}

struct DispositionCase {
  const char* name;
  Letter letter;
  const char* field;   // stands in Authentication-Results
  const char* reason;  // the whole of Disposition::reason
  const char* reply;
  void (*arrange)(Policy&) = nullptr;
};

// What was done, and why not what was published: for the owner of the domain (RFC 9990).
TEST(Dmarc, DispositionIsToldWithItsReasons) {
  const Letter spoof{.mail_from = "<ann@pass.example>", .text = letter_from("fail.example")};
  const DispositionCase cases[] = {
      {"standard", spoof, "(p=reject dis=quarantine override=local_policy)",
       "p=reject of fail.example alone does not refuse mail (RFC 9989 section 7.4)", ""},
      {"strict_names_the_domain", spoof, "(p=reject dis=reject)", "p=reject of fail.example",
       "550 5.7.26 rejected by DMARC policy of fail.example (ref ",
       [](Policy& p) { p.dmarc_enforce = dmarc::Enforcement::strict; }},
      {"list_copy",
       {.mail_from = "<ann@pass.example>", .text = list_copy("pass.example")},
       "(p=reject dis=quarantine override=mailing_list)",
       "p=reject of fail.example, but the mailing list pass.example handed it on",
       ""},
      {"trusted_forwarder", spoof, "(p=reject dis=none override=trusted_forwarder)",
       "p=reject of fail.example is not enforced (dmarc.forwarders \"192.0.2.1\" = \"off\")", "",
       [](Policy& p) {
         EXPECT_TRUE(p.dmarc_forwarders.add("192.0.2.1", dmarc::Enforcement::off, true).ok());
       }},
      {"test_mode",
       {.mail_from = "<ann@pass.example>", .text = letter_from("broken.example")},
       "(p=reject dis=quarantine override=policy_test_mode)",
       "p=reject of broken.example, one lower by t=y",
       ""},
      {"observe_mode", spoof, "(p=reject dis=none override=local_policy)",
       "p=reject of fail.example; none instead of reject: observe mode", "",
       [](Policy& p) {
         p.mode = Mode::observe;
         p.dmarc_enforce = dmarc::Enforcement::strict;
       }},
      {"findings_say_otherwise", spoof, "(p=reject dis=quarantine override=local_policy)",
       "p=reject of fail.example; quarantine instead of reject: overruled by an allow list, the "
       "recipients or [findings]",
       "",
       [](Policy& p) {
         p.dmarc_enforce = dmarc::Enforcement::strict;
         p.set_rule("DMARC_REJECT", {0, Action::hold});
       }},
  };
  for (const DispositionCase& row : cases) {
    SessionRig rig(program_checks({"spf", "dkim", "dmarc", "message"}), zone());
    rig.set_policy([&](Policy& p) {
      if (row.arrange != nullptr) row.arrange(p);
    });
    const Verdict verdict = rig.send(row.letter);
    const Record& record = rig.records.back();
    ASSERT_TRUE(record.facts.dmarc_disposition) << row.name;
    EXPECT_EQ(record.facts.dmarc_disposition->reason, row.reason) << row.name;
    EXPECT_TRUE(verdict.reply.line().starts_with(row.reply)) << verdict.reply.line();
    const std::string field = results_field(record.verdict);
    EXPECT_NE(field.find(row.field), std::string::npos) << row.name << ": " << field;
  }
}

// The walk of the author domain begins when From is known, long before the end of the message.
TEST(Dmarc, RecordsAreAskedForAtTheEndOfTheHeader) {
  SessionRig rig(program_checks({"message", "dmarc"}));
  rig.connect(), rig.mail(), rig.rcpt(), rig.data();
  rig.session->header("From", " ann@a.b.example");
  EXPECT_EQ(rig.resolver.questions(), 0U);
  rig.end_of_headers();
  EXPECT_EQ(rig.resolver.times_asked(dns::make_query("_dmarc.a.b.example", dns::RrType::txt)), 1U);
  EXPECT_EQ(rig.resolver.times_asked(dns::make_query("_dmarc.b.example", dns::RrType::txt)), 1U);
}

TEST(Dkim, KeyIsAskedForWhenItsFieldArrives) {
  SessionRig rig(program_checks({"dkim"}), zone());
  rig.connect(), rig.mail(), rig.rcpt(), rig.data();
  const auto message =
      dkim::test::parse_message(signed_letter("pass.example", signed_by("pass.example")));
  for (const auto& field : message.fields) {
    rig.session->header(field.name, field.value);
    EXPECT_EQ(rig.resolver.questions(), 1U) << "the signature is the first field";
  }
}

TEST(Dkim, FurtherSignaturesAreNotAskedFor) {
  SessionRig rig(program_checks({"dkim"}), zone());
  rig.set_policy([](Policy& p) { p.dkim_max_signatures = 2; });
  rig.connect(), rig.mail(), rig.rcpt(), rig.data();
  auto message = dkim::test::parse_message(letter_from("pass.example"));
  for (const char* selector : {"a", "b", "c", "d"})
    dkim::test::add_signature(message, key(), signed_by("pass.example", selector));
  for (const auto& field : message.fields) rig.session->header(field.name, field.value);
  EXPECT_EQ(rig.resolver.questions(), 2U);
}

}  // namespace
}  // namespace gatepost::test
