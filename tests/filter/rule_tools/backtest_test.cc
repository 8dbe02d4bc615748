#include "filter/rule_tools/backtest.h"

#include <fstream>

#include <gtest/gtest.h>

#include "filter/checks/content_rules.h"
#include "filter/rule_tools/backtest_report.h"
#include "filter/rule_tools/cost.h"
#include "filter/rule_tools/html.h"
#include "rules/compile.h"
#include "rules/parse.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::rule_tools {
namespace {

std::unique_ptr<Judge> judge_of(std::string text, double tag = 5) {
  const rules::Source source{"r.cf", std::move(text)};
  const rules::RuleFile file = rules::parse({&source, 1});
  auto compiled = rules::compile(file, {});
  EXPECT_TRUE(compiled.ok() && compiled->rules != nullptr);
  auto policy = std::make_shared<Policy>();
  policy->tag_score = tag;
  set_rules(*policy, compiled->rules);
  return std::make_unique<Judge>(policy, file.settings);
}

constexpr const char* kRules =
    "body PILLS /pills/\nscore PILLS 4\nbody CHEAP /cheap/\nscore CHEAP 2\n"
    "header LIST exists:List-Id\nscore LIST -1\nbody NEVER /zzzz/\nscore NEVER 3\n"
    "body __SUB /cheap/\nmeta BOTH PILLS && __SUB\nscore BOTH 0.5\n";

class Backtest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 12; ++i) add(input_.spam, "spam" + std::to_string(i), "cheap pills");
    add(input_.spam, "missed", "hello");
    add(input_.ham, "ham", "hello");
    add(input_.ham, "list", "cheap", "List-Id: <l.example>\n");
    add(input_.ham, "caught", "cheap pills", "Subject: <script>alert(1)</script>\"'&\n");
  }

  void add(std::vector<MailPlace>& to, const std::string& name, const std::string& body,
           const std::string& fields = "") {
    const std::string text = "From: \"a<b>\" <a@example.com>\n" + fields + "\n" + body + "\n";
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    to.push_back({path, 0, text.size(), 0});
  }

  BacktestResult run(unsigned threads = 2) {
    input_.threads = threads;
    std::atomic<std::size_t> done{0};
    const std::atomic<bool> stop{false};
    BacktestResult result = run_backtest(input_, done, stop);
    EXPECT_EQ(done, input_.ham.size() + input_.spam.size());
    return result;
  }

  static const RuleOutcome& rule(const BacktestResult& result, const std::string& name) {
    for (const RuleOutcome& one : result.rules) {
      if (one.name == name) return one;
    }
    ADD_FAILURE() << name << " is not there";
    static const RuleOutcome kNone;
    return kNone;
  }

  test::TempFolder folder_;
  BacktestInput input_;
};

TEST_F(Backtest, CountsByRule) {
  const auto judge = judge_of(kRules);
  input_.now = judge.get();
  const BacktestResult result = run();
  EXPECT_EQ(result.judged, (Sides{3, 13}));
  const RuleOutcome& pills = rule(result, "PILLS");
  EXPECT_EQ(pills.hits, (Sides{1, 12}));
  EXPECT_DOUBLE_EQ(pills.precision, 12.0 / 13);
  EXPECT_EQ(pills.decides, (Sides{1, 12}));
  EXPECT_DOUBLE_EQ(pills.spam_points, 4 * 12.0 / 13);
  EXPECT_DOUBLE_EQ(pills.ham_points, 4 / 3.0);
  const RuleOutcome& list = rule(result, "LIST");
  EXPECT_EQ(list.hits, (Sides{1, 0}));
  EXPECT_EQ(list.precision, 1) << "below 0 a hit in ham is right";
  EXPECT_EQ(rule(result, "BOTH").decides, (Sides{0, 0}));
  EXPECT_EQ(rule(result, "NEVER").precision, -1);
  EXPECT_EQ(result.rules.size(), 5U) << "no subrules";
  EXPECT_EQ(result.hit_nothing(), 1U);
  EXPECT_EQ(result.now.marked(), (Sides{1, 12}));
  EXPECT_EQ(result.now.tag, (Sides{1, 12}));
  EXPECT_EQ(result.now.none, (Sides{2, 1}));
}

TEST_F(Backtest, OverlapsAreThoseThatHitTogether) {
  const auto judge = judge_of(kRules);
  input_.now = judge.get();
  const BacktestResult result = run();
  std::string all;
  for (const Overlap& o : result.overlaps)
    all += o.first + "+" + o.second + " " + std::to_string(o.both) + "/" +
           std::to_string(o.only_first) + "/" + std::to_string(o.only_second) + " ";
  EXPECT_EQ(all, "PILLS+BOTH 13/0/0 CHEAP+BOTH 13/1/0 PILLS+CHEAP 13/0/1 ");
}

TEST_F(Backtest, AnotherSetChangesVerdicts) {
  const auto now = judge_of("body PILLS /pills/\nscore PILLS 4\nbody NEW /hello/\nscore NEW 6\n");
  const auto before = judge_of(kRules);
  input_.now = now.get();
  input_.before = before.get();
  const BacktestResult result = run();
  EXPECT_EQ(result.changed.size(), 15U);  // all but the one of the list
  EXPECT_EQ(result.now.marked(), (Sides{1, 1}));
  EXPECT_EQ(result.before.marked(), (Sides{1, 12}));
  EXPECT_TRUE(rule(result, "NEW").is_now);
  EXPECT_FALSE(rule(result, "NEW").was_before);
  EXPECT_FALSE(rule(result, "CHEAP").is_now);
  EXPECT_EQ(rule(result, "CHEAP").hits_before, (Sides{2, 12}));
  std::string changes;
  for (const HitChange& change : hit_changes(input_, result.messages[result.changed[1]]))
    changes += change.rule + (change.is_now ? "+" : "-") + " ";
  EXPECT_EQ(changes, "BOTH- CHEAP- ") << "PILLS counts as before";
}

TEST_F(Backtest, ShadowCountsAndDecidesNothing) {
  const auto judge = judge_of("body PILLS /pills/\nscore PILLS 6\nshadow PILLS\n");
  input_.now = judge.get();
  const BacktestResult result = run();
  EXPECT_EQ(result.now.marked(), (Sides{0, 0}));
  EXPECT_TRUE(rule(result, "PILLS").shadow);
  EXPECT_EQ(rule(result, "PILLS").hits, (Sides{1, 12}));
  EXPECT_EQ(rule(result, "PILLS").decides, (Sides{1, 12})) << "what it would decide";
}

TEST_F(Backtest, ThreadsChangeNothing) {
  const auto judge = judge_of(kRules);
  input_.now = judge.get();
  const BacktestResult one = run(1);
  const BacktestResult many = run(8);
  ASSERT_EQ(one.messages.size(), many.messages.size());
  for (std::size_t i = 0; i < one.messages.size(); ++i) {
    EXPECT_EQ(one.messages[i].now.hits, many.messages[i].now.hits);
    EXPECT_EQ(one.messages[i].subject, many.messages[i].subject);
  }
}

TEST_F(Backtest, RulesOfStagesSeeWhatTraceFieldsTell) {
  const auto judge = judge_of(
      "connect CLIENT ip =~ /^192\\.0\\.2\\./\nscore CLIENT 1\n"
      "connect OTHERS ip !~ /^192\\.0\\.2\\./\nscore OTHERS 1\n"
      "mail FROM sender =~ /^bounce@/\nscore FROM 1\n"
      "rcpt TO recipient =~ /^us@/\nscore TO 1\n"
      "mail LOGIN login !~ /./\nscore LOGIN 1\n"
      "meta BOTH CLIENT && TO\nscore BOTH 4\n");
  add(input_.spam, "traced", "hello",
      "Return-Path: <bounce@list.example>\nDelivered-To: us@our.example\n"
      "Received: from a.example (a.example [192.0.2.7]) by mx.our.example (Postfix) with ESMTP id "
      "1; Thu, 1 Jan 2026 00:00:00 +0000\n");
  input_.now = judge.get();
  const BacktestResult result = run();
  EXPECT_TRUE(result.has_stage_rules);
  EXPECT_EQ(result.clients_known, 1U);
  EXPECT_EQ(result.senders_known, 1U);
  EXPECT_EQ(result.recipients_known, 1U);
  for (const char* name : {"CLIENT", "FROM", "TO", "BOTH"})
    EXPECT_EQ(rule(result, name).hits, (Sides{0, 1})) << name;
  EXPECT_EQ(rule(result, "OTHERS").hits, (Sides{0, 0})) << "not where nobody knows";
  EXPECT_EQ(rule(result, "LOGIN").hits, (Sides{0, 0}));
  EXPECT_EQ(result.now.tag, (Sides{0, 1})) << "1 + 1 + 1 + 4";
  const std::string page = backtest_page(input_, result, {});
  EXPECT_NE(page.find("the client for 1 (5.9 %) of the messages"), std::string::npos) << page;
  const auto plain = judge_of(kRules);
  input_.now = plain.get();
  EXPECT_EQ(backtest_page(input_, run(), {}).find("SMTP's stages"), std::string::npos);
}

TEST_F(Backtest, WhatIsNoMailIsNamed) {
  add(input_.ham, "gone", "x");
  std::filesystem::remove(folder_ / "gone");
  const std::string path = (folder_ / "binary").string();
  std::ofstream(path) << "\x7f"
                         "ELF";
  input_.ham.push_back({path, 0, 4, 0});
  const auto judge = judge_of(kRules);
  input_.now = judge.get();
  const BacktestResult result = run();
  EXPECT_EQ(result.judged.ham, 3U);
  EXPECT_EQ(result.skipped_count, 2U);
  EXPECT_NE(result.skipped.at(0).find("cannot be read"), std::string::npos);
  EXPECT_NE(result.skipped.at(1).find("is no mail"), std::string::npos);
}

TEST_F(Backtest, StopEndsItWithWhatIsThere) {
  const auto judge = judge_of(kRules);
  input_.now = judge.get();
  std::atomic<std::size_t> done{0};
  const std::atomic<bool> stop{true};
  const BacktestResult result = run_backtest(input_, done, stop);
  EXPECT_EQ(result.judged.all(), 0U);
  EXPECT_EQ(result.skipped_count, 0U);
  EXPECT_FALSE(backtest_page(input_, result, {}).empty());
}

TEST_F(Backtest, PageIsSafeAndLoadsNothing) {
  const auto now = judge_of(std::string(kRules) + "describe PILLS <img src=x onerror=alert(2)>\n");
  const auto before = judge_of("body OLD /hello/\nscore OLD 9\n");
  input_.now = now.get();
  input_.before = before.get();
  const BacktestResult result = run();
  const std::string page =
      backtest_page(input_, result, {{"<b>r.cf"}, {"old\"><script>"}, {"ham"}, {"spam"}, "today"});
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("<b>r.cf"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"), std::string::npos);
  EXPECT_NE(page.find("&lt;img src=x onerror=alert(2)&gt;"), std::string::npos);
  EXPECT_NE(page.find("a&lt;b&gt;"), std::string::npos);
  // One script, which the policy names by its hash; nothing from anywhere.
  EXPECT_EQ(page.find("<script>"), page.rfind("<script>"));
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(page.find("script-src 'sha256-"), std::string::npos);
  for (const char* loads : {"src=\"", "href=", "url(", "@import", "http://", "https://"})
    EXPECT_EQ(page.find(loads), std::string::npos) << loads;
  for (const char* part : {"Scores", "Limits", "Messages whose verdict changes",
                           "Rules that nearly", "Ham that is marked", "Spam that is missed"})
    EXPECT_NE(page.find(std::string("<h2>") + part), std::string::npos) << part;
}

TEST_F(Backtest, CostIsByScanAndByRule) {
  const auto judge = judge_of(std::string(kRules) + "body LOOK /(?<!x)cheap/\nscore LOOK 1\n");
  const auto without = judge_of("body PILLS /pills/\nscore PILLS 1\n");
  std::atomic<std::size_t> done{0};
  const std::atomic<bool> stop{false};
  const CostResult cost = measure_cost({input_.spam, judge.get(), without.get(), 0, 3}, done, stop);
  EXPECT_EQ(cost.messages, 13U);
  EXPECT_EQ(done, 13U);
  EXPECT_GT(cost.match.count(), 0);
  EXPECT_GT(cost.without.count(), 0);
  EXPECT_GT(cost.measured.count(), 0);
  std::string owners;
  for (std::size_t i = 0; i < cost.profile.own.size(); ++i) {
    if (cost.profile.own[i].runs != 0)
      owners += judge->rules()[i].name + " " + std::to_string(cost.profile.own[i].runs) + " ";
  }
  EXPECT_EQ(owners, "LOOK 36 ") << "only what PCRE2 confirms costs by itself: 12 messages, 3 times";
  ASSERT_EQ(cost.profile.scans.size(), 1U);
  const auto& [rule, scan] = *cost.profile.scans.begin();
  EXPECT_EQ(scan_name(judge->rules()[rule]), "body");
  EXPECT_EQ(scan.rules, 5U);
  EXPECT_EQ(scan.runs, 39U);
  const CostResult sample = measure_cost({{}, judge.get(), nullptr, 0, 1}, done, stop);
  EXPECT_EQ(sample.messages, sample_mail().size());
}

struct NumberCase {
  double value;
  int digits;
  const char* text;
};

TEST(Html, Numbers) {
  for (const NumberCase& c : {NumberCase{0, 2, "0"},
                              {-0.001, 2, "0"},
                              {3, 2, "3"},
                              {2.50, 3, "2.5"},
                              {-1.25, 1, "-1.3"},
                              {1e9, 0, "1000000000"},
                              {1000, 1, "1000"}}) {
    EXPECT_EQ(number_text(c.value, c.digits), c.text);
  }
  EXPECT_EQ(percent_text(0), "0 %");
  EXPECT_EQ(percent_text(0.0001), "<0.1 %");
  EXPECT_EQ(percent_text(0.9999), ">99.9 %");
  EXPECT_EQ(percent_text(1), "100 %");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1234567), "1,234,567");
}

TEST(Html, Escape) {
  struct Case {
    std::string_view text, escaped;
  };
  for (const Case& c : {Case{"", ""},
                        {"<a href='x'>\"&", "&lt;a href=&#39;x&#39;&gt;&quot;&amp;"},
                        {"\x1b[31m", "\\x1b[31m"},
                        {"caf\xC3\xA9", "caf\xC3\xA9"},
                        {"\xff", "\\xff"}}) {
    EXPECT_EQ(html_escape(c.text), c.escaped);
  }
}

}  // namespace
}  // namespace gatepost::rule_tools
