// gatepost dkim rotate as a postmaster has it: two real name servers of the zone (NSD), records
// that are published there, and a gatepostd that reloads and signs with the new key.

#include <csignal>
#include <ctime>
#include <fstream>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/control/control.h"
#include "tests/support/milter/transaction.h"
#include "tests/support/scenario/daemon_client.h"

namespace gatepost::test {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr int kDnsPort = 53;  // NS records name no port

std::string nsd_program() {
  for (const char* path : {"/usr/sbin/nsd", "/usr/local/sbin/nsd"}) {
    if (fs::exists(path)) return path;
  }
  return {};
}

// Of our own: 127.65.0.0 and above, by our process id.
std::string loopback_address(int last) {
  const unsigned id = static_cast<unsigned>(::getpid());
  return "127." + std::to_string(65 + id / 65536 % 64) + "." + std::to_string(id / 256 % 256) +
         "." + std::to_string(id % 128 * 2 + static_cast<unsigned>(last));
}

bool can_serve(const std::string& address) {
  const FileDescriptor udp(::socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(kDnsPort);
  to.sin_addr.s_addr = inet_addr(address.c_str());
  return ::bind(udp.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}

/// One of the zone's name servers. Records are added to its zone file.
class NameServer {
 public:
  explicit NameServer(int number) : folder_("nsd"), address_(loopback_address(number)) {
    std::ofstream(folder_ / "our.zone")
        << "$TTL 1\nour.example. IN SOA ns0.our.example. h.our.example. 1 3600 600 86400 1\n"
        << "our.example. IN NS ns0.our.example.\nour.example. IN NS ns1.our.example.\n"
        << "ns0.our.example. IN A " << loopback_address(0) << "\nns1.our.example. IN A "
        << loopback_address(1) << "\n";
    const std::string folder = folder_.path().string();
    std::ofstream(folder_ / "nsd.conf")
        << "server:\n  ip-address: " << address_ << "@" << kDnsPort
        << "\n  server-count: 1\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n"
        << "  pidfile: \"\"\n  xfrdfile: \"\"\n  zonesdir: \"" << folder << "\"\n  xfrdir: \""
        << folder << "\"\n  zonelistfile: \"" << folder << "/zone.list\"\n"
        << "remote-control:\n  control-enable: no\n"
        << "zone:\n  name: \"our.example\"\n  zonefile: \"our.zone\"\n";
    auto started = BackgroundProcess::start({nsd_program(), "-d", "-c", folder_ / "nsd.conf"},
                                            {.errors_path = folder_ / "errors"});
    if (started.ok()) process_.emplace(std::move(*started));
  }

  const std::string& address() const { return address_; }
  bool running() { return process_ && process_->running(); }
  std::string log() const {
    std::ifstream in(folder_ / "errors");
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void publish(const std::string& name, const std::string& record) {
    std::ofstream zone(folder_ / "our.zone", std::ios::app);
    zone << name << ". IN TXT";
    for (std::size_t at = 0; at < record.size(); at += 200)
      zone << " \"" << record.substr(at, 200) << '"';
    zone << "\n";
    zone.close();
    ASSERT_EQ(::kill(process_->id(), SIGHUP), 0);
  }

 private:
  TempFolder folder_;
  std::string address_;
  std::optional<BackgroundProcess> process_;
};

class Rotate : public testing::Test {
 protected:
  void SetUp() override {
    if (nsd_program().empty()) GTEST_SKIP() << "no NSD here (Debian package nsd)";
    if (!can_serve(loopback_address(0)) || !can_serve(loopback_address(1)))
      GTEST_SKIP() << "port 53 of " << loopback_address(0) << " cannot be had";
    for (int number : {0, 1}) servers_.push_back(std::make_unique<NameServer>(number));
    Scenario scenario;
    scenario.name = "rotate";
    scenario.config = "mode = \"enforce\"\ngreylist.mode = \"off\"\n" +
                      ("submit_networks = [\"192.0.2.0/24\"]\n[dns]\nservers = [\"" +
                       loopback_address(0) + "\"]\n");
    auto daemon = DaemonUnderTest::start(scenario);
    ASSERT_TRUE(daemon) << daemon.error().text();
    daemon_ = std::move(*daemon);
    keys_ = fs::path(daemon_->config_file()).parent_path() / "keys";
    wait_for_servers();
    sign_with_s1();
  }
  void TearDown() override {
    if (!HasFailure()) return;
    if (daemon_) std::fprintf(stderr, "%s\n", daemon_->log().c_str());
    for (const auto& server : servers_) std::fprintf(stderr, "%s\n", server->log().c_str());
  }

  // Both answer with authority: the record of nobody is not there, on either.
  void wait_for_servers() {
    for (const auto& server : servers_) {
      bool answers = false;
      for (int tries = 0; tries < 100 && !answers && server->running(); ++tries) {
        const auto asked = gatepost({"dns", "our.example", "NS", "--nameserver", server->address(),
                                     "-c", daemon_->config_file()});
        answers = asked.status == 0 && asked.output.find("ns1.our.example") != std::string::npos;
      }
      ASSERT_TRUE(answers) << server->log();
    }
  }

  void sign_with_s1() {
    const auto made = gatepost({"dkim", "keygen", "our.example", "s1", "--algorithm", "ed25519",
                                "--out", keys_, "--json"});
    ASSERT_EQ(made.status, 0) << made.errors;
    std::ofstream(keys_ / "our.example" / "current") << "s1\n";
    std::ofstream(daemon_->config_file(), std::ios::app)
        << "[[signing]]\ndomain = \"our.example\"\n";
    const auto answer = control::ask(daemon_->control_socket(), R"({"command":"reload"})");
    ASSERT_TRUE(answer.ok()) << answer.error().text();
    ASSERT_EQ(Json::parse(*answer, nullptr, false)["ok"], true) << *answer;
    ASSERT_EQ(selector_of_next(), "s1");
  }

  static ProcessResult gatepost(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), GATEPOST_BINARY_DIR "/bin/gatepost");
    auto result = run_process(arguments);
    EXPECT_TRUE(result) << (result.ok() ? "" : result.error().text());
    return result.ok() ? *result : ProcessResult();
  }

  std::vector<std::string> rotate_arguments(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {
        "dkim",        "rotate",  "our.example", "-c",  daemon_->config_file(), "--out", keys_,
        "--algorithm", "ed25519", "--interval",  "20ms"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  ProcessResult rotate(const std::vector<std::string>& more) const {
    return gatepost(rotate_arguments(more));
  }
  BackgroundProcess rotate_in_background(const std::vector<std::string>& more) const {
    auto arguments = rotate_arguments(more);
    arguments.insert(arguments.begin(), GATEPOST_BINARY_DIR "/bin/gatepost");
    auto started = BackgroundProcess::start(arguments);
    EXPECT_TRUE(started.ok());
    return std::move(*started);
  }
  static Json json_of(const ProcessResult& result) {
    return Json::parse(result.output, nullptr, false);
  }

  /// Lines of a rotation until one holds `text`; all that was read when it ends before.
  static std::string read_until(BackgroundProcess& process, const std::string& text) {
    std::string all;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
      const auto line = process.read_line(deadline);
      if (!line.ok() || !*line) return all;
      all += **line + "\n";
      if ((*line)->find(text) != std::string::npos) return all;
    }
  }

  /// Submits a message on a new connection.
  void submit() {
    auto client = connected(*daemon_);
    const auto outcome =
        milter::run_transaction(client, {.mail_from = "ann@our.example",
                                         .recipients = {"bob@elsewhere.example"},
                                         .message = "From: ann@our.example\nSubject: x\n\nbody\n"});
    ASSERT_TRUE(outcome.ok() && outcome->delivered());
    submitted_ = outcome->edited;
  }
  std::string selector_of_next() {
    submit();
    for (const auto& [name, value] : submitted_.headers) {
      const std::size_t at = value.find("s=");
      if (name == "DKIM-Signature" && at != std::string::npos)
        return value.substr(at + 2, value.find(';', at) - at - 2);
    }
    return "none";
  }
  /// What the world says to the last message, by the records of the zone.
  std::string verified() {
    const std::string file = keys_ / "message";
    std::ofstream(file, std::ios::binary) << submitted_.text();
    const auto result = gatepost({"dkim", "verify", "--json", "-c", daemon_->config_file(), file});
    const Json json = json_of(result);
    if (!json.is_object() || json["signatures"].size() != 1) return result.output + result.errors;
    return json["signatures"][0]["result"];
  }
  bool has(const std::string& file) const { return fs::exists(keys_ / "our.example" / file); }

  std::vector<std::unique_ptr<NameServer>> servers_;
  std::unique_ptr<DaemonUnderTest> daemon_;
  fs::path keys_;
  milter::MessageParts submitted_;
};

TEST_F(Rotate, FromOneKeyToTheNextAndKilledBetween) {
  // Killed while it waits for DNS: the next run goes on with the same key.
  std::string begun;
  {
    auto waiting = rotate_in_background({"--selector", "s2", "--reload"});
    begun = read_until(waiting, "no record yet");
    ASSERT_THAT(begun, HasSubstr("s2._domainkey.our.example. IN TXT"));
    ASSERT_EQ(::kill(waiting.id(), SIGKILL), 0);
    waiting.stop();
  }
  EXPECT_EQ(selector_of_next(), "s1");
  const auto once = rotate({"--wait", "0s", "--json", "--reload"});
  EXPECT_EQ(once.status, 75) << once.errors;
  const std::string record = json_of(once)["record"];
  EXPECT_THAT(begun, HasSubstr(record)) << "the key is the one that was made first";

  // One of two name servers is not enough.
  auto going = rotate_in_background({"--reload", "--retire-after", "7d"});
  read_until(going, "no record yet");
  servers_[0]->publish("s2._domainkey.our.example", record);
  EXPECT_THAT(read_until(going, "serves it"), HasSubstr(servers_[0]->address()));
  EXPECT_EQ(selector_of_next(), "s1");
  servers_[1]->publish("s2._domainkey.our.example", record);
  EXPECT_THAT(read_until(going, "reloaded"), HasSubstr("served by all name servers"));
  const auto ended = going.wait(std::chrono::steady_clock::now() + std::chrono::seconds(60));
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(*ended, 0);
  EXPECT_EQ(selector_of_next(), "s2");
  EXPECT_EQ(verified(), "pass");
  EXPECT_TRUE(has("s1.private")) << "its mail is still on its way";

  // After the period the old key goes; nothing changes for the daemon.
  const auto early = rotate({"--json"});
  EXPECT_EQ(json_of(early)["step"], "retire") << early.errors;
  const std::string later = std::to_string(std::time(nullptr) + 8 * 86400);
  const auto last = rotate({"--json", "--reload", "--at", later});
  EXPECT_EQ(last.status, 0) << last.errors;
  EXPECT_EQ(json_of(last)["step"], "done");
  EXPECT_EQ(json_of(last)["revocation"]["name"], "s1._domainkey.our.example");
  EXPECT_FALSE(has("s1.private"));
  EXPECT_EQ(selector_of_next(), "s2");
}

TEST_F(Rotate, WhatEndedBetweenTheSwitchAndTheReloadIsReloadedByTheNextRun) {
  const auto begun = rotate({"--selector", "s2", "--wait", "0s", "--json"});
  const std::string record = json_of(begun)["record"];
  for (const auto& server : servers_) server->publish("s2._domainkey.our.example", record);
  const auto switched = rotate({"--wait", "1m", "--json"});
  EXPECT_EQ(switched.status, 0) << switched.errors;
  EXPECT_EQ(json_of(switched)["step"], "retire");
  EXPECT_EQ(selector_of_next(), "s1") << "as the folder of a run that was killed there";
  const auto next = rotate({"--reload"});
  EXPECT_EQ(next.status, 0) << next.errors;
  EXPECT_THAT(next.output, HasSubstr("reloaded"));
  EXPECT_EQ(selector_of_next(), "s2");
  // A daemon that cannot be asked: the old key stays until it could.
  daemon_->process().stop();
  const std::string later = std::to_string(std::time(nullptr) + 8 * 86400);
  const auto refused = rotate({"--reload", "--at", later});
  EXPECT_NE(refused.status, 0);
  EXPECT_TRUE(has("s1.private"));
}

}  // namespace
}  // namespace gatepost::test
