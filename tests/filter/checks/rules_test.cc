// Content rules in a session: what becomes a finding, what it counts, and which generation it is
// of.

#include "core/base/text.h"
#include "tests/filter/checks/checks_test.h"
#include "tests/filter/checks/live_rules.h"
#include "tests/support/session/fake_rule_set.h"

namespace gatepost::test {
namespace {

using rules::Rule;

std::shared_ptr<FakeRuleSet> rule_set(std::vector<Rule> rules, std::string hash = "fa4e") {
  return std::make_shared<FakeRuleSet>(std::move(rules), std::move(hash));
}

Rule of_type(rules::RuleType type, Rule rule) {
  rule.type = type;
  return rule;
}

Rule with_scores(std::array<double, 4> scores, Rule rule) {
  rule.scores = scores;
  return rule;
}

struct Case {
  const char* name;
  std::vector<Rule> rules;
  const char* text;  // of the message
  const char* findings;
  double score;
  Action action = Action::none;
  void (*arrange)(Policy&) = nullptr;
};

constexpr const char* kMessage =
    "From: a@b.example\nSubject: cheap =?utf-8?q?w=C3=B6rds?=\n"
    "Content-Transfer-Encoding: quoted-printable\n\nbuy=20now\n";

const Case kCases[] = {
    {"no_rules", {}, kMessage, "", 0},
    {"no_hit", {body_rule("A", "other", 3)}, kMessage, "", 0},
    {"body_is_decoded", {body_rule("A", "buy now", 3)}, kMessage, "A(buy now)", 3},
    {"the_subject_is_part_of_the_body",
     {body_rule("A", "cheap w\xc3\xb6rds", 3)},
     kMessage,
     "A(cheap w\xc3\xb6rds)",
     3},
    {"rawbody",
     {of_type(rules::RuleType::rawbody, body_rule("A", "buy now", 1))},
     kMessage,
     "A(buy now)",
     1},
    {"full_is_as_it_came",
     {of_type(rules::RuleType::full, body_rule("A", "buy=20now", 1))},
     kMessage,
     "A(buy=20now)",
     1},
    {"header",
     {of_type(rules::RuleType::header, body_rule("A", "a@b.example", 1))},
     kMessage,
     "A(a@b.example)",
     1},
    {"subrules_are_not_shown", {body_rule("__A", "buy", 3)}, kMessage, "", 0},
    {"score_set_with_network_without_bayes",
     {with_scores({1, 2, 4, 8}, body_rule("A", "buy", 0))},
     kMessage,
     "A(buy)",
     2},
    {"score_0_is_off", {body_rule("A", "buy", 0)}, kMessage, "", 0},
    {"score_0_with_an_action_is_not",
     {body_rule("A", "buy", 0)},
     kMessage,
     "A(buy)",
     0,
     Action::reject,
     [](Policy& p) {
       p.set_rule("A", {0, Action::reject});
     }},
    {"the_configuration_overrides_the_score",
     {body_rule("A", "buy", 3)},
     kMessage,
     "A(buy)",
     1.5,
     Action::none,
     [](Policy& p) {
       p.set_rule("A", {1.5, Action::none});
     }},
    {"nice", {body_rule("A", "buy", 7), body_rule("B", "now", -4)}, kMessage, "A(buy) B(now)", 3},
    {"each_counts_once", {body_rule("A", "o", 2)}, "\nfoo boo\n", "A(o (4 times))", 2},
    {"tags", {body_rule("A", "buy", 5)}, kMessage, "A(buy)", 5, Action::tag},
    {"refuses_by_score", {body_rule("A", "buy", 15)}, kMessage, "A(buy)", 15, Action::reject},
    {"quarantines_by_score",
     {body_rule("A", "buy", 9)},
     kMessage,
     "A(buy)",
     9,
     Action::hold,
     [](Policy& p) { p.quarantine_score = 8; }},
    {"check_is_off",
     {body_rule("A", "buy", 5)},
     kMessage,
     "",
     0,
     Action::none,
     [](Policy& p) { p.disabled_checks = {"rules"}; }},
    {"truncated",
     {body_rule("A", "buy", 3)},
     "Subject: s\n\nnot here, but far behind: buy\n",
     "RULES_TRUNCATED",
     0,
     Action::none,
     [](Policy& p) { p.content.max_size = 10; }},
    {"too_many_parts",
     {body_rule("A", "two", 3)},
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n",
     "MIME_LIMIT(content.max_parts)",
     1,
     Action::none,
     [](Policy& p) { p.content.max_parts = 2; }},
    {"too_deep",
     {body_rule("A", "one", 3)},
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\none\n",
     "MIME_LIMIT(content.max_depth)",
     1,
     Action::none,
     [](Policy& p) { p.content.max_depth = 1; }},
};

class ContentRules : public ::testing::TestWithParam<Case> {};

TEST_P(ContentRules, Row) {
  const Case& row = GetParam();
  SessionRig rig(program_checks({"rules"}));
  rig.set_policy([&](Policy& p) {
    p.rules = rule_set(row.rules);
    if (row.arrange != nullptr) row.arrange(p);
  });
  Letter letter;
  letter.text = row.text;
  const Verdict verdict = rig.send(letter);
  EXPECT_EQ(findings_with_details(rig), row.findings);
  EXPECT_DOUBLE_EQ(verdict.score, row.score);
  EXPECT_EQ(verdict.action, row.action);
}

INSTANTIATE_TEST_SUITE_P(Rows, ContentRules, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ContentRulesCheck, WithoutARuleSetNothingHappens) {
  SessionRig rig(program_checks({"rules"}));
  EXPECT_EQ(rig.send({}).action, Action::none);
  EXPECT_EQ(rig.findings(), "");
}

TEST(ContentRulesCheck, AMessageThatPassesWithoutThemSaysSo) {
  SessionRig rig(program_checks({"rules"}));
  rig.set_policy([](Policy& p) { p.rules_missing = RulesMissing::compiling; });
  EXPECT_EQ(rig.send({}).action, Action::none);
  EXPECT_EQ(findings_with_details(rig), "RULES_MISSING(being compiled)");
  EXPECT_EQ(rig.metrics.counter("finding.RULES_MISSING").value(), 1);
  rig.set_policy([](Policy& p) { p.rules_missing = RulesMissing::failed; });
  EXPECT_EQ(rig.send({}).action, Action::none);
  EXPECT_EQ(findings_with_details(rig), "RULES_MISSING(could not be compiled, see the log)");
  // Who would rather have mail wait says so.
  rig.set_policy([](Policy& p) {
    p.rules_missing = RulesMissing::compiling;
    p.set_rule("RULES_MISSING", {0, Action::tempfail});
  });
  const Verdict deferred = rig.send({});
  EXPECT_EQ(deferred.action, Action::tempfail);
  EXPECT_EQ(deferred.reply.code, 451);
  EXPECT_EQ(deferred.reply.enhanced, "4.3.2");
}

TEST(ContentRulesCheck, AnExceededBudgetIsSaidAndCounted) {
  SessionRig rig(program_checks({"rules"}));
  const auto set = rule_set({body_rule("A", "hello", 1)});
  set->budget_exceeded = true;
  rig.set_policy([&](Policy& p) { p.rules = set; });
  rig.send({});
  EXPECT_EQ(rig.findings(), "A RULES_LIMIT");
  EXPECT_EQ(rig.metrics.counter("finding.RULES_LIMIT").value(), 1);
  EXPECT_EQ(rig.metrics.counter("finding.A").value(), 1);
}

// A login's mail is looked at, and never refused for what is found.
TEST(ContentRulesCheck, OwnMailIsTaggedNotRefused) {
  struct Own {
    const char* name;
    const char* login;
    void (*arrange)(Connection&);
  };
  for (const Own& own : {Own{"login", "ann", [](Connection&) {}},
                         Own{"relay", "", [](Connection& c) { c.trusted_relay = true; }},
                         Own{"local", "", [](Connection& c) { c.local = true; }}}) {
    SessionRig rig(program_checks({"rules"}));
    rig.set_policy([&](Policy& p) {
      p.rules = rule_set({body_rule("A", "hello", 20)});
      p.trusted_relays = *MatchList::parse({"192.0.2.1"});
      if (std::string_view(own.name) != "relay") p.trusted_relays = {};
    });
    Connection connection = SessionRig::client();
    own.arrange(connection);
    rig.connect(connection), rig.helo("h.example"), rig.mail("<ann@here.example>", own.login);
    rig.rcpt();
    EXPECT_EQ(rig.content(Letter{}.text).action, Action::tag) << own.name;
  }
}

TEST(ContentRulesCheck, AMessageKeepsTheRulesItBeganWith) {
  SessionRig rig(program_checks({"rules"}));
  rig.set_policy([](Policy& p) { p.rules = rule_set({body_rule("OLD", "hello", 1)}, "0ld"); });
  rig.connect(), rig.helo("h.example"), rig.mail(), rig.rcpt();
  rig.set_policy([](Policy& p) { p.rules = rule_set({body_rule("NEW", "hello", 1)}, "4e3"); });
  rig.content(Letter{}.text);
  EXPECT_EQ(rig.findings(), "OLD");
  EXPECT_EQ(rig.records.back().policy->rules->hash(), "0ld");
  rig.mail(), rig.rcpt();
  rig.content(Letter{}.text);
  EXPECT_EQ(rig.findings(), "NEW");
}

// What a message or a rule file writes is shown escaped, wherever it is shown.
TEST(ContentRulesCheck, HostileTextIsShownEscaped) {
  const std::string hostile = "\x1b[2J\xe2\x80\xae\nX-Injected: yes";
  SessionRig rig(program_checks({"rules"}));
  Rule rule = of_type(rules::RuleType::full, body_rule("A", "\x1b[2J\xe2\x80\xae", 6, hostile));
  rig.set_policy([&](Policy& p) { p.rules = rule_set({rule}); });
  Letter letter;
  letter.text = "From: a@b.example\nSubject: \x1b[2J\xe2\x80\xae\n\nx\n";
  const Verdict verdict = rig.send(letter);
  EXPECT_EQ(verdict.action, Action::tag);
  bool reported = false;
  for (const HeaderEdit& edit : verdict.edits) {
    EXPECT_TRUE(is_ascii(edit.value)) << edit.name;
    EXPECT_EQ(edit.value.find('\x1b'), std::string::npos) << edit.name;
    EXPECT_EQ(edit.value.find("\nX-"), std::string::npos) << edit.name;
    if (edit.name != "X-Spam-Report") continue;
    reported = true;
    EXPECT_NE(edit.value.find("A \\x1b[2J\\xe2\\x80\\xae\\x0aX-Injected: yes"), std::string::npos)
        << edit.value;
  }
  EXPECT_TRUE(reported);
  const Record& record = rig.records.back();
  EXPECT_EQ(summary_line(record).find('\x1b'), std::string::npos);
  EXPECT_EQ(to_json(record).find('\x1b'), std::string::npos);
  EXPECT_EQ(to_json(record).find("\xe2\x80\xae"), std::string::npos) << to_json(record);
}

constexpr const char* kAskingRules =
    "header   ASKS_SPF   eval:check_for_spf_pass()\n"
    "header   ASKS_OURS  eval:check_finding('SPF_PASS')\n"
    "body     BUY        /buy/\n"
    "tflags   BUY        multiple\n"
    "header   __HOP      Received =~ /^from mail\\.sender\\.example \\(unknown "
    "\\[192\\.0\\.2\\.1\\]\\)/\n"
    "header   NO_LIST    List-Id !~ /./\n"
    "meta     BOTH       ASKS_SPF && BUY > 1 && __HOP && NO_LIST\n";
constexpr const char* kSpfZone = "sender.example. IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n";

Letter buying() {
  Letter letter;
  letter.text = "From: ann@sender.example\nSubject: x\n\nbuy and buy\n";
  return letter;
}

// The message is matched while DNS still works; what asks other checks, and metas, follow.
TEST(ContentRulesCheck, RulesThatAskOtherChecksHaveTheirAnswers) {
  SessionRig rig(program_checks({"spf", "rules"}), kSpfZone);
  rig.set_policy([](Policy& p) { p.rules = live_rules(kAskingRules); });
  rig.send(buying());
  EXPECT_EQ(findings_with_details(rig),
            "SPF_PASS(ip4:192.0.2.1) ASKS_SPF ASKS_OURS BUY(buy (2 times)) NO_LIST BOTH");
}

TEST(ContentRulesCheck, WithoutAnAnswerTheyDoNotHit) {
  SessionRig rig(program_checks({"spf", "rules"}));
  rig.set_policy([](Policy& p) { p.rules = live_rules(kAskingRules); });
  rig.send(buying());
  EXPECT_EQ(rig.findings(), "SPF_NONE BUY NO_LIST");
}

// Tells when it was asked what.
class WatchedRules final : public rules::RuleSet {
 public:
  explicit WatchedRules(std::shared_ptr<const rules::RuleSet> set) : set_(std::move(set)) {}
  rules::MatchOutcome match(const rules::Subject& s) const override { return set_->match(s); }
  rules::PartialMatch scan(const rules::Subject& s) const override {
    ++scans;
    return set_->scan(s);
  }
  rules::MatchOutcome conclude(const rules::Subject& s, rules::PartialMatch p) const override {
    ++conclusions;
    return set_->conclude(s, std::move(p));
  }
  std::span<const Rule> rules() const override { return set_->rules(); }
  const std::string& hash() const override { return set_->hash(); }

  mutable int scans = 0;
  mutable int conclusions = 0;

 private:
  std::shared_ptr<const rules::RuleSet> set_;
};

TEST(ContentRulesCheck, TheScanDoesNotWaitForDns) {
  SessionRig rig(program_checks({"dkim", "rules"}), kSpfZone);
  const auto watched = std::make_shared<WatchedRules>(live_rules(kAskingRules));
  rig.set_policy([&](Policy& p) { p.rules = watched; });
  rig.connect(), rig.helo("mail.sender.example"), rig.mail(), rig.rcpt(), rig.data();
  rig.resolver.hold(true);
  rig.session->header("From", " ann@sender.example");
  rig.session->header("DKIM-Signature",
                      " v=1; a=rsa-sha256; d=sender.example; s=s; h=from;\n\tbh=" +
                          std::string(43, 'A') + "=; b=" + std::string(171, 'A') + "=");
  rig.end_of_headers();
  rig.session->body("buy and buy\r\n");
  StageAnswer answer;
  rig.session->end_of_message(SessionRig::into(answer));
  rig.run();
  EXPECT_EQ(answer.calls, 0);
  EXPECT_EQ(watched->scans, 1);
  EXPECT_EQ(watched->conclusions, 0);
  rig.resolver.release_all();
  rig.run();
  EXPECT_EQ(answer.calls, 1);
  EXPECT_EQ(watched->scans, 1);
  EXPECT_EQ(watched->conclusions, 1);
  EXPECT_NE(rig.findings().find("BUY"), std::string::npos) << rig.findings();
}

TEST(ContentRulesCheck, TheRuleFilesSayHowMuchOfAPartIsLookedAt) {
  SessionRig rig(program_checks({"rules"}));
  rig.set_policy([](Policy& p) {
    p.rules = live_rules("body_part_scan_size 40\nbody NEAR /near/\nbody FAR /far/\n");
  });
  Letter letter;
  letter.text = "Subject: s\n\nnear\n" + std::string(4000, 'x') + "\nfar\n";
  rig.send(letter);
  EXPECT_EQ(rig.findings(), "PART_TRUNCATED NEAR");
}

// The time of the current hop is the clock's.
TEST(ContentRulesCheck, TimeIsTheClocks) {
  for (const auto& [date, findings] : {std::pair{"Mon, 01 Dec 2025 00:00:00 +0000", "OLD"},
                                       {"Thu, 01 Jan 2026 01:00:00 +0100", ""}}) {
    SessionRig rig(program_checks({"rules"}));
    rig.set_policy([](Policy& p) {
      p.rules = live_rules("header OLD eval:check_for_shifted_date('undef', '-24')\n");
    });
    Letter letter;
    letter.text = std::string("From: a@b.example\nDate: ") + date + "\n\nx\n";
    rig.send(letter);
    EXPECT_EQ(rig.findings(), findings) << date;
  }
}

}  // namespace
}  // namespace gatepost::test
