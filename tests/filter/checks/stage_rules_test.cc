// Content rules of SMTP's stages in a session, with a compiled set: where they answer, what counts
// at the end of the message, what shadow rules do not do, and that a message is of one set.

#include "filter/checks/content_rules.h"
#include "rules/compile.h"
#include "rules/parse.h"
#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

std::shared_ptr<const rules::RuleSet> compiled(const std::string& text) {
  const rules::Source source{"r.cf", text};
  const rules::RuleFile file = rules::parse({&source, 1});
  EXPECT_TRUE(file.diagnostics.empty()) << text << file.diagnostics[0].what;
  auto made = rules::compile(file, {});
  EXPECT_TRUE(made.ok() && made->rules) << text;
  return made.ok() ? made->rules : nullptr;
}

std::vector<CheckInfo> rule_checks() {
  return program_checks({"client_rules", "envelope_rules", "rules", "client_lists", "lists"});
}

struct Row {
  const char* name;
  const char* rules;
  Stage stage;  // where it ends
  Action action;
  const char* reply;     // its begin
  const char* findings;  // of the last record
  double score = 0;
  void (*arrange)(Policy&) = nullptr;
};

void at_once(Policy& p) {
  p.answer_at_rcpt = false;
}

constexpr const char* kConnect = "connect A ip =~ /^192\\.0\\.2\\.1$/\n";

const Row kRows[] = {
    {"nothing_hits", "connect A ip =~ /^198/\naction A reject", Stage::end_of_message, Action::none,
     "", ""},
    {"connect_waits_for_rcpt", "connect A ip =~ /^192/\naction A reject", Stage::rcpt,
     Action::reject, "550 5.7.1 client is refused by local policy (ref ", "A(192)", 1},
    {"connect_at_once", "connect A ip =~ /^192/\naction A reject", Stage::connect, Action::reject,
     "550 5.7.1 client is refused by local policy", "A(192)", 1, at_once},
    {"helo_at_once", "helo A name =~ /^mail/\naction A reject", Stage::helo, Action::reject,
     "550 5.7.1 HELO name is refused by local policy", "A(mail)", 1, at_once},
    {"mail_at_once", "mail A sender =~ /^ann@/\naction A reject", Stage::mail, Action::reject,
     "550 5.7.1 sender is refused by local policy", "A(ann@)", 1, at_once},
    {"mail_at_rcpt", "mail A sender =~ /^ann@/\naction A tempfail", Stage::rcpt, Action::tempfail,
     "451 4.7.1 mail cannot be accepted now, try again later", "A(ann@)", 1},
    {"rcpt", "rcpt A recipient =~ /^bob@/\naction A reject", Stage::rcpt, Action::reject,
     "550 5.7.1 recipient is refused by local policy", "A(bob@)", 1},
    {"rcpt_of_a_sender", "rcpt A sender =~ /^ann@/\naction A tempfail", Stage::rcpt,
     Action::tempfail, "451 4.7.1 mail cannot be accepted now", "A(ann@)", 1},
    {"scores_count_at_the_end",
     "connect A ip =~ /^192/\nscore A 2\nhelo B name =~ /^mail/\nscore B 0.5\n"
     "mail C sender =~ /ann/\nrcpt D recipient =~ /bob/\nscore D 3",
     Stage::end_of_message, Action::tag, "", "A(192) B(mail) C(ann) D(bob)", 6.5},
    {"tag_is_carried_to_the_end", "connect A ip =~ /^192/\naction A tag", Stage::end_of_message,
     Action::tag, "", "A(192)", 1},
    {"quarantine_is_what_the_policy_says", "mail A sender =~ /ann/\naction A quarantine",
     Stage::end_of_message, Action::hold, "", "A(ann)", 1},
    {"hold_of_a_recipient", "rcpt A recipient =~ /bob/\naction A hold", Stage::end_of_message,
     Action::hold, "", "A(bob)", 1},
    {"action_of_a_body_rule", "body A /hello/\naction A reject", Stage::end_of_message,
     Action::reject, "550 5.7.1 message looks like spam", "A(hello)", 1},
    {"defer_by_a_body_rule", "body A /hello/\naction A tempfail", Stage::end_of_message,
     Action::tempfail, "451 4.7.1 mail cannot be accepted now", "A(hello)", 1},
    {"meta_of_stages", "connect __A ip =~ /^192/\nrcpt __B recipient =~ /bob/\nmeta C __A && __B",
     Stage::end_of_message, Action::none, "", "C", 1},
    {"the_configuration_gives_it_an_action", kConnect, Stage::rcpt, Action::reject, "550 5.7.1",
     "A(192.0.2.1)", 0,
     [](Policy& p) {
       p.set_rule("A", {0, Action::reject});
     }},
    {"allowed_client_wins", "connect A ip =~ /^192/\naction A reject", Stage::end_of_message,
     Action::none, "", "ALLOW_CLIENT(192.0.2.0/24) A(192)", 1,
     [](Policy& p) { p.allow_clients = *MatchList::parse({"192.0.2.0/24"}); }},
    {"trusted_relays_are_not_refused", "connect A ip =~ /^192/\naction A reject",
     Stage::end_of_message, Action::none, "", "A(192)", 1,
     [](Policy& p) { p.trusted_relays = *MatchList::parse({"192.0.2.1"}); }},
    {"check_is_off", "connect A ip =~ /^192/\naction A reject", Stage::end_of_message, Action::none,
     "", "", 0, [](Policy& p) { p.disabled_checks = {"rules"}; }},
    {"shadow_never_acts", "rcpt A recipient =~ /bob/\naction A reject\nshadow A",
     Stage::end_of_message, Action::none, "", "A(bob)", 0},
    {"shadow_never_scores",
     "connect A ip =~ /192/\nscore A 20\nbody B /hello/\nscore B 20\n"
     "shadow A B",
     Stage::end_of_message, Action::none, "", "A(192) B(hello)", 0},
    {"shadow_with_an_action_of_the_configuration", "mail A sender =~ /ann/\nshadow A",
     Stage::end_of_message, Action::none, "", "A(ann)", 0,
     [](Policy& p) {
       p.set_rule("A", {5, Action::reject}), p.answer_at_rcpt = false;
     }},
};

class StageRules : public ::testing::TestWithParam<Row> {};

TEST_P(StageRules, Row) {
  const Row& row = GetParam();
  SessionRig rig(rule_checks());
  rig.set_policy([&](Policy& p) {
    if (row.arrange != nullptr) row.arrange(p);
    set_rules(p, compiled(row.rules));
  });
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.stage, row.stage) << to_string(verdict.stage);
  EXPECT_EQ(verdict.action, row.action);
  EXPECT_TRUE(verdict.reply.line().starts_with(row.reply)) << verdict.reply.line();
  EXPECT_EQ(verdict.reply.code == 0, *row.reply == '\0') << verdict.reply.line();
  EXPECT_EQ(findings_with_details(rig), row.findings);
  EXPECT_DOUBLE_EQ(verdict.score, row.score);
}

INSTANTIATE_TEST_SUITE_P(Rows, StageRules, ::testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(StageRulesCheck, StagesThatMayRefuseAreNegotiated) {
  Policy policy;
  policy.answer_at_rcpt = false;
  set_rules(policy, compiled("connect A ip =~ /x/\naction A reject\nhelo B name =~ /x/\n"
                             "mail C sender =~ /x/\naction C tempfail\nshadow C\n"));
  EXPECT_TRUE(policy.may_answer(Stage::connect));
  const Policy plain;
  EXPECT_EQ(policy.may_answer(Stage::mail), plain.may_answer(Stage::mail)) << "shadow";
  EXPECT_TRUE(policy.enabled("client_rules"));
  set_rules(policy, compiled("body A /x/\n"));
  EXPECT_FALSE(policy.enabled("client_rules")) << "no object is made for nothing";
  EXPECT_TRUE(policy.stage_rules_refuse.empty());
}

TEST(StageRulesCheck, ARefusedRecipientLeavesTheOthers) {
  SessionRig rig(rule_checks());
  rig.set_policy([](Policy& p) {
    set_rules(p, compiled("rcpt A recipient =~ /^info@/\naction A reject\nscore A 4\n"
                          "rcpt B recipient =~ /here/\nscore B 2\n"));
  });
  rig.connect(), rig.helo("h.example"), rig.mail();
  EXPECT_EQ(rig.rcpt("<bob@here.example>").action, Action::none);
  EXPECT_EQ(rig.rcpt("<info@here.example>").action, Action::reject);
  EXPECT_EQ(rig.rcpt("<eve@here.example>").action, Action::none);
  const Verdict verdict = rig.content(Letter{}.text);
  EXPECT_DOUBLE_EQ(verdict.score, 2) << "once for the message";
  EXPECT_EQ(rig.findings(), "B");
}

TEST(StageRulesCheck, PostmasterIsExempt) {
  SessionRig rig(rule_checks());
  rig.set_policy(
      [](Policy& p) { set_rules(p, compiled("connect A ip =~ /^192/\naction A reject\n")); });
  Letter letter;
  letter.recipients = {"<postmaster@here.example>"};
  EXPECT_EQ(rig.send(letter).stage, Stage::end_of_message);
}

// After a reload the message is judged by the new set alone, what the client hits included.
TEST(StageRulesCheck, AMessageAfterAReloadIsOfTheNewSetAlone) {
  SessionRig rig(rule_checks());
  RuleStatistics statistics;
  const auto generation = [&](const std::string& g) {
    rig.set_policy([&](Policy& p) {
      set_rules(p,
                compiled("connect CONNECT_" + g + " ip =~ /./\nhelo HELO_" + g +
                         " name =~ /./\nmail MAIL_" + g + " sender =~ /./\nrcpt RCPT_" + g +
                         " recipient =~ /./\nbody BODY_" + g + " /hello/\n"),
                &statistics, 100);
    });
  };
  generation("A");
  rig.connect(), rig.helo("h.example"), rig.mail(), rig.rcpt();
  generation("B");
  rig.content(Letter{}.text);
  EXPECT_EQ(rig.findings(), "CONNECT_A HELO_A MAIL_A RCPT_A BODY_A");
  rig.mail(), rig.rcpt();
  rig.content(Letter{}.text);
  EXPECT_EQ(rig.findings(), "CONNECT_B HELO_B MAIL_B RCPT_B BODY_B");
  rig.helo("again.example"), rig.mail(), rig.rcpt();
  generation("C");
  rig.content(Letter{}.text);
  EXPECT_EQ(rig.findings(), "CONNECT_B HELO_B MAIL_B RCPT_B BODY_B");
}

TEST(StageRulesCheck, AReloadMayRefuseAClientThatIsThere) {
  SessionRig rig(rule_checks());
  rig.connect(), rig.helo("h.example");
  rig.set_policy(
      [](Policy& p) { set_rules(p, compiled("connect A ip =~ /^192/\naction A reject\n")); });
  EXPECT_EQ(rig.mail().action, Action::none);
  EXPECT_EQ(rig.rcpt().action, Action::reject);
}

std::string counted(const RuleStatistics& statistics) {
  std::string out;
  for (const auto& row : statistics.read().rows)
    out += row.name + "=" + std::to_string(row.hits) + "+" + std::to_string(row.shadow_hits) + " ";
  return out;
}

TEST(StageRulesCheck, HitsAreCountedOnceForWhatARuleLooksAt) {
  SessionRig rig(rule_checks());
  RuleStatistics statistics;
  rig.set_policy([&](Policy& p) {
    set_rules(p,
              compiled("connect A ip =~ /./\nhelo B name =~ /./\nmail C sender =~ /./\n"
                       "rcpt D recipient =~ /./\nbody E /hello/\nbody F /hello/\nshadow F D\n"
                       "body __G /hello/\nbody H /hello/\nscore H 0\nbody I /nothing/\n"
                       "meta J __G\n"),
              &statistics, 100);
  });
  rig.connect(), rig.helo("h.example"), rig.helo("h.example");
  for (int message = 0; message < 2; ++message) {
    rig.mail(), rig.rcpt("<a@here.example>"), rig.rcpt("<b@here.example>");
    rig.content(Letter{}.text);
  }
  EXPECT_EQ(counted(statistics), "D=0+4 C=2+0 E=2+0 F=0+2 J=2+0 A=1+0 B=1+0 I=0+0 ");
  EXPECT_EQ(statistics.read().messages, 2);
}

TEST(StageRulesCheck, TheRecordTellsShadowAndCategory) {
  SessionRig rig(rule_checks());
  rig.set_policy([](Policy& p) {
    set_rules(p, compiled("connect A ip =~ /./\ncategory A dialup\nbody B /hello/\n"
                          "category B phish\nbody C /hello/\ncategory C dialup\n"
                          "body D /hello/\nshadow D\ncategory D trial\n"));
  });
  const Verdict verdict = rig.send({});
  const Record& record = rig.records.back();
  EXPECT_NE(summary_line(record).find(" shadow=D category=dialup,phish spf="), std::string::npos)
      << summary_line(record);
  EXPECT_NE(to_json(record).find(R"("shadow":true,"category":"trial")"), std::string::npos)
      << to_json(record);
  EXPECT_EQ(rig.metrics.counter("finding.D").value(), 0);
  EXPECT_EQ(rig.metrics.counter("shadow.D").value(), 1);
  for (const HeaderEdit& edit : verdict.edits)
    EXPECT_EQ(edit.value.find("D="), std::string::npos) << edit.name << ": " << edit.value;
}

}  // namespace
}  // namespace gatepost::test
