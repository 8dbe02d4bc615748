#include "filter/dmarc_log/dmarc_log.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "filter/dmarc_log/day_files.h"
#include "filter/dmarc_log/entry.h"
#include "filter/dmarc_log/read_log.h"
#include "filter/session/dmarc_record.h"
#include "tests/support/system/small_disk.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::dmarc_log {
namespace {

using Json = nlohmann::ordered_json;
using test::TempFolder;
using namespace std::chrono_literals;

constexpr std::int64_t kNow = 1767225600;  // 2026-01-01T00:00:00Z, where FakeClock starts
constexpr std::int64_t kDay = 86400;
constexpr auto kLong = 30s;  // never waited for when all is well

Record failed(std::string reference, std::int64_t time = kNow) {
  Record r;
  r.reference = std::move(reference);
  r.unix_time = time;
  r.connection.client = IpAddress::parse("192.0.2.7");
  r.connection.helo = "out.list.example";
  r.envelope.mail_from = "talk-bounces@list.example";
  r.envelope.mail_from_domain = "list.example";
  r.envelope.recipients = {{"bob@here.example", false}, {"eve@here.example", false}};
  r.facts.spf_mail_from = spf::Outcome{.code = spf::ResultCode::pass};
  r.facts.spf_mail_from->domain = "list.example";
  r.facts.dkim = {{.outcome = dkim::Outcome::fail, .domain = "author.example", .selector = "s"}};
  dmarc::Outcome o;
  o.result = dmarc::ResultCode::fail;
  o.reason = "nothing is aligned";
  o.author_domain = "mail.author.example";
  o.org_domain = o.record_domain = "author.example";
  o.record = dmarc::Record{};
  o.record->text = "v=DMARC1; p=none; sp=reject";
  o.policy = o.applied_policy = dmarc::Policy::reject;
  o.policy_tag = dmarc::PolicyTag::sp;
  r.facts.dmarc = o;
  r.facts.dmarc_disposition = dmarc::Disposition{dmarc::Action::quarantine,
                                                 {{dmarc::Override::mailing_list, "list.example"}},
                                                 "a list handed it on"};
  r.verdict.stage = Stage::end_of_message;
  r.verdict.action = Action::hold;
  return r;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// References of what is in the folder, in order.
std::vector<std::string> references(const std::string& folder, const Filter& filter = {},
                                    std::size_t damaged = 0) {
  std::vector<std::string> found;
  const auto read = read_log(folder, filter, [&](const Json& json) {
    found.push_back(json["reference"]);
    return true;
  });
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().text());
  if (read.ok()) {
    EXPECT_EQ(read->damaged, damaged);
  }
  return found;
}

using Words = std::vector<std::string>;

/// A log in a folder of its own that ends with it.
struct Rig {
  explicit Rig(const std::filesystem::path& path) {
    options.folder = path.string();
    options.retry_interval = 1ms;
    options.say = [this](bool problem, const std::string& line) {
      std::lock_guard lock(mutex);
      said.push_back((problem ? "problem: " : "good: ") + line);
    };
  }
  DmarcLog& open() {
    log = std::make_unique<DmarcLog>(options, clock, metrics);
    started = log->start();
    return *log;
  }
  std::int64_t count(const char* what) {
    return metrics.counter(std::string("dmarc_records.") + what).value();
  }
  /// Until a write failed, and nothing of it is left. @return false after a minute.
  bool wait_for_a_fault() {
    for (int i = 0; i < 60'000 && count("write_errors") == 0; ++i) std::this_thread::sleep_for(1ms);
    return count("write_errors") > 0;
  }

  FakeClock clock;
  Metrics metrics;
  Options options;
  std::mutex mutex;
  Words said;
  Result<void> started;
  std::unique_ptr<DmarcLog> log;
};

TEST(Entry, IsOneLineOfJsonThatReportsAreMadeFrom) {
  const std::string line = to_line(failed("REF1"));
  EXPECT_EQ(
      line,
      R"({"v":1,"time":1767225600,"reference":"REF1","client":"192.0.2.7","helo":"out.list.example",)"
      R"("envelope_from":"list.example","envelope_to":["here.example"],"verdict":"hold",)"
      R"("observed":false,"header_from":"mail.author.example","org_domain":"author.example",)"
      R"("record_domain":"author.example","record":"v=DMARC1; p=none; sp=reject",)"
      R"("policy":"reject","policy_tag":"sp","testing":false,"applied_policy":"reject",)"
      R"("discovery":"treewalk","result":"fail","reason":"nothing is aligned",)"
      R"("spf":{"domain":"list.example","scope":"mfrom","result":"pass","aligned":false},)"
      R"("dkim":[{"domain":"author.example","selector":"s","result":"fail","aligned":false}],)"
      R"("evaluated":{"spf":"fail","dkim":"fail"},"disposition":"quarantine",)"
      R"("overrides":[{"type":"mailing_list","comment":"list.example"}],)"
      R"("disposition_reason":"a list handed it on"})");
  EXPECT_EQ(parse_line(line).dump(), line);
}

TEST(Entry, HostileTextStaysInItsLine) {
  Record r = failed("REF\n1");
  r.connection.helo = "a\r\nb\x1b\xff";
  r.facts.dmarc->record->text = "v=DMARC1; p=reject; x=\n{{{{{{{{{{\xe2\x80\xae";
  const std::string line = to_line(r);
  EXPECT_EQ(line.find_first_of("\r\n\x1b\xff"), std::string::npos) << line;
  EXPECT_FALSE(parse_line(line).is_null()) << line;
}

TEST(Entry, SaysOfDmarcWhatTheLogSays) {
  std::vector<Record> records = {failed("1"), failed("2"), failed("3"), failed("4")};
  records[1].facts.spf_mail_from.reset();
  records[1].facts.dkim.clear();
  records[1].facts.dmarc_disposition.reset();
  records[2].facts.dmarc->record.reset();
  records[2].facts.dmarc->reason =
      "B\xc3\xbc"
      "cher \xf0\x9f\x93\xa7 \xff \"quoted\"\n\x7f";
  records[2].facts.dkim = {{}, {.outcome = dkim::Outcome::pass, .domain = std::string(5000, 'd')}};
  records[3].facts.dkim.resize(150);
  for (const Record& record : records) {
    Json expected = Json::object();
    add_dmarc(expected, record);
    const std::string members = expected.dump(-1, ' ', true);
    const std::string line = to_line(record);
    const auto at = line.find("\"header_from\"");
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ("{" + line.substr(at), members);
    EXPECT_EQ(Json::parse(line).dump(-1, ' ', true), line) << "as nlohmann writes it";
  }
}

TEST(Entry, IsKeptForDomainsWithARecordAtTheEndOfAMessage) {
  Record r = failed("A");
  EXPECT_TRUE(is_kept(r));
  r.verdict.stage = Stage::rcpt;
  EXPECT_FALSE(is_kept(r));
  r = failed("A");
  r.facts.dmarc->record.reset();
  EXPECT_FALSE(is_kept(r));
  r.facts.dmarc.reset();
  EXPECT_FALSE(is_kept(r));
}

TEST(DmarcLog, KeepsEachMessageInTheFileOfItsDay) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  DmarcLog& log = rig.open();
  ASSERT_TRUE(rig.started.ok());
  log.record(failed("A"));
  log.record(failed("B"));
  ASSERT_TRUE(log.flush(kLong));
  rig.clock.advance(24h);
  log.record(failed("C", kNow + kDay));
  ASSERT_TRUE(log.flush(kLong));
  EXPECT_EQ(references(rig.options.folder), (Words{"A", "B", "C"}));
  EXPECT_EQ(day_files(rig.options.folder).size(), 2U);
  const std::string first = read_file(folder / "log/records-2026-01-01.jsonl");
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 2);
  EXPECT_EQ(rig.count("written"), 3);
  EXPECT_EQ(rig.count("dropped"), 0);
}

TEST(DmarcLog, EndWritesWhatWaits) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  rig.open();
  for (int i = 0; i < 100; ++i) rig.log->record(failed(std::to_string(i)));
  rig.log.reset();
  EXPECT_EQ(references(rig.options.folder).size(), 100U);
}

TEST(DmarcLog, ALineTornByACrashIsEndedAndPassedOver) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  rig.open().record(failed("A"));
  rig.log.reset();
  const auto file = folder / "log/records-2026-01-01.jsonl";
  const std::string torn = to_line(failed("B")).substr(0, 100);
  std::ofstream(file, std::ios::app | std::ios::binary) << torn;
  EXPECT_EQ(references(rig.options.folder, {}, 1), (Words{"A"}));
  rig.open().record(failed("C"));
  rig.log.reset();
  EXPECT_EQ(references(rig.options.folder, {}, 1), (Words{"A", "C"}));
  EXPECT_NE(read_file(file).find(torn + "\n{\"v\":1"), std::string::npos);
}

TEST(DmarcLog, AFolderThatCannotBeMadeIsTriedAgainAndNothingIsLost) {
  const TempFolder folder("dmarc");
  std::ofstream(folder / "in-the-way") << "a file";
  Rig rig(folder / "in-the-way/log");
  rig.options.retry_interval = 1h;  // flush() tries again at once
  DmarcLog& log = rig.open();
  EXPECT_FALSE(rig.started.ok());
  log.record(failed("A"));
  ASSERT_TRUE(rig.wait_for_a_fault());
  EXPECT_FALSE(log.flush(20ms));
  std::filesystem::remove(folder / "in-the-way");
  log.record(failed("B"));
  ASSERT_TRUE(log.flush(kLong));
  EXPECT_EQ(references(rig.options.folder), (Words{"A", "B"}));
  std::lock_guard lock(rig.mutex);
  ASSERT_EQ(rig.said.size(), 2U);
  EXPECT_NE(rig.said[0].find("problem: dmarc.records: "), std::string::npos) << rig.said[0];
  EXPECT_NE(rig.said[1].find("good: "), std::string::npos) << rig.said[1];
}

TEST(DmarcLog, AFullDiskTearsNoLineAndLosesNone) {
  const TempFolder folder("dmarc");
  test::SmallDisk disk(folder.path());
  if (!disk.fault().empty()) GTEST_SKIP() << disk.fault();
  Rig rig(folder / "log");
  // Only flush() tries again: what is read below is what the failed write left.
  rig.options.retry_interval = 1h;
  DmarcLog& log = rig.open();
  log.record(failed("A"));
  ASSERT_TRUE(log.flush(kLong));
  disk.fill();
  // More than what is left of the last block.
  for (int i = 0; i < 20; ++i) log.record(failed("B"));
  ASSERT_TRUE(rig.wait_for_a_fault());
  const std::string text = read_file(folder / "log/records-2026-01-01.jsonl");
  EXPECT_TRUE(text.ends_with('\n')) << "a failed write is cut off";
  EXPECT_FALSE(log.flush(20ms));
  disk.free();
  ASSERT_TRUE(log.flush(kLong));
  EXPECT_EQ(references(rig.options.folder).size(), 21U);
  EXPECT_EQ(rig.count("dropped"), 0);
  rig.log.reset();
}

TEST(DmarcLog, AFullQueueDropsAndCounts) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  const std::size_t line = to_line(failed("A")).size() + 1;
  rig.options.queue_bytes = 3 * line;
  rig.log = std::make_unique<DmarcLog>(rig.options, rig.clock, rig.metrics);
  for (const char* reference : {"A", "B", "C", "D", "E"}) rig.log->record(failed(reference));
  EXPECT_EQ(rig.count("dropped"), 2);
  ASSERT_TRUE(rig.log->start().ok());
  ASSERT_TRUE(rig.log->flush(kLong));
  rig.log->record(failed("F"));
  ASSERT_TRUE(rig.log->flush(kLong));
  EXPECT_EQ(references(rig.options.folder), (Words{"A", "B", "C", "F"}));
}

TEST(DmarcLog, TheOldestDaysGoWhenTheBudgetIsUsedUp) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  const std::size_t line = to_line(failed("A")).size() + 1;
  rig.options.max_bytes = 3 * line;
  DmarcLog& log = rig.open();
  for (const char* reference : {"A", "B", "C", "D"}) {
    log.record(failed(reference));
    ASSERT_TRUE(log.flush(kLong));
    rig.clock.advance(24h);
  }
  EXPECT_EQ(references(rig.options.folder), (Words{"B", "C", "D"}));
}

TEST(DmarcLog, TodaysFileNeverGoesForTheBudget) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  const std::size_t line = to_line(failed("A")).size() + 1;
  rig.options.max_bytes = 3 * line;
  DmarcLog& log = rig.open();
  for (const char* reference : {"A", "B", "C", "D", "E"}) {
    log.record(failed(reference));
    ASSERT_TRUE(log.flush(kLong));
  }
  EXPECT_EQ(references(rig.options.folder), (Words{"A", "B", "C"}));
  EXPECT_EQ(rig.count("dropped"), 2);
}

TEST(DmarcLog, DaysThatAreTooOldGo) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  rig.options.retention_days = 2;
  DmarcLog& log = rig.open();
  for (const char* reference : {"A", "B", "C", "D"}) {
    log.record(failed(reference));
    ASSERT_TRUE(log.flush(kLong));
    rig.clock.advance(24h);
  }
  EXPECT_EQ(references(rig.options.folder), (Words{"B", "C", "D"}));
}

TEST(DmarcLog, AFileThatIsMovedAwayIsMadeAnew) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  DmarcLog& log = rig.open();
  log.record(failed("A"));
  ASSERT_TRUE(log.flush(kLong));
  const auto file = folder / "log/records-2026-01-01.jsonl";
  std::filesystem::rename(file, folder / "log/away");
  log.record(failed("B"));
  ASSERT_TRUE(log.flush(kLong));
  EXPECT_EQ(references(rig.options.folder), (Words{"B"}));
}

TEST(DmarcLog, SessionsWriteAtOnce) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  DmarcLog& log = rig.open();
  std::vector<std::thread> sessions;
  for (int i = 0; i < 4; ++i) {
    sessions.emplace_back([&log] {
      for (int n = 0; n < 100; ++n) log.record(failed("R"));
    });
  }
  for (std::thread& session : sessions) session.join();
  ASSERT_TRUE(log.flush(kLong));
  EXPECT_EQ(references(rig.options.folder).size(), 400U);
}

TEST(ReadLog, TakesWhatIsWanted) {
  const TempFolder folder("dmarc");
  Rig rig(folder / "log");
  DmarcLog& log = rig.open();
  for (int day = 0; day < 3; ++day) {
    Record other = failed("other" + std::to_string(day), kNow + day * kDay);
    other.facts.dmarc->author_domain = other.facts.dmarc->record_domain = "other.example";
    log.record(failed("ours" + std::to_string(day), kNow + day * kDay));
    log.record(other);
    ASSERT_TRUE(log.flush(kLong));
    rig.clock.advance(24h);
  }
  const std::string& path = rig.options.folder;
  EXPECT_EQ(references(path, {.domain = "author.example"}), (Words{"ours0", "ours1", "ours2"}));
  EXPECT_EQ(references(path, {.since = kNow + kDay, .domain = "mail.author.example"}),
            (Words{"ours1", "ours2"}));
  EXPECT_EQ(references(path, {.since = kNow + kDay, .until = kNow + 2 * kDay}),
            (Words{"ours1", "other1"}));
  std::size_t taken = 0;
  ASSERT_TRUE(read_log(path, {}, [&](const Json&) { return ++taken < 2; }).ok());
  EXPECT_EQ(taken, 2U);
}

TEST(ReadLog, DamagedLinesAreCounted) {
  const TempFolder folder("dmarc");
  const std::string good = to_line(failed("A"));
  std::ofstream(folder / "records-2026-01-01.jsonl", std::ios::binary)
      << "\n{}\nnull\n[1]\n"
      << good << "\n"
      << std::string(kMaxLine + 5, 'x') << "\n"
      << std::string(100000, '[') << "\n"
      << good.substr(1) << "\n{\"v\":2}\n"
      << good;
  std::ofstream(folder / "records-2026-02-30.jsonl") << good;
  std::ofstream(folder / "unrelated") << good;
  EXPECT_EQ(references(folder.path().string(), {}, 7), (Words{"A", "A"}));
  EXPECT_FALSE(read_log((folder / "none").string(), {}, [](const Json&) { return true; }).ok());
}

TEST(DayFiles, NamesAreDays) {
  EXPECT_EQ(file_name(day_of(kNow)), "records-2026-01-01.jsonl");
  for (const char* day : {"1970-01-01", "2024-02-29", "2026-11-26", "9999-12-31"})
    EXPECT_EQ(day_text(parse_day(day)), day);
  for (const char* none : {"", "2026-02-30", "2026-1-1", "26-01-01", "1969-12-31", "2026-00-10",
                           "2026-01-01x", "+026-01-01", "2026/01/01"})
    EXPECT_EQ(parse_day(none), -1) << none;
  EXPECT_EQ(day_of(-5), 0);
  EXPECT_EQ(day_text(day_of(std::numeric_limits<std::int64_t>::max())), "9999-12-31");
}

}  // namespace
}  // namespace gatepost::dmarc_log
