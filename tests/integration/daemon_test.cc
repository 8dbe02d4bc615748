// gatepostd as a process: faults of the MTA's side, of the operator and of the machine.

#include "tests/support/scenario/daemon.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/control/control.h"
#include "tests/support/milter/client.h"
#include "tests/support/milter/sample_filter_process.h"
#include "tests/support/milter/transaction.h"
#include "tests/support/postfix/postfix_sandbox.h"
#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"
#include "tests/support/scenario/daemon_client.h"

namespace gatepost::test {
namespace {

Scenario scenario_with(const std::string& config, const std::string& rules = {}) {
  Scenario scenario;
  scenario.name = "daemon";
  // Clients of these tests prove nothing; they are not here to be greylisted.
  scenario.config = "greylist.mode = \"off\"\n" + config;
  scenario.rules = rules;
  return scenario;
}

std::unique_ptr<DaemonUnderTest> start(const std::string& config,
                                       const std::vector<std::string>& arguments = {}) {
  auto daemon = DaemonUnderTest::start(scenario_with(config), arguments);
  EXPECT_TRUE(daemon.ok()) << (daemon.ok() ? "" : daemon.error().text());
  return daemon.ok() ? std::move(*daemon) : nullptr;
}

std::unique_ptr<DaemonUnderTest> start_with_rules(const std::string& rules) {
  auto daemon = DaemonUnderTest::start(scenario_with("mode = \"enforce\"", rules));
  EXPECT_TRUE(daemon.ok()) << (daemon.ok() ? "" : daemon.error().text());
  return daemon.ok() ? std::move(*daemon) : nullptr;
}

bool waits_for(const DaemonUnderTest& daemon, const std::string& text) {
  for (int tries = 0; tries < 250; ++tries) {
    if (daemon.log().find(text) != std::string::npos) return true;
    std::this_thread::sleep_for(Milliseconds(20));
  }
  return false;
}

constexpr std::string_view kMalformed[] = {
    std::string_view("\0\0\0\0", 4),           // an empty packet
    std::string_view("\xff\xff\xff\xffX", 5),  // longer than anything allowed
    std::string_view("\0\0\0\1?", 5),          // an unknown command
    std::string_view("\0\0\0\2M<", 6),         // MAIL without its NUL
    std::string_view("\0\0\0\5C\0Z12", 9),     // a connect of an unknown family
    std::string_view("\0\0\0\3Lab", 7),        // a header without value
};

TEST(Daemon, AMalformedPacketHarmsNobodyElse) {
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  auto neighbour = connected(*daemon);
  for (const std::string_view packet : kMalformed) {
    auto client = connected(*daemon);
    ASSERT_TRUE(client.raw_send(packet).ok());
    client.close();
    EXPECT_TRUE(passes(neighbour)) << packet.size();
  }
  EXPECT_TRUE(daemon->process().running());
}

TEST(Daemon, ReloadKeepsSessionsAndABadOneKeepsThePolicy) {
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  EXPECT_TRUE(passes(client));
  const std::string good = [&] {
    std::ifstream in(daemon->config_file());
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  std::ofstream(daemon->config_file()) << "mod = 1\n" << good;
  ::kill(daemon->process().id(), SIGHUP);
  EXPECT_TRUE(waits_for(*daemon, "gatepost.toml:1:1: unknown setting 'mod', did you mean 'mode'?"))
      << daemon->log();
  EXPECT_TRUE(waits_for(*daemon, "the running configuration stays"));
  EXPECT_TRUE(passes(client));
  std::ofstream(daemon->config_file()) << "help_url = \"https://help.example/\"\n"
                                       << good << "[lists]\ndeny_senders = [\"a@b.example\"]\n";
  ::kill(daemon->process().id(), SIGUSR1);
  EXPECT_TRUE(waits_for(*daemon, "reload: done"));
  EXPECT_FALSE(passes(client));  // the same session, its next transaction
  EXPECT_TRUE(daemon->process().running());
}

TEST(Daemon, ManyHangupsNeverStopIt) {
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  for (int i = 0; i < 200; ++i) {
    ::kill(daemon->process().id(), SIGHUP);
    const bool asks = i % 20 == 0;
    ASSERT_TRUE(!asks || passes(client)) << i << "\n" << daemon->log();
  }
  EXPECT_TRUE(passes(client));
  EXPECT_TRUE(daemon->process().running()) << daemon->log();
}

ProcessResult run_daemon(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {GATEPOST_BINARY_DIR "/bin/gatepostd"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const auto result = run_process(all);
  EXPECT_TRUE(result.ok());
  return result.ok() ? *result : ProcessResult{};
}

/// What a reload over the control socket answers.
std::string reload(const DaemonUnderTest& daemon) {
  const auto answer = control::ask(daemon.control_socket(), R"({"command":"reload"})");
  EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().text());
  return answer.ok() ? *answer : "";
}

constexpr const char* kRefuse = "body REFUSE_IT /body/\nscore REFUSE_IT 20\n";
constexpr const char* kNothing = "body NO_HIT /no such text/\n";

TEST(DaemonRules, AReloadTakesChangedRules) {
  const auto daemon = start_with_rules(kNothing);
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  EXPECT_TRUE(passes(client));
  std::ofstream(daemon->rules_file()) << kRefuse;
  EXPECT_NE(reload(*daemon).find("\"ok\":true"), std::string::npos);
  EXPECT_FALSE(passes(client)) << "the same session, its next transaction";
  EXPECT_NE(daemon->log().find("REFUSE_IT"), std::string::npos) << daemon->log();
  std::ofstream(daemon->rules_file()) << "";
  EXPECT_NE(reload(*daemon).find("\"ok\":true"), std::string::npos);
  EXPECT_TRUE(passes(client));
}

struct FaultyRules {
  const char* name;
  const char* rules;
  const char* fault;  // stands in the answer and in the log
};

constexpr FaultyRules kFaulty[] = {
    {"syntax", "body NO_SLASH\nhead X Subject =~ /x/\n", "rules.cf:1:"},
    {"every_fault", "body NO_SLASH\nhead X Subject =~ /x/\n", "rules.cf:2:1: "},
    {"every_fault_of_patterns_too", "body NO_SLASH\nbody OPEN /(a/\n", "rules.cf:2:14: "},
    {"pattern", "body OPEN /(a/\nscore OPEN 1\n", "rules.cf:1:14: "},
    {"red_test", "body A /body/\ntest A fail some body\n", "rules.cf:2:"},
    {"name_of_ours", "body SPF_FAIL /x/\n", "'SPF_FAIL' is a finding of Gatepost's own"},
    {"action_of_ours", "header SPF_FAIL eval:check_for_spf_fail()\naction SPF_FAIL reject\n",
     "rules.cf:1:8: 'SPF_FAIL' is a finding of Gatepost's own: expected its action in [findings]"},
    {"shadow_of_ours", "header SPF_FAIL eval:check_for_spf_fail()\nshadow SPF_FAIL\n",
     "'SPF_FAIL' is a finding of Gatepost's own: expected its action in [findings]"},
    {"action", "body A /x/\naction A refuse\n",
     "rules.cf:2:10: A: expected none, tag, hold, store, quarantine, tempfail or reject"},
    {"stage", "connect A recipient =~ /x/\n",
     "rules.cf:1:11: A: 'recipient' is not known before rcpt"},
};

TEST(DaemonRules, FaultyRulesKeepTheOld) {
  const auto daemon = start_with_rules(kRefuse);
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  EXPECT_FALSE(passes(client));
  for (const FaultyRules& faulty : kFaulty) {
    std::ofstream(daemon->rules_file()) << faulty.rules;
    const std::string answer = reload(*daemon);
    EXPECT_NE(answer.find("\"ok\":false"), std::string::npos) << faulty.name << ": " << answer;
    EXPECT_NE(answer.find(faulty.fault), std::string::npos) << faulty.name << ": " << answer;
    EXPECT_FALSE(passes(client)) << faulty.name << ": the old rules stay";
  }
  EXPECT_NE(daemon->log().find("the running configuration stays"), std::string::npos);
  EXPECT_TRUE(daemon->process().running());
}

TEST(DaemonRules, FaultyRulesStopTheStartAndTheCheck) {
  TempFolder folder("rules");
  const std::string rules = folder / "bad.cf";
  const std::string file = folder / "gatepost.toml";
  std::ofstream(file) << "[rules]\nfiles = [\"" << rules << "\"]\n";
  for (const FaultyRules& faulty : kFaulty) {
    std::ofstream(rules) << faulty.rules;
    std::string fault = faulty.fault;
    if (fault.starts_with("rules.cf")) fault.replace(0, 8, "bad.cf");
    const auto result = run_daemon({"--check", "-c", file});
    EXPECT_EQ(result.status, 78) << faulty.name;
    EXPECT_NE(result.errors.find(fault), std::string::npos) << faulty.name << result.errors;
  }
  std::ofstream(file) << "[rules]\nfiles = [\"/no/such.cf\"]\n";
  const auto result = run_daemon({"--check", "-c", file});
  EXPECT_EQ(result.status, 78);
  EXPECT_NE(result.errors.find("gatepost.toml:2: '/no/such.cf' cannot be read"), std::string::npos)
      << result.errors;
}

TEST(DaemonRules, TheConfigurationSpeaksOfRulesByName) {
  TempFolder folder("rules");
  const std::string file = folder / "gatepost.toml";
  std::ofstream(folder / "a.cf") << kRefuse;
  const std::string files = "[rules]\nfiles = [\"" + (folder / "a.cf").string() + "\"]\n";
  std::ofstream(file) << files << "[findings]\nREFUSE_IT = { action = \"reject\" }\n";
  EXPECT_EQ(run_daemon({"--check", "-c", file}).status, 0);
  std::ofstream(file) << files << "[findings]\nREFUSE_TI = { action = \"reject\" }\n";
  const auto result = run_daemon({"--check", "-c", file});
  EXPECT_EQ(result.status, 78);
  EXPECT_NE(result.errors.find("gatepost.toml:4:1: unknown finding 'REFUSE_TI'"), std::string::npos)
      << result.errors;
  EXPECT_NE(result.errors.find("did you mean 'REFUSE_IT'?"), std::string::npos) << result.errors;
}

// Two rules that are always changed together: a message with only one of them was judged by two
// generations.
TEST(DaemonRules, EveryMessageIsOfOneGeneration) {
  const auto rules_of = [](const std::string& generation) {
    return "body FIRST_" + generation + " /body/\nscore FIRST_" + generation +
           " 0.1\nheader SECOND_" + generation + " Subject =~ /x/\nscore SECOND_" + generation +
           " 0.1\n";
  };
  const auto daemon = start_with_rules(rules_of("EVEN"));
  ASSERT_TRUE(daemon);
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0};
  std::thread mail([&] {
    auto client = connected(*daemon);
    while (!stop) failed += !passes(client);
  });
  for (int i = 0; i < 20; ++i) {
    std::ofstream(daemon->rules_file()) << rules_of(i % 2 == 0 ? "ODD" : "EVEN");
    EXPECT_NE(reload(*daemon).find("\"ok\":true"), std::string::npos);
  }
  stop = true;
  mail.join();
  EXPECT_EQ(failed, 0);
  std::istringstream lines(daemon->log());
  int messages = 0;
  std::set<std::string> sets;
  for (std::string line; std::getline(lines, line);) {
    const auto has = [&](const char* name) { return line.find(name) != std::string::npos; };
    if (!has("\"rules_hash\":")) continue;
    ++messages;
    sets.insert(line.substr(line.find("\"rules_hash\":"), 30));
    EXPECT_NE(has("FIRST_EVEN"), has("FIRST_ODD")) << line;
    EXPECT_EQ(has("FIRST_EVEN"), has("SECOND_EVEN")) << line;
    EXPECT_EQ(has("FIRST_ODD"), has("SECOND_ODD")) << line;
  }
  EXPECT_GT(messages, 0);
  EXPECT_LE(sets.size(), 2U);
}

TEST(Daemon, TheControlSocketAnswers) {
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  EXPECT_TRUE(passes(client));
  const auto stats = control::ask(daemon->control_socket(), R"({"command":"stats"})");
  ASSERT_TRUE(stats.ok()) << stats.error().text();
  EXPECT_NE(stats->find("\"verdict.none.eom\":1"), std::string::npos) << *stats;
  const auto unknown = control::ask(daemon->control_socket(), "no json");
  ASSERT_TRUE(unknown.ok());
  EXPECT_NE(unknown->find("unknown command"), std::string::npos);
}

TEST(Daemon, HostileControlRequestsAreAnsweredAndHarmNothing) {
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  const std::string requests[] = {
      "",
      "null",
      "[]",
      "{}",
      R"({"command":5})",
      R"({"command":{"command":"stats"}})",
      R"({"command":"stats)",
      R"({"command":"\u0000\ud800"})",
      std::string(60'000, '['),
      R"({"command":")" + std::string(60'000, 'x') + R"("})",
      "{\"command\":\"\xff\xfe\"}",
  };
  for (const std::string& request : requests) {
    const auto answer = control::ask(daemon->control_socket(), request);
    ASSERT_TRUE(answer.ok()) << request.substr(0, 60) << ": " << answer.error().text();
    EXPECT_TRUE(answer->starts_with("{\"error\":\"")) << *answer;
  }
  EXPECT_TRUE(daemon->process().running());
}

/// The command line, on this daemon's configuration.
ProcessResult gatepost(const DaemonUnderTest& daemon, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), GATEPOST_BINARY_DIR "/bin/gatepost");
  arguments.insert(arguments.end(), {"-c", daemon.config_file()});
  const auto result = run_process(arguments);
  EXPECT_TRUE(result.ok());
  return result.ok() ? *result : ProcessResult{};
}

TEST(Daemon, TheCommandLineReloadsCountsAndNamesOrigins) {
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  EXPECT_TRUE(passes(client));
  const ProcessResult stats = gatepost(*daemon, {"stats", "--json"});
  EXPECT_EQ(stats.status, 0) << stats.errors;
  EXPECT_NE(stats.output.find("\"verdict.none.eom\": 1"), std::string::npos) << stats.output;

  std::ofstream(daemon->config_file(), std::ios::app)
      << "[lists]\ndeny_senders = [\"a@b.example\"]\n";
  const ProcessResult reload = gatepost(*daemon, {"reload"});
  EXPECT_EQ(reload.status, 0) << reload.errors;
  EXPECT_FALSE(passes(client));

  const ProcessResult origin = gatepost(*daemon, {"config", "--origin"});
  EXPECT_EQ(origin.status, 0) << origin.errors;
  const auto at = origin.output.find("deny_senders");
  ASSERT_NE(at, std::string::npos) << origin.output;
  const std::string line =
      origin.output.substr(at, std::min(origin.output.find('\n', at), origin.output.size()) - at);
  EXPECT_NE(line.find("gatepost.toml:"), std::string::npos) << line;

  std::ofstream(daemon->config_file(), std::ios::app) << "no_such = 1\n";
  const ProcessResult faulty = gatepost(*daemon, {"reload"});
  EXPECT_NE(faulty.status, 0);
  EXPECT_NE((faulty.output + faulty.errors).find("no_such"), std::string::npos);
  EXPECT_TRUE(daemon->process().running());
}

TEST(Daemon, Usr2OpensTheLogAgain) {
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  EXPECT_TRUE(passes(client));
  ASSERT_TRUE(waits_for(*daemon, "\"verdict\":"));
  const std::filesystem::path log =
      std::filesystem::path(daemon->config_file()).parent_path() / "log";
  std::filesystem::rename(log, log.string() + ".1");
  ::kill(daemon->process().id(), SIGUSR2);
  bool made = false;
  for (int tries = 0; tries < 250 && !made; ++tries) {
    made = std::filesystem::exists(log);
    if (!made) std::this_thread::sleep_for(Milliseconds(20));
  }
  ASSERT_TRUE(made);
  EXPECT_TRUE(passes(client));
  EXPECT_TRUE(waits_for(*daemon, "\"verdict\":")) << daemon->log();
}

TEST(Daemon, TermDrainsAndEndsWithZero) {
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  ASSERT_TRUE(client.mail("a@b.example").ok());
  ::kill(daemon->process().id(), SIGTERM);
  ASSERT_TRUE(waits_for(*daemon, "stopping"));
  // A message in hand is finished; a new connection is put off.
  auto late = milter::MilterClient::open(daemon->endpoint());
  if (late.ok() && late->negotiate().ok()) {
    const auto reply = late->connect({.name = "a.example", .address = "192.0.2.1"});
    EXPECT_TRUE(!reply.ok() || reply->verdict == milter::Verdict::tempfail);
  }
  EXPECT_EQ(client.rcpt("c@d.example")->verdict, milter::Verdict::proceed);
  ASSERT_TRUE(client.abort().ok());
  const auto status = daemon->process().wait(after(Milliseconds(20'000)));
  ASSERT_TRUE(status.ok()) << status.error().text();
  EXPECT_EQ(*status, 0);
}

TEST(Daemon, TooManySessionsAreDeferred) {
  const auto daemon = start("mode = \"enforce\"\n[milter]\nmax_sessions = 2");
  ASSERT_TRUE(daemon);
  auto first = connected(*daemon);
  auto second = connected(*daemon);
  auto third = milter::MilterClient::open(daemon->endpoint());
  ASSERT_TRUE(third.ok() && third->negotiate().ok());
  EXPECT_EQ(third->connect({.name = "a.example", .address = "192.0.2.1"})->verdict,
            milter::Verdict::tempfail);
  EXPECT_TRUE(passes(first));
}

TEST(Daemon, GivesRootUp) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give root up";
  const auto daemon = start("mode = \"enforce\"", {"-u", "nobody"});
  ASSERT_TRUE(daemon);
  auto client = connected(*daemon);
  EXPECT_TRUE(passes(client));
  struct stat status {};
  ASSERT_EQ(::stat(("/proc/" + std::to_string(daemon->process().id())).c_str(), &status), 0);
  EXPECT_NE(status.st_uid, 0U);
  ASSERT_TRUE(control::ask(daemon->control_socket(), R"({"command":"reload"})").ok());
}

TEST(Daemon, AHeldPortIsNamedWithItsHolder) {
  const auto listener = Listener::open(Endpoint::loopback(0));
  ASSERT_TRUE(listener.ok());
  const auto result = run_daemon({"-f", "--defaults", "-p", listener->endpoint().milter_text()});
  EXPECT_EQ(result.status, 69);
  EXPECT_NE(result.errors.find("the port is held by daemon_test (process " +
                               std::to_string(::getpid()) + ")"),
            std::string::npos)
      << result.errors;
}

TEST(Daemon, EveryFaultOfTheConfigurationIsSaid) {
  TempFolder folder("config");
  const std::string file = folder / "bad.toml";
  std::ofstream(file) << "mode = \"enforec\"\nauthserv_ids = \"x\"\n[score]\ntag = "
                         "\"five\"\n[findings]\nSPF_FIAL = { score = 1 }\n";
  const auto result = run_daemon({"--check", "-c", file});
  EXPECT_EQ(result.status, 78);
  for (const char* part : {":1:", "did you mean \"enforce\"", ":2:", "authserv_id",
                           ":4:", "score.tag", ":6:", "SPF_FAIL", "4 faults"}) {
    EXPECT_NE(result.errors.find(part), std::string::npos) << part << " in " << result.errors;
  }
}

TEST(Daemon, AnUnknownFlagIsAUsageError) {
  const auto result = run_daemon({"--no-such-flag"});
  EXPECT_EQ(result.status, 64);
  EXPECT_NE(result.errors.find("--no-such-flag"), std::string::npos) << result.errors;
}

TEST(DaemonBehindPostfix, KilledInTheMiddleNothingIsLost) {
  const auto package = postfix_package();
  if (!package) GTEST_SKIP() << "no Postfix: " << package.error().text();
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  auto sink = SmtpSink::start();
  ASSERT_TRUE(sink.ok());
  PostfixOptions options;
  options.sink_port = (*sink)->port();
  options.smtpd_milters = {daemon->endpoint().postfix_text()};
  const auto postfix = PostfixSandbox::start(*package, options);
  ASSERT_TRUE(postfix.ok()) << postfix.error().text();
  const SmtpMail mail{"a@b.example", {"c@d.example"}, "From: a@b.example\nSubject: once\n\nbody\n"};

  auto client = SmtpClient::open((*postfix)->smtp_port());
  ASSERT_TRUE(client.ok() && client->ehlo("x.example").ok());
  ASSERT_EQ(client->mail("a@b.example")->code, 250);
  ASSERT_EQ(client->rcpt("c@d.example")->code, 250);
  ::kill(daemon->process().id(), SIGKILL);
  const auto data = client->data();
  const auto final = data->code == 354 ? client->content(mail.message) : data;
  EXPECT_EQ(final->code / 100, 4) << final->text();

  ASSERT_TRUE(daemon->restart().ok());
  auto again = SmtpClient::open((*postfix)->smtp_port());
  ASSERT_TRUE(again.ok() && again->ehlo("x.example").ok());
  EXPECT_EQ(again->send(mail)->code, 250);
  ASSERT_TRUE((*sink)->wait_for(1));
  EXPECT_EQ((*sink)->messages().size(), 1U);
}

TEST(DaemonBehindPostfix, OtherFiltersBeforeAndAfter) {
  const auto package = postfix_package();
  if (!package) GTEST_SKIP() << "no Postfix: " << package.error().text();
  const auto daemon = start("mode = \"enforce\"");
  ASSERT_TRUE(daemon);
  const auto before = milter::SampleFilterProcess::start({"quiet"});
  const auto after_ours = milter::SampleFilterProcess::start({"macros"});
  ASSERT_TRUE(before.ok() && after_ours.ok());
  auto sink = SmtpSink::start();
  ASSERT_TRUE(sink.ok());
  PostfixOptions options;
  options.sink_port = (*sink)->port();
  options.smtpd_milters = {before->endpoint().postfix_text(), daemon->endpoint().postfix_text(),
                           after_ours->endpoint().postfix_text()};
  const auto postfix = PostfixSandbox::start(*package, options);
  ASSERT_TRUE(postfix.ok()) << postfix.error().text();
  auto client = SmtpClient::open((*postfix)->smtp_port());
  ASSERT_TRUE(client.ok() && client->ehlo("x.example").ok());
  EXPECT_EQ(
      client
          ->send({"a@b.example", {"plain@d.example"}, "From: a@b.example\nSubject: old\n\nbody\n"})
          ->code,
      250);
  ASSERT_TRUE((*sink)->wait_for(1));
  const auto delivered = (*sink)->messages().front();
  EXPECT_EQ(delivered.headers("Authentication-Results").size(), 1U) << delivered.content;
  EXPECT_EQ(delivered.headers("X-Spam-Status").size(), 1U);
}

}  // namespace
}  // namespace gatepost::test
