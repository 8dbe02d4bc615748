// The quarantine as an admin has it: gatepostd behind a real Postfix, `gatepost quarantine` beside
// it.

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/scenario/daemon_behind_postfix.h"

namespace gatepost::test {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr const char* kZone =
    "client.example. IN TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n"
    "_dmarc.quarantine.example. IN TXT \"v=DMARC1; p=quarantine\"\n"
    "our.example. IN A 192.0.2.1\n";
constexpr const char* kConfig =
    "mode = \"enforce\"\ngreylist.mode = \"off\"\n[dmarc]\nquarantine_as = \"store\"\n";
constexpr const char* kSpam =
    "From: x@quarantine.example\nSubject: \x1b[31mred \xe2\x80\xae\x64\x65\x72\n"
    "Message-ID: <5@client.example>\n\n.dot\nHello.\n";

class QuarantineBehindPostfix : public testing::Test {
 protected:
  void SetUp() override {
    const auto package = postfix_package();
    if (!package) GTEST_SKIP() << "no Postfix: " << package.error().text();
    Scenario scenario;
    scenario.name = "quarantine";
    scenario.zone = kZone;
    scenario.config = kConfig;
    auto rig = DaemonBehindPostfix::start(scenario, *package);
    ASSERT_TRUE(rig) << rig.error().text();
    rig_ = std::move(*rig);
  }
  void TearDown() override {
    if (HasFailure() && rig_) rig_->print_logs();
  }

  SmtpReply send(const std::string& text, std::vector<std::string> to = {"bob@our.example"}) {
    const auto reply = rig_->send({"ann@client.example", std::move(to), text});
    EXPECT_TRUE(reply) << (reply.ok() ? "" : reply.error().text());
    return reply.ok() ? *reply : SmtpReply();
  }
  ProcessResult gatepost(std::vector<std::string> arguments) {
    std::vector<std::string> all = {GATEPOST_BINARY_DIR "/bin/gatepost", "quarantine"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), {"-c", rig_->daemon().config_file()});
    if (arguments[0] == "release")
      all.insert(all.end(), {"--via", "127.0.0.1:" + std::to_string(rig_->postfix().smtp_port())});
    auto result = run_process(all);
    EXPECT_TRUE(result);
    return result.ok() ? *result : ProcessResult();
  }
  Json entries(const std::string& state = "") {
    std::vector<std::string> arguments = {"list", "--json"};
    if (!state.empty()) arguments.insert(arguments.end(), {"--state", state});
    const auto result = gatepost(arguments);
    EXPECT_EQ(result.status, 0) << result.errors;
    return Json::parse(result.output, nullptr, false)["entries"];
  }

  std::unique_ptr<DaemonBehindPostfix> rig_;
};

TEST_F(QuarantineBehindPostfix, StoredThenReleasedOnce) {
  EXPECT_EQ(send(kSpam).code, 250);
  const Json stored = entries();
  ASSERT_EQ(stored.size(), 1U);
  const std::string reference = stored[0]["reference"];
  EXPECT_EQ(stored[0]["state"], "stored");
  EXPECT_NE(stored[0]["queue_id"], "");

  const auto shown = gatepost({"show", reference});
  EXPECT_EQ(shown.status, 0) << shown.errors;
  EXPECT_THAT(shown.output, HasSubstr("DMARC_QUARANTINE"));
  EXPECT_THAT(shown.output, HasSubstr("\\x1b[31mred"));
  EXPECT_EQ(shown.output.find('\x1b'), std::string::npos);
  EXPECT_EQ(shown.output.find("\xe2\x80\xae"), std::string::npos);
  EXPECT_EQ(gatepost({"list"}).output.find('\x1b'), std::string::npos);
  EXPECT_THAT(gatepost({"show", "--raw", reference}).output,
              HasSubstr("\r\n\r\n.dot\r\nHello.\r\n"));

  const auto released = gatepost({"release", reference});
  EXPECT_EQ(released.status, 0) << released.errors;
  EXPECT_EQ(released.errors, "");
  ASSERT_TRUE(rig_->sink().wait_for(1));
  const DeliveredMessage message = rig_->sink().messages()[0];
  EXPECT_EQ(message.mail_from, "ann@client.example");
  EXPECT_EQ(message.recipients, std::vector<std::string>{"bob@our.example"});
  EXPECT_TRUE(message.headers("X-Gatepost-Release").empty());
  EXPECT_THAT(message.content, HasSubstr("\r\n\r\n.dot\r\nHello.\r\n"));
  EXPECT_THAT(rig_->daemon().log(), HasSubstr("{\"name\":\"RELEASED\""));
  EXPECT_EQ(entries("released").size(), 1U);

  const auto again = gatepost({"release", reference});
  EXPECT_EQ(again.status, 65);
  EXPECT_THAT(again.errors, HasSubstr("--again"));
  EXPECT_EQ(gatepost({"delete", reference}).status, 0);
  EXPECT_EQ(entries().size(), 0U);
  EXPECT_EQ(rig_->sink().messages().size(), 1U);
}

// What Postfix changes in a message of a local client must not break the token.
TEST_F(QuarantineBehindPostfix, MessagesThatPostfixChanges) {
  const std::string plain = "From: x@quarantine.example\n";
  const std::vector<std::string> texts = {
      plain + "\nno date, no id\n",
      plain + "To: bob\nCc: carl\nReply-To: x\nSubject: bare addresses\n\nx\n",
      plain + "Subject:   odd \t  blanks \n and folds\nReceived: from a\n\tby b\n\nx\n",
      plain + "Subject: 8bit \xc3\xa4\n\n\xe4\xf6 \xff\n",
      plain + "Subject: long\n\n" + std::string(5000, 'x') + "\n\n\n",
      plain + "Subject: empty\n",
      plain + "Subject: large\n\n" + std::string(400'000, '.') + "\n",
  };
  for (const std::string& text : texts) EXPECT_EQ(send(text).code, 250);
  ASSERT_EQ(entries("stored").size(), texts.size());
  const auto released = gatepost({"release", "--all", "--json"});
  EXPECT_EQ(released.status, 0) << released.errors;
  const Json rows = Json::parse(released.output, nullptr, false)["releases"];
  EXPECT_EQ(rows.size(), texts.size());
  for (const Json& row : rows) {
    EXPECT_EQ(row["result"], "released") << row;
    EXPECT_EQ(row["token_seen"], true) << row;
  }
  ASSERT_TRUE(rig_->sink().wait_for(texts.size()));
  for (const DeliveredMessage& message : rig_->sink().messages())
    EXPECT_TRUE(message.headers("X-Gatepost-Release").empty());
  EXPECT_EQ(entries("released").size(), texts.size());
  EXPECT_EQ(entries().size(), texts.size()) << "none came back";
}

TEST_F(QuarantineBehindPostfix, AKillBetweenLosesNothing) {
  EXPECT_EQ(send(kSpam, {"bob@our.example", "cy@our.example"}).code, 250);
  const std::string reference = entries()[0]["reference"];
  ASSERT_EQ(::kill(rig_->daemon().process().id(), SIGKILL), 0);
  EXPECT_EQ(gatepost({"release", reference}).status, 69) << "no daemon";
  ASSERT_TRUE(rig_->daemon().restart());
  EXPECT_EQ(gatepost({"release", reference}).status, 0);
  ASSERT_TRUE(rig_->sink().wait_for(1));
  EXPECT_EQ(rig_->sink().messages()[0].recipients.size(), 2U);
  ASSERT_EQ(::kill(rig_->daemon().process().id(), SIGKILL), 0);
  ASSERT_TRUE(rig_->daemon().restart());
  EXPECT_EQ(entries("released").size(), 1U) << "what was noted is on disk";
  EXPECT_EQ(gatepost({"release", reference}).status, 65);
  EXPECT_EQ(rig_->sink().messages().size(), 1U);
}

TEST_F(QuarantineBehindPostfix, BadFlagsAndNames) {
  EXPECT_EQ(gatepost({"show", "NOSUCH-1"}).status, 66);
  EXPECT_EQ(gatepost({"delete", "NOSUCH-1"}).status, 66);
  EXPECT_EQ(gatepost({"release", "NOSUCH-1"}).status, 65);
  EXPECT_EQ(gatepost({"release"}).status, 64);
  EXPECT_EQ(gatepost({"list", "--since", "soon"}).status, 64);
  EXPECT_EQ(gatepost({"list", "--state", "lost"}).status, 64);
}

}  // namespace
}  // namespace gatepost::test
