// Greylisting by gatepostd and `gatepost greylist`, over kills and with a damaged file.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "filter/control/control.h"
#include "tests/support/milter/client.h"
#include "tests/support/scenario/daemon.h"

namespace gatepost::test {
namespace {

using Json = nlohmann::json;

class GreylistDaemon : public ::testing::Test {
 protected:
  GreylistDaemon() {
    Scenario scenario;
    scenario.name = "greylist";
    scenario.config = "mode = \"enforce\"\n[greylist]\nauto_allow_after = 0\n";
    auto daemon = DaemonUnderTest::start(scenario);
    EXPECT_TRUE(daemon.ok()) << (daemon.ok() ? "" : daemon.error().text());
    if (daemon.ok()) daemon_ = std::move(*daemon);
  }
  void SetUp() override { ASSERT_NE(daemon_, nullptr); }

  /// The reply at RCPT: "451 4.7.1 …", or "ok".
  std::string try_rcpt(const std::string& recipient) {
    auto client = milter::MilterClient::open(daemon_->endpoint());
    if (!client.ok() || !client->negotiate().ok() ||
        !client->connect({.name = "unknown", .address = "192.0.2.1"}).ok() ||
        !client->helo("a.example").ok() || !client->mail("ann@sender.example").ok())
      return "no connection";
    const auto reply = client->rcpt(recipient);
    if (!reply.ok()) return reply.error().text();
    return reply->smtp().empty() ? "ok" : reply->smtp();
  }
  Json ask(const std::string& command) const {
    const auto answer = control::ask(daemon_->control_socket(), Json{{"command", command}}.dump());
    return answer.ok() ? Json::parse(*answer) : Json{{"error", answer.error().text()}};
  }
  /// `gatepost greylist …`: its output, or its exit code and what it complains about.
  std::string gatepost(const std::vector<std::string>& arguments) const {
    Arguments all = {GATEPOST_BINARY_DIR "/bin/gatepost", "greylist"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), {"--socket", daemon_->control_socket()});
    const auto run = run_process(all);
    if (!run.ok()) return run.error().text();
    return run->status == 0 ? run->output : std::to_string(run->status) + " " + run->errors;
  }
  void wait_until_committed() const {
    for (int tries = 0; tries < 1000 && ask("stats").value("store.pending", 1) != 0; ++tries)
      std::this_thread::sleep_for(Milliseconds(10));
  }
  void kill_and_restart() {
    ::kill(daemon_->process().id(), SIGKILL);
    (void)daemon_->process().wait(std::chrono::steady_clock::now() + std::chrono::seconds(10));
    ASSERT_TRUE(daemon_->restart().ok());
  }
  std::string state_file() const {
    return std::filesystem::path(daemon_->config_file()).parent_path() / "state/state.db";
  }

  std::unique_ptr<DaemonUnderTest> daemon_;
};

TEST_F(GreylistDaemon, ListReleaseAllow) {
  EXPECT_NE(try_rcpt("bob@here.example").find("greylisted, try again in"), std::string::npos);
  const Json list = Json::parse(gatepost({"list", "--json"}));
  ASSERT_EQ(list["entries"].size(), 1U) << list;
  EXPECT_EQ(list["entries"][0]["client"], "192.0.2.0/24");
  EXPECT_EQ(list["entries"][0]["recipient"], "bob@here.example");
  const std::string shown = gatepost({"list"});
  EXPECT_NE(shown.find("192.0.2.0/24  <ann@sender.example> -> <bob@here.example>  passes at"),
            std::string::npos)
      << shown;
  EXPECT_EQ(gatepost({"release", list["entries"][0]["key"].get<std::string>()}), "1 released\n");
  EXPECT_EQ(try_rcpt("bob@here.example"), "ok");
  EXPECT_NE(try_rcpt("carol@here.example"), "ok");
  EXPECT_EQ(gatepost({"allow", "192.0.2.0/24"}), "1 allowed\n");
  EXPECT_EQ(try_rcpt("carol@here.example"), "ok");
  EXPECT_EQ(gatepost({"list", "allowed"}).substr(0, 12), "192.0.2.0/24");
  EXPECT_EQ(gatepost({"allow", "--remove", "192.0.2.0/24"}), "1 no longer allowed\n");
  EXPECT_NE(try_rcpt("carol@here.example"), "ok");
  EXPECT_EQ(gatepost({"allow", "192.0.2.0/23"}).substr(0, 3), "69 ");
  EXPECT_EQ(gatepost({"list", "nothing"}).substr(0, 3), "64 ");
}

TEST_F(GreylistDaemon, StateOutlivesAKill) {
  EXPECT_NE(try_rcpt("bob@here.example"), "ok");
  EXPECT_EQ(gatepost({"release", "*/*/*"}), "1 released\n");
  EXPECT_EQ(gatepost({"allow", ".elsewhere.test"}), "1 allowed\n");
  wait_until_committed();
  kill_and_restart();
  EXPECT_EQ(try_rcpt("bob@here.example"), "ok");
  EXPECT_EQ(gatepost({"list", "allowed"}).substr(0, 16), ".elsewhere.test ");
}

TEST_F(GreylistDaemon, DamagedFileIsMovedAsideAndSaid) {
  ::kill(daemon_->process().id(), SIGKILL);
  (void)daemon_->process().wait(std::chrono::steady_clock::now() + std::chrono::seconds(10));
  std::filesystem::remove(state_file() +
                          "-wal");  // it holds whole pages: the file would be repaired
  std::ofstream(state_file(), std::ios::trunc) << std::string(20000, 'n');
  ASSERT_TRUE(daemon_->restart().ok());
  EXPECT_NE(daemon_->log().find("a fresh one is begun"), std::string::npos) << daemon_->log();
  EXPECT_EQ(ask("stats")["store.corrupt_files"], 1);
  EXPECT_NE(try_rcpt("bob@here.example"), "ok");
}

}  // namespace
}  // namespace gatepost::test
