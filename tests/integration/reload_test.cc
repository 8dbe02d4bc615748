// Rules that are loaded anew while mail comes: no message fails, none is judged by two sets, a
// compilation holds nobody up, and what was is given back.

#include <atomic>
#include <csignal>
#include <map>
#include <set>

#include <sys/stat.h>

#include "tests/integration/running_daemon.h"

namespace gatepost::test {
namespace {

using Json = nlohmann::json;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr const char* kLookers[] = {"CONNECT", "HELO", "MAIL", "RCPT",
                                    "HEADER",  "BODY", "META", "SHADOW"};

/// Eight rules that hit every message of these tests, at all stages.
std::string generation(const std::string& name) {
  const std::string g = name + "_";
  std::string text = "connect " + g + "CONNECT ip =~ /^192/\nhelo " + g +
                     "HELO name =~ /example/\nmail " + g + "MAIL sender =~ /@/\nrcpt " + g +
                     "RCPT recipient =~ /@/\nheader " + g + "HEADER Subject =~ /x/\nbody " + g +
                     "BODY /body/\nmeta " + g + "META " + g + "CONNECT && " + g + "RCPT && " + g +
                     "BODY\nbody " + g + "SHADOW /body/\nshadow " + g + "SHADOW\n";
  for (const char* looker : kLookers) text += "score " + g + looker + " 0.01\n";
  return text;
}

std::unique_ptr<DaemonUnderTest> start(const std::string& rules) {
  Scenario scenario;
  scenario.name = "reload";
  scenario.config = "mode = \"enforce\"\ngreylist.mode = \"off\"\n";
  scenario.rules = rules;
  auto daemon = DaemonUnderTest::start(scenario);
  EXPECT_TRUE(daemon.ok()) << (daemon.ok() ? "" : daemon.error().text());
  if (!daemon.ok()) return nullptr;
  // Its socket is open before it has read its rules: what they are is certain when it answers.
  EXPECT_TRUE(control::ask((*daemon)->control_socket(), R"({"command":"stats"})").ok());
  return std::move(*daemon);
}

void reload(const DaemonUnderTest& daemon, const std::string& rules) {
  std::ofstream(daemon.rules_file()) << rules;
  const Json answer = ask(daemon, "reload");
  EXPECT_EQ(answer["ok"], true) << answer;
}

std::size_t reloads_done(const DaemonUnderTest& daemon) {
  const std::string log = daemon.log();
  std::size_t count = 0;
  for (std::size_t at = log.find("reload: done"); at != std::string::npos;
       at = log.find("reload: done", at + 1))
    ++count;
  return count;
}

/// Of each record the names of its content rules, by generation.
std::vector<std::map<std::string, std::set<std::string>>> records(const DaemonUnderTest& daemon) {
  std::vector<std::map<std::string, std::set<std::string>>> out;
  for (const Json& record : records_of(daemon)) {
    auto& names = out.emplace_back();
    for (const Json& finding : record["findings"]) {
      const std::string name = finding["name"];
      const std::size_t end = name.rfind('_');
      if (name.starts_with("GEN")) names[name.substr(0, end)].insert(name.substr(end + 1));
    }
  }
  return out;
}

/// Threads that send messages until they are told to stop: over one connection, over one for each
/// message, and a few over each.
class Senders {
 public:
  explicit Senders(const DaemonUnderTest& daemon) : daemon_(daemon) {
    for (const int each : {1'000'000, 1, 3}) {
      threads_.emplace_back([this, each] {
        while (!stop_) {
          auto client = connected(daemon_);
          for (int i = 0; i < each && !stop_; ++i) {
            failed_ += passes(client) ? 0 : 1;
            ++sent_;
          }
        }
      });
    }
  }
  ~Senders() { stop(); }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int sent() const { return sent_; }
  int failed() const { return failed_; }

 private:
  const DaemonUnderTest& daemon_;
  std::atomic<bool> stop_{false};
  std::atomic<int> sent_{0};
  std::atomic<int> failed_{0};
  std::vector<std::thread> threads_;
};

TEST(ReloadUnderLoad, NoMessageFailsAndNoneIsOfTwoSets) {
  const auto daemon = start(generation("GEN0"));
  ASSERT_TRUE(daemon);
  constexpr int kReloads = 15;
  constexpr int kBetween = 9;  // messages that are sent before the next reload
  Senders senders(*daemon);
  for (int i = 1; i <= kReloads; ++i) {
    const int before = senders.sent();
    ASSERT_TRUE(becomes([&] { return senders.sent() >= before + kBetween; }));
    // New ones have to be compiled; every third was there before and comes from the cache.
    reload(*daemon, generation("GEN" + std::to_string(i % 3 == 0 ? i - 2 : i)));
  }
  const int before = senders.sent();
  ASSERT_TRUE(becomes([&] { return senders.sent() >= before + kBetween; }));
  senders.stop();
  EXPECT_EQ(senders.failed(), 0);
  const auto all = records(*daemon);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(senders.sent())) << "every message has a record";
  std::set<std::string> seen;
  for (const auto& names : all) {
    ASSERT_EQ(names.size(), 1U) << "rules of two sets, or of none";
    const auto& [name, lookers] = *names.begin();
    seen.insert(name);
    EXPECT_EQ(lookers.size(), std::size(kLookers)) << name;
  }
  EXPECT_EQ(seen.size(), 11U) << "of 16 loads five were of rules that had been there";
  const Json statistics = ask(*daemon, "rule-statistics");
  EXPECT_EQ(statistics["messages"], senders.sent());
  EXPECT_EQ(statistics["rules"].size(), std::size(kLookers));
}

// The compiling process is stopped in the middle: mail goes on with the old rules.
TEST(ReloadUnderLoad, MailIsAnsweredWhileRulesAreCompiled) {
  const auto daemon = start(generation("GENOLD"));
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  std::ofstream(daemon->rules_file()) << generation("GENNEW") << heavy_rules();
  ::kill(daemon->process().id(), SIGHUP);
  pid_t child = 0;
  ASSERT_TRUE(becomes([&] { return (child = compiling_child(*daemon)) != 0; })) << daemon->log();
  ::kill(child, SIGSTOP);
  ASSERT_TRUE(becomes([&] { return is_stopped(child); })) << "it ended before it was stopped";
  auto newcomer = connected(*daemon);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(passes(client));
    EXPECT_TRUE(passes(newcomer));
  }
  EXPECT_TRUE(is_stopped(child));
  EXPECT_EQ(daemon->log().find("reload: "), std::string::npos) << daemon->log();
  ::kill(child, SIGCONT);
  ASSERT_TRUE(becomes([&] { return daemon->log().find("reload: done") != std::string::npos; }))
      << daemon->log();
  EXPECT_TRUE(passes(client));
  const auto all = records(*daemon);
  ASSERT_EQ(all.size(), 11U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].size(), 1U);
    EXPECT_EQ(all[i].begin()->first, i < 10 ? "GENOLD" : "GENNEW") << i;
    EXPECT_EQ(all[i].begin()->second.size(), std::size(kLookers)) << i;
  }
}

// A reload is stopped in the middle: who asks something else is answered.
TEST(ReloadUnderLoad, TheDaemonAnswersOtherRequestsMeanwhile) {
  const auto daemon = start(generation("GENOLD"));
  ASSERT_TRUE(daemon);
  // Reading a pipe lasts until somebody has written to it.
  std::filesystem::remove(daemon->rules_file());
  ASSERT_EQ(::mkfifo(daemon->rules_file().c_str(), 0600), 0);
  Json answers[2];
  std::vector<std::thread> reloads;
  for (Json& answer : answers) reloads.emplace_back([&] { answer = ask(*daemon, "reload"); });
  for (std::size_t turn = 0; turn < std::size(answers); ++turn) {
    // Opening it for writing waits for its reader: a reload is under way, and one alone.
    std::ofstream pipe(daemon->rules_file());
    EXPECT_EQ(ask(*daemon, "stats")["rules.state"], "ready");
    EXPECT_EQ(ask(*daemon, "rule-statistics")["rules"].size(), std::size(kLookers));
    EXPECT_EQ(reloads_done(*daemon), turn);
    pipe << generation("GENNEW");
    pipe.close();
    ASSERT_TRUE(becomes([&] { return reloads_done(*daemon) == turn + 1; }));
  }
  for (std::thread& thread : reloads) thread.join();
  for (const Json& answer : answers) EXPECT_EQ(answer["ok"], true) << answer;
}

TEST(ReloadUnderLoad, AFailedReloadKeepsTheOldRules) {
  const auto daemon = start(generation("GENOLD"));
  ASSERT_TRUE(daemon);
  Senders senders(*daemon);
  for (const char* faulty : {"body GENNEW_A /(/\n", "connect GENNEW_A name =~ /x/\n",
                             "body GENNEW_A /x/\naction GENNEW_A rejct\n",
                             "helo GENNEW_A name =~ /x/\ntest GENNEW_A ok y\n"}) {
    std::ofstream(daemon->rules_file()) << faulty;
    const Json answer = ask(*daemon, "reload");
    EXPECT_EQ(answer["ok"], false) << faulty;
    EXPECT_NE(answer["errors"].dump().find("rules.cf:"), std::string::npos) << answer;
    const int before = senders.sent();
    ASSERT_TRUE(becomes([&] { return senders.sent() >= before + 3; }));
  }
  senders.stop();
  EXPECT_EQ(senders.failed(), 0);
  for (const auto& names : records(*daemon)) {
    ASSERT_EQ(names.size(), 1U);
    EXPECT_EQ(names.begin()->first, "GENOLD");
  }
  EXPECT_EQ(ask(*daemon, "rule-statistics")["rules"].size(), std::size(kLookers));
}

std::size_t sets(const DaemonUnderTest& daemon) {
  return ask(daemon, "stats")["rules.sets"];
}

TEST(ReloadedRules, OldSetsGoWithTheirLastUser) {
  const auto daemon = start(generation("GEN0"));
  ASSERT_TRUE(daemon);
  EXPECT_EQ(sets(*daemon), 1U);
  auto client = std::make_unique<milter::MilterClient>(connected(*daemon));
  EXPECT_TRUE(passes(*client));
  reload(*daemon, generation("GEN1"));
  EXPECT_EQ(sets(*daemon), 2U) << "the connection is pinned to the old one";
  EXPECT_TRUE(passes(*client));
  client.reset();
  EXPECT_TRUE(becomes([&] { return sets(*daemon) == 1; }));
  reload(*daemon, "");
  EXPECT_TRUE(becomes([&] { return sets(*daemon) == 0; }));
  EXPECT_EQ(ask(*daemon, "stats")["rules.scratches"], 0);
}

/// In KiB.
long resident(const DaemonUnderTest& daemon) {
  const int id = const_cast<DaemonUnderTest&>(daemon).process().id();
  std::ifstream in("/proc/" + std::to_string(id) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return -1;
}

struct Held {
  std::size_t sets = 0, scratches = 0;
  long kib = 0;
};

/// What is held after each of 100 reloads with a message between them and nobody connected.
std::vector<Held> hundred_reloads(const DaemonUnderTest& daemon) {
  std::vector<Held> out;
  for (int i = 1; i <= 100; ++i) {
    reload(daemon, generation(i % 2 == 0 ? "GENEVEN" : "GENODD"));
    {
      auto client = connected(daemon);
      EXPECT_TRUE(passes(client));
    }
    EXPECT_TRUE(becomes([&] { return sets(daemon) == 1; })) << i;
    const Json stats = ask(daemon, "stats");
    out.push_back({stats["rules.sets"], stats["rules.scratches"], resident(daemon)});
  }
  return out;
}

TEST(ReloadedRules, AHundredReloadsHoldOneSet) {
  const auto daemon = start(generation("GENEVEN"));
  ASSERT_TRUE(daemon);
  for (const Held& held : hundred_reloads(*daemon)) {
    EXPECT_EQ(held.sets, 1U);
    EXPECT_LE(held.scratches, 2U) << "the prototype and that of the one message";
  }
}

TEST(ReloadedRules, AHundredReloadsTakeNoMoreMemory) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep freed memory: the sets are counted instead";
  const auto daemon = start(generation("GENEVEN"));
  ASSERT_TRUE(daemon);
  const auto held = hundred_reloads(*daemon);
  ASSERT_EQ(held.size(), 100U);
  EXPECT_LE(held[99].kib, held[19].kib + 4096) << "KiB after 100 reloads, against after 20";
}

/// The command line, on this daemon's configuration.
ProcessResult gatepost(const DaemonUnderTest& daemon, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), GATEPOST_BINARY_DIR "/bin/gatepost");
  arguments.insert(arguments.end(), {"-c", daemon.config_file()});
  const auto result = run_process(arguments);
  EXPECT_TRUE(result.ok());
  return result.ok() ? *result : ProcessResult{};
}

TEST(StatsRules, TheCommandLineShowsATable) {
  const auto daemon = start(
      "body SEEN /body/\nscore SEEN 0.1\ncategory SEEN words\nbody SEEN_IN_SHADOW /body/\n"
      "shadow SEEN_IN_SHADOW\nbody NOT_SEEN /nothing of this/\n");
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(passes(client));
  const ProcessResult table = gatepost(*daemon, {"stats", "rules"});
  EXPECT_EQ(table.status, 0) << table.errors;
  std::istringstream lines(table.output);
  std::vector<std::string> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(line);
  ASSERT_EQ(rows.size(), 6U) << table.output;
  EXPECT_TRUE(rows[0].starts_with("12 messages since 2")) << rows[0];
  EXPECT_EQ(rows[1], "");
  EXPECT_EQ(rows[2],
            "RULE            HITS  SHADOW  STATE   CATEGORY  SINCE                 LAST HIT");
  EXPECT_TRUE(rows[3].starts_with("SEEN              12       0  on      words     2")) << rows[3];
  EXPECT_TRUE(rows[4].starts_with("SEEN_IN_SHADOW     0      12  shadow  -         2")) << rows[4];
  EXPECT_TRUE(rows[5].starts_with("NOT_SEEN           0       0  on      -         2")) << rows[5];
  EXPECT_TRUE(rows[5].ends_with("Z  -")) << rows[5];
  const ProcessResult json = gatepost(*daemon, {"stats", "rules", "--json"});
  EXPECT_EQ(json.status, 0) << json.errors;
  EXPECT_EQ(Json::parse(json.output)["rules"][0]["hits"], 12) << json.output;
  const ProcessResult other = gatepost(*daemon, {"stats", "ruls"});
  EXPECT_EQ(other.status, 64) << other.output;
  EXPECT_NE((other.output + other.errors).find("ruls"), std::string::npos);
}

}  // namespace
}  // namespace gatepost::test
