// A start with rules that no cache holds: mail is served at once and says that they are missing;
// faults stop the start as they do with compiled rules.

#include <csignal>

#include "tests/integration/running_daemon.h"

namespace gatepost::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kRules =
    "body SEEN /body/\nscore SEEN 0.1\nconnect CLIENT ip =~ /^192/\nscore CLIENT 0.1\n"
    "test SEEN ok some body\ntest SEEN fail nothing\n";

class ColdStart : public testing::Test {
 protected:
  void SetUp() override {
    Scenario scenario;
    scenario.name = "cold";
    scenario.config = "mode = \"enforce\"\ngreylist.mode = \"off\"\n";
    auto daemon = DaemonUnderTest::start(scenario);
    ASSERT_TRUE(daemon.ok()) << daemon.error().text();
    daemon_ = std::move(*daemon);
    // It has read its rules when it answers; before, it would read those of the test.
    ASSERT_EQ(state(), "none");
  }

  /// Starts it again with these rules and rules.start, which is the default when `start` is empty.
  Result<void> start_with(const std::string& rules, const std::string& start = "") {
    std::ofstream(daemon_->rules_file()) << rules;
    std::ifstream in(daemon_->config_file());
    std::string text(std::istreambuf_iterator<char>(in), {});
    const std::string waits = "start = \"wait\"\n";
    if (const std::size_t at = text.find(waits); at != std::string::npos)
      text.replace(at, waits.size(), start.empty() ? "" : "start = \"" + start + "\"\n");
    std::ofstream(daemon_->config_file()) << text;
    return daemon_->restart();
  }
  /// With the compiling process stopped in the middle.
  pid_t start_and_stop_compiler(const std::string& rules) {
    const auto started = start_with(rules);
    EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().text());
    pid_t child = 0;
    EXPECT_TRUE(becomes([&] { return (child = compiling_child(*daemon_)) != 0; })) << log();
    ::kill(child, SIGSTOP);
    EXPECT_TRUE(becomes([&] { return is_stopped(child); })) << "it ended before it was stopped";
    return child;
  }
  std::string state() { return ask(*daemon_, "stats")["rules.state"]; }
  std::string log() const { return daemon_->log(); }
  bool says(const std::string& text) const { return log().find(text) != std::string::npos; }
  /// "NAME(detail)…" of the content rules' check in the last record.
  std::string last_findings() const {
    const auto records = records_of(*daemon_);
    std::string out;
    if (records.empty()) return "no record";
    for (const Json& finding : records.back()["findings"]) {
      const std::string name = finding["name"];
      if (name == "SEEN" || name == "CLIENT" || name.starts_with("RULES"))
        out += name + "(" + finding.value("detail", "") + ")";
    }
    return out;
  }

  std::unique_ptr<DaemonUnderTest> daemon_;
};

TEST_F(ColdStart, MailIsServedWhileRulesAreCompiled) {
  const pid_t child = start_and_stop_compiler(kRules + heavy_rules());
  ASSERT_NE(child, 0);
  EXPECT_TRUE(says("rules: compiling 252 patterns, messages pass without content rules"));
  EXPECT_EQ(state(), "compiling");
  auto early = connected(*daemon_);
  EXPECT_TRUE(passes(early));
  EXPECT_EQ(last_findings(), "RULES_MISSING(being compiled)");
  EXPECT_EQ(records_of(*daemon_).back()["rules_hash"], "");
  EXPECT_EQ(ask(*daemon_, "stats")["finding.RULES_MISSING"], 1);
  EXPECT_TRUE(is_stopped(child));

  ::kill(child, SIGCONT);
  ASSERT_TRUE(becomes([&] { return state() == "ready"; })) << log();
  EXPECT_TRUE(says("rules: ready after "));
  EXPECT_TRUE(passes(early)) << "a connection from before";
  EXPECT_NE(last_findings().find("SEEN(body)"), std::string::npos) << last_findings();
  auto late = connected(*daemon_);
  EXPECT_TRUE(passes(late));
  EXPECT_NE(last_findings().find("CLIENT(192"), std::string::npos) << last_findings();

  // From now on the cache has them.
  ASSERT_TRUE(start_with(kRules + heavy_rules()).ok());
  EXPECT_EQ(state(), "ready");
  EXPECT_EQ(log().find("rules: compiling"), log().rfind("rules: compiling")) << "only once";
}

TEST_F(ColdStart, AReloadMeanwhileComesBehindIt) {
  const pid_t child = start_and_stop_compiler(kRules + heavy_rules());
  ASSERT_NE(child, 0);
  std::ofstream(daemon_->rules_file()) << "body OTHER /body/\n";
  Json answer;
  std::thread reload([&] { answer = ask(*daemon_, "reload"); });
  EXPECT_EQ(state(), "compiling");
  ::kill(child, SIGCONT);
  reload.join();
  EXPECT_EQ(answer["ok"], true) << answer;
  EXPECT_EQ(ask(*daemon_, "stats")["rules"], 1);
  EXPECT_LT(log().find("rules: ready after "), log().find("reload: done")) << log();
}

TEST_F(ColdStart, FaultsStopTheStart) {
  struct Case {
    const char* rules;
    const char* error;
  };
  constexpr Case kCases[] = {
      {"body A /a(/\n", "rules.cf:1:"},
      {"body A /a/\ntest A ok b\n", "A does not hit 'b', expected a hit"},
      {"nonsense\n", "rules.cf:1:"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.rules);
    // Its socket may be open for a moment before that.
    const auto started = start_with(c.rules);
    constexpr int kExitConfig = 78;
    EXPECT_EQ(daemon_->process().wait(after(Milliseconds(60'000))).value(), kExitConfig);
    const std::string said = (started.ok() ? "" : started.error().text()) + log();
    EXPECT_NE(said.find(c.error), std::string::npos) << said;
  }
}

// PCRE2 comes to no end with this text, so only the compiled rule says that the line is red.
TEST_F(ColdStart, WhatIsRedOnlyWhenCompiledStopsNoMail) {
  const auto started =
      start_with("body A /(x+x+)+y/\ntest A fail " + std::string(60, 'x') + " xxy\n");
  ASSERT_TRUE(started.ok()) << started.error().text();
  ASSERT_TRUE(becomes([&] { return state() == "failed"; })) << log();
  EXPECT_TRUE(says("A hits 'xxx"));
  EXPECT_TRUE(says("rules: not loaded, messages pass without content rules until a reload"));
  auto client = connected(*daemon_);
  EXPECT_TRUE(passes(client));
  EXPECT_EQ(last_findings(), "RULES_MISSING(could not be compiled, see the log)");
  std::ofstream(daemon_->rules_file()) << kRules;
  EXPECT_EQ(ask(*daemon_, "reload")["ok"], true);
  EXPECT_EQ(state(), "ready");
  EXPECT_TRUE(passes(client));
  EXPECT_NE(last_findings().find("SEEN(body)"), std::string::npos) << last_findings();
}

TEST_F(ColdStart, WaitingServesNobodyBeforeRulesAreReady) {
  const auto started = start_with(kRules, "wait");
  ASSERT_TRUE(started.ok()) << started.error().text();
  auto client = connected(*daemon_);
  EXPECT_TRUE(passes(client));
  EXPECT_NE(last_findings().find("SEEN(body)"), std::string::npos) << last_findings();
  EXPECT_FALSE(says("rules: compiling"));
}

}  // namespace
}  // namespace gatepost::test
