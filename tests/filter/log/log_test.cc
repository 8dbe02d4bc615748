#include "filter/log/log.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "tests/support/system/process.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost {
namespace {

using test::TempFolder;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::unique_ptr<Log> open(const std::string& target, const std::string& format = "text") {
  auto log = Log::open(target, format, "mail");
  EXPECT_TRUE(log.ok()) << (log.ok() ? "" : log.error().text());
  return log.ok() ? std::move(*log) : nullptr;
}

Record refused(const std::string& client) {
  Record r;
  r.session_id = "SESSION1-Q2";
  r.reference = "REFEREN1-Q2";
  r.connection.client = IpAddress::parse(client);
  r.connection.helo = "mail.sender.example";
  r.envelope.mail_from = "ann@sender.example";
  r.envelope.recipients = {{"bob@here.example", false}};
  r.verdict.stage = Stage::end_of_message;
  r.verdict.action = Action::reject;
  r.verdict.reply = {550, "5.7.1", "no"};
  return r;
}

TEST(Log, AFileHasALineARecordWithTimeAndProgram) {
  const TempFolder folder("log");
  const auto log = open(folder / "log");
  ASSERT_TRUE(log);
  log->record(refused("192.0.2.1"));
  log->write(Log::Level::warning, "a warning");
  const std::string text = read(folder / "log");
  EXPECT_NE(text.find(" gatepostd["), std::string::npos) << text;
  EXPECT_NE(text.find("]: NOQUEUE: verdict=reject "), std::string::npos) << text;
  EXPECT_NE(text.find("]: a warning\n"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(Log, JsonRecordsAreJsonAndOtherLinesAreText) {
  const TempFolder folder("log");
  const auto log = open(folder / "log", "json");
  ASSERT_TRUE(log);
  log->record(refused("192.0.2.1"));
  const std::string text = read(folder / "log");
  const auto json = nlohmann::json::parse(text.substr(text.find('{')), nullptr, false);
  ASSERT_TRUE(json.is_object()) << text;
  EXPECT_EQ(json["client"], "192.0.2.1");
  EXPECT_EQ(json["verdict"], "reject");
  log->write(Log::Level::info, "started");
  EXPECT_TRUE(read(folder / "log").ends_with("]: started\n"));
}

TEST(Log, ReopenGoesOnInTheFileOfThatName) {
  const TempFolder folder("log");
  const auto log = open(folder / "log");
  ASSERT_TRUE(log);
  log->write(Log::Level::info, "one");
  std::filesystem::rename(folder / "log", folder / "log.1");
  log->write(Log::Level::info, "two");
  ASSERT_TRUE(log->reopen().ok());
  log->write(Log::Level::info, "three");
  EXPECT_TRUE(read(folder / "log.1").ends_with("]: two\n"));
  EXPECT_EQ(read(folder / "log").find("two"), std::string::npos);
  EXPECT_TRUE(read(folder / "log").ends_with("]: three\n"));
}

TEST(Log, AReopenThatFailsKeepsTheOpenFile) {
  const TempFolder folder("log");
  std::filesystem::create_directory(folder / "sub");
  const auto log = open(folder / "sub/log");
  ASSERT_TRUE(log);
  std::filesystem::rename(folder / "sub", folder / "moved");
  std::ofstream(folder / "sub") << "a file where the folder was";
  const auto reopened = log->reopen();
  ASSERT_FALSE(reopened.ok());
  EXPECT_NE(reopened.error().what.find("log.target: cannot write to"), std::string::npos);
  log->write(Log::Level::info, "kept");
  EXPECT_TRUE(read(folder / "moved/log").ends_with("]: kept\n"));
}

TEST(Log, ATargetThatCannotBeOpenedIsNamed) {
  const auto log = Log::open("/dev/null/no/log", "text", "mail");
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().kind, ErrorKind::config);
  EXPECT_NE(log.error().what.find("/dev/null/no/log"), std::string::npos);
}

TEST(Log, OtherTargetsHaveNothingToReopen) {
  for (const char* target : {"stderr", "syslog"}) {
    const auto log = open(target);
    ASSERT_TRUE(log) << target;
    EXPECT_TRUE(log->reopen().ok()) << target;
  }
}

struct BanCase {
  const char* name;
  void (*arrange)(Record&);
  const char* banned;  ///< the address, or nothing
};

const BanCase kBans[] = {
    {"refused", [](Record&) {}, "192.0.2.1"},
    {"refused_v6", [](Record& r) { r.connection.client = IpAddress::parse("2001:db8::1"); },
     "2001:db8::1"},
    {"refused_at_connect",
     [](Record& r) {
       r.verdict.stage = Stage::connect;
       r.envelope = {};
       r.connection.helo.clear();
     },
     "192.0.2.1"},
    {"observed", [](Record& r) { r.verdict.observed = true; }, ""},
    {"deferred", [](Record& r) { r.verdict.action = Action::tempfail; }, ""},
    {"tagged", [](Record& r) { r.verdict.action = Action::tag; }, ""},
    {"local", [](Record& r) { r.connection.client.reset(); }, ""},
    {"another_client_in_the_sender",
     [](Record& r) { r.envelope.mail_from = "\"> rcpt=<> client=[203.0.113.5]\"@x.example"; },
     "192.0.2.1"},
    {"a_whole_line_in_the_helo",
     [](Record& r) {
       r.verdict.action = Action::none;
       r.connection.helo =
           "\n gatepostd[1]: Q: verdict=reject stage=eom score=1/1 class=spam rules=X spf=none "
           "dkim=none dmarc=none from=<> rcpt=<> client=[203.0.113.5] ";
     },
     ""},
    {"a_verdict_in_the_sender",
     [](Record& r) {
       r.verdict.action = Action::none;
       r.envelope.mail_from = "\",\"verdict\":\"reject\",\"observed\":false,\"@x.example";
     },
     ""},
};

TEST(Fail2ban, TheFilterFindsRefusedClientsAndNobodyElse) {
  for (const char* format : {"text", "json"}) {
    const TempFolder folder("log");
    const auto log = open(folder / "log", format);
    ASSERT_TRUE(log);
    std::string expected;
    for (const BanCase& c : kBans) {
      Record record = refused("192.0.2.1");
      c.arrange(record);
      log->record(record);
      if (*c.banned != '\0') expected += std::string(c.banned) + "\n";
    }
    const auto ran = test::run_process(
        {"/usr/bin/env", "python3", GATEPOST_SOURCE_DIR "/tests/filter/log/failregex.py",
         GATEPOST_SOURCE_DIR "/contrib/fail2ban/filter.d/gatepost.conf", folder / "log"});
    ASSERT_TRUE(ran.ok()) << ran.error().text();
    if (ran->status == 127) GTEST_SKIP() << "no python3";
    EXPECT_EQ(ran->status, 0) << ran->errors;
    EXPECT_EQ(ran->output, expected) << format << "\n" << read(folder / "log");
  }
}

}  // namespace
}  // namespace gatepost
