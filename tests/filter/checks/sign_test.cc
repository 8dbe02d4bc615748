// Outgoing mail through a session: what is signed, what is refused, and what is left alone.

#include "core/base/text.h"
#include "core/mail/header_block.h"
#include "dkim/signing_keys.h"
#include "filter/policy/sender_map.h"
#include "tests/filter/checks/checks_test.h"
#include "tests/support/session/fake_quarantine.h"

namespace gatepost::test {
namespace {

const std::shared_ptr<const dkim::PrivateKey>& key() {
  static const auto made = dkim::PrivateKey::generate(dkim::KeyType::ed25519, 0);
  return *made;
}

void add_keys(Policy& policy) {
  policy.signing_keys = std::make_shared<const dkim::SigningKeys>(
      std::vector<dkim::SigningKey>{{"our.example", "s1", key(), true},
                                    {"shop.example", "s2", key(), false}},
      dkim::SignOptions{});
}

void add_senders(Policy& policy) {
  SenderMap map;
  const auto faults = map.add_text(
      "ann@our.example ann\n"
      "@shop.example ann\n"
      "bob@our.example bob\n");
  EXPECT_TRUE(faults.empty());
  policy.senders = std::make_shared<const SenderMap>(std::move(map));
}

Connection outside() {
  return SessionRig::client("203.0.113.9");
}
Connection inside() {
  return SessionRig::client("10.1.2.3");
}
Connection local() {
  Connection connection = SessionRig::client("127.0.0.1");
  connection.local = true;
  return connection;
}

std::string signatures(const Verdict& verdict) {
  std::string list;
  for (const HeaderEdit& edit : verdict.edits) {
    if (edit.kind != HeaderEdit::Kind::insert || edit.name != "DKIM-Signature") continue;
    const auto parsed = dkim::parse_signature(edit.value);
    list += (list.empty() ? "" : " ") + parsed.fields.selector + "@" + parsed.fields.domain;
  }
  return list.empty() ? "none" : list;
}

struct Case {
  const char* name;
  Connection (*from_where)();
  const char* login;
  const char* mail_from;
  const char* from;  ///< the From field, or all fields when it has a colon
  const char* signatures;
  const char* reply = "";     ///< the refusal, up to its text
  const char* findings = "";  ///< with details, of our two checks
  void (*arrange)(Policy&) = nullptr;
};

constexpr char kNotOwned[] = "550 5.7.1 sender address not owned by user";

const Case kCases[] = {
    {"login_of_the_domain", outside, "ann@our.example", "<ann@our.example>", "ann@our.example",
     "s1@our.example", "", "SIGNED(d=our.example s=s1)"},
    {"login_without_a_domain_is_of_this_site", outside, "ann", "<ann@our.example>",
     "ann@our.example", "s1@our.example", "", "SIGNED(d=our.example s=s1)"},
    {"login_of_another_domain", outside, "ann@our.example", "<ann@our.example>", "ann@shop.example",
     "none", "", "NOT_SIGNED(login ann@our.example may not use ann@shop.example)"},
    {"author_below_a_key_for_subdomains", outside, "ann", "<ann@our.example>",
     "ann@news.our.example", "s1@our.example", "", "SIGNED(d=our.example s=s1)"},
    {"author_below_a_key_for_one_domain", outside, "ann", "<ann@our.example>",
     "ann@www.shop.example", "none"},
    {"domain_without_a_key", outside, "ann", "<ann@our.example>", "ann@elsewhere.example", "none"},
    {"submit_network", inside, "", "<app@our.example>", "app@our.example", "s1@our.example", "",
     "SIGNED(d=our.example s=s1)"},
    {"local_mail", local, "", "<root@our.example>", "root@our.example", "s1@our.example", "",
     "SIGNED(d=our.example s=s1)"},
    {"bounce_of_ours", local, "", "<>", "MAILER-DAEMON@our.example", "s1@our.example", "",
     "SIGNED(d=our.example s=s1)"},
    {"stranger", outside, "", "<ann@our.example>", "ann@our.example", "none"},
    {"null_sender_of_a_login", outside, "ann", "<>", "ann@our.example", "s1@our.example", "",
     "SIGNED(d=our.example s=s1)", add_senders},
    {"two_authors", outside, "ann", "<ann@our.example>", "ann@our.example, bob@our.example", "none",
     "", "NOT_SIGNED(the From field has 2 mailboxes)"},
    {"no_from", outside, "ann", "<ann@our.example>", "Subject: x", "none", "",
     "NOT_SIGNED(the message has no From field)"},
    {"observe_mode", outside, "ann", "<ann@our.example>", "ann@our.example", "none", "", "",
     [](Policy& p) { p.mode = Mode::observe; }},
    {"check_left_out", outside, "ann", "<ann@our.example>", "ann@our.example", "none", "", "",
     [](Policy& p) { p.disabled_checks = {"signing"}; }},
    {"held_mail_is_signed", outside, "ann", "<ann@our.example>", "ann@our.example",
     "s1@our.example", "", "SIGNED(d=our.example s=s1)",
     [](Policy& p) {
       p.set_rule("NUL_IN_MESSAGE", {0, Action::hold});
     }},
    {"refused_mail_is_not", outside, "ann", "<ann@our.example>", "From: ann@our.example\nX: a",
     "none", "554 5.6.0 header is too large", "",
     [](Policy& p) {
       p.max_header_fields = 1;
       p.set_rule("NOT_SIGNED", {0, Action::none});
     }},

    // Who may use which address, by the map.
    {"own_addresses", outside, "ann", "<ann@our.example>", "x@shop.example", "s2@shop.example", "",
     "SIGNED(d=shop.example s=s2)", add_senders},
    {"envelope_of_another", outside, "ann", "<bob@our.example>", "ann@our.example", "none",
     kNotOwned, "SENDER_NOT_OWNED(MAIL FROM bob@our.example, login ann)", add_senders},
    {"from_of_another", outside, "ann", "<ann@our.example>", "bob@our.example", "none", kNotOwned,
     "NOT_SIGNED(login ann may not use bob@our.example) "
     "SENDER_NOT_OWNED(From bob@our.example, login ann)",
     add_senders},
    {"two_own_authors", outside, "ann", "<ann@our.example>", "ann@our.example, x@shop.example",
     "none", "", "NOT_SIGNED(the From field has 2 mailboxes)", add_senders},
    {"one_of_two_authors_is_another", outside, "ann", "<ann@our.example>",
     "ann@our.example, bob@our.example", "none", kNotOwned,
     "NOT_SIGNED(the From field has 2 mailboxes) "
     "SENDER_NOT_OWNED(From bob@our.example, login ann)",
     add_senders},
    {"two_from_fields", outside, "ann", "<ann@our.example>",
     "From: ann@our.example\nFrom: bob@our.example", "none", kNotOwned,
     "NOT_SIGNED(the message has 2 From fields) "
     "SENDER_NOT_OWNED(several From fields, login ann)",
     add_senders},
    {"envelope_only", outside, "ann", "<ann@our.example>", "bob@our.example", "none", "",
     "NOT_SIGNED(login ann may not use bob@our.example)",
     [](Policy& p) {
       add_senders(p);
       p.check_sender = SenderCheck::envelope;
     }},
    {"off_with_a_map", outside, "ann", "<bob@our.example>", "ann@our.example", "s1@our.example", "",
     "SIGNED(d=our.example s=s1)",
     [](Policy& p) {
       add_senders(p);
       p.check_sender = SenderCheck::off;
     }},
    {"without_a_map_nothing_is_refused", outside, "ann@our.example", "<bob@our.example>",
     "ann@our.example", "s1@our.example", "", "SIGNED(d=our.example s=s1)"},
    {"checked_without_a_map_is_the_login_itself", outside, "ann@our.example", "<bob@our.example>",
     "ann@our.example", "none", kNotOwned,
     "SENDER_NOT_OWNED(MAIL FROM bob@our.example, login ann@our.example)",
     [](Policy& p) { p.check_sender = SenderCheck::both; }},
    {"strangers_own_nothing_and_are_not_asked", outside, "", "<bob@our.example>", "bob@our.example",
     "none", "", "", add_senders},
    {"submit_networks_are_not_asked", inside, "", "<bob@our.example>", "bob@our.example",
     "s1@our.example", "", "SIGNED(d=our.example s=s1)", add_senders},
    {"scored_only", outside, "ann", "<bob@our.example>", "ann@our.example", "s1@our.example", "",
     "SENDER_NOT_OWNED(MAIL FROM bob@our.example, login ann) SIGNED(d=our.example s=s1)",
     [](Policy& p) {
       add_senders(p);
       p.set_rule("SENDER_NOT_OWNED", {1, Action::none});
     }},
};

std::string our_findings(const SessionRig& rig) {
  std::string text;
  for (const Finding& finding : rig.records.back().findings) {
    const FindingInfo* info = info_of(finding);
    if (info == nullptr || (info->check != "signing" && info->check != "submission")) continue;
    text += (text.empty() ? "" : " ") + finding.name + "(" + finding.detail + ")";
  }
  return text;
}

Verdict send(SessionRig& rig, const Case& row) {
  rig.connect(row.from_where());
  rig.helo("laptop");
  Verdict verdict = rig.mail(row.mail_from, row.login);
  if (verdict.effective() == Action::none) verdict = rig.rcpt("<bob@there.example>");
  if (verdict.effective() != Action::none) return verdict;
  const std::string from = row.from;
  const std::string fields = from.find(':') == std::string::npos ? "From: " + from : from;
  return rig.content(fields + "\nTo: bob@there.example\nSubject: hello\n\nGood morning.\n");
}

class Outgoing : public ::testing::TestWithParam<Case> {};

TEST_P(Outgoing, IsSignedOrRefused) {
  const Case& row = GetParam();
  SessionRig rig(program_checks({"message", "submission", "signing"}));
  rig.set_policy([&](Policy& policy) {
    add_keys(policy);
    policy.submit_networks = *MatchList::parse({"10.0.0.0/8"});
    if (row.arrange != nullptr) row.arrange(policy);
  });
  const Verdict verdict = send(rig, row);
  EXPECT_EQ(signatures(verdict), row.signatures);
  EXPECT_TRUE(verdict.reply.line().starts_with(row.reply)) << verdict.reply.line();
  EXPECT_EQ(verdict.reply.code == 0, std::string_view(row.reply).empty()) << verdict.reply.line();
  if (std::string_view(row.name) != "refused_mail_is_not") {
    ASSERT_FALSE(rig.records.empty());
    EXPECT_EQ(our_findings(rig), row.findings);
  }
}
INSTANTIATE_TEST_SUITE_P(Sign, Outgoing, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return row.param.name; });

TEST(Sign, WhatIsAddedVerifies) {
  SessionRig rig(program_checks(), "s1._domainkey.our.example. TXT \"" + key()->record() +
                                       "\"\nour.example. TXT \"v=spf1 -all\"\n");
  rig.set_policy(add_keys);
  rig.connect(outside());
  rig.helo("laptop");
  rig.mail("<ann@our.example>", "ann");
  rig.rcpt("<bob@there.example>");
  const std::string text =
      "From: Ann <ann@our.example>\nTo: bob@there.example\n"
      "Subject: a long\n\tfolded  subject\nX-Spam-Flag: NO\n\nGood  morning. \n\n\n";
  const Verdict verdict = rig.content(text);
  ASSERT_EQ(signatures(verdict), "s1@our.example");
  ASSERT_EQ(verdict.edits.back().name, "DKIM-Signature") << "it stands on top";
  EXPECT_EQ(results_field(verdict).find("iprev"), std::string::npos)
      << "where a login comes from is not told";

  // It comes in at another site.
  std::string arriving = "DKIM-Signature: " + verdict.edits.back().value + "\n" + text;
  rig.set_policy({});
  rig.reopen();
  Letter letter;
  letter.mail_from = "<ann@our.example>";
  letter.text = arriving;
  rig.send(letter);
  EXPECT_NE(findings_with_details(rig).find("DKIM_PASS(our.example)"), std::string::npos)
      << findings_with_details(rig);
}

TEST(Sign, LoginsAreAskedNothingAboutTheirAddress) {
  SessionRig rig(program_checks());
  rig.set_policy([](Policy& policy) {
    policy.dns_lists = {{"list.example", 100, false, {}}};
    policy.submit_networks = *MatchList::parse({"10.0.0.0/8"});
  });
  for (const auto& [connection, login] : {std::pair{outside(), "ann"}, {inside(), ""}}) {
    rig.connect(connection);
    rig.helo("laptop");
    rig.mail("<ann@our.example>", login);
    rig.rcpt("<bob@there.example>");
    const Verdict verdict = rig.content("From: ann@our.example\n\nhello\n");
    EXPECT_EQ(verdict.action, Action::none);
    EXPECT_EQ(verdict.score, 0);
    for (const Finding& finding : rig.records.back().findings) {
      EXPECT_FALSE(finding.name.starts_with("SPF") || finding.name.starts_with("DMARC"))
          << finding.name;
    }
    EXPECT_EQ(results_field(verdict).find("spf="), std::string::npos) << results_field(verdict);
    EXPECT_EQ(results_field(verdict).find("iprev="), std::string::npos) << results_field(verdict);
    rig.reopen();
  }
}

TEST(Sign, FailureDefersTheMail) {
  SessionRig rig({TestCheck{
      .name = "signing", .end_of_headers = [](CheckContext& c) {
        c.add("SIGN_FAILED", "no entropy");
      }}.info()});
  rig.connect(outside());
  rig.helo("laptop");
  rig.mail("<ann@our.example>", "ann");
  rig.rcpt("<bob@there.example>");
  const Verdict verdict = rig.content("From: ann@our.example\n\nhello\n");
  EXPECT_TRUE(verdict.reply.line().starts_with("451 4.7.5 message cannot be signed now"))
      << verdict.reply.line();
}

// A release of our quarantine comes from an address of ours, but its author is somebody else.
TEST(Sign, ReleasedMailIsNotSigned) {
  for (const bool good : {true, false}) {
    SessionRig rig(program_checks({"message", "submission", "signing"}));
    FakeQuarantine quarantine;
    if (good) quarantine.good_tokens = {"token"};
    rig.services.quarantine = &quarantine;
    rig.set_policy([](Policy& policy) {
      add_keys(policy);
      policy.submit_networks = *MatchList::parse({"10.0.0.0/8"});
    });
    rig.connect(inside());
    rig.helo("mx");
    rig.mail("<ann@our.example>");
    rig.rcpt("<bob@our.example>");
    const Verdict verdict =
        rig.content("X-Gatepost-Release: token\nFrom: ann@our.example\n\nhello\n");
    EXPECT_EQ(signatures(verdict), good ? "none" : "s1@our.example");
  }
}

}  // namespace
}  // namespace gatepost::test
