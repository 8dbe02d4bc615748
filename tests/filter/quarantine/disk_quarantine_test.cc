#include "filter/quarantine/disk_quarantine.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/filter/quarantine/quarantine_test.h"
#include "tests/support/system/small_disk.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::quarantine {
namespace {

using test::kLetter;
using test::message_of;
using test::record_of;
using test::TempFolder;
using ::testing::HasSubstr;

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

struct Disk : ::testing::Test {
  Disk() { options.min_free = 0; }
  void open() {
    if (options.directory.empty()) options.directory = folder / "q";
    quarantine.reset();
    quarantine =
        std::make_unique<DiskQuarantine>(options, clock, metrics, [this](const std::string& line) {
          std::lock_guard lock(mutex);
          said += line + "\n";
        });
  }
  Result<void> keep(const std::string& reference) {
    return quarantine->keep(*message_of(kLetter), record_of(reference, clock.unix_time()));
  }
  State state(const std::string& reference) {
    const auto entry = quarantine->find(reference);
    EXPECT_TRUE(entry.ok() && *entry) << reference;
    return entry.ok() && *entry ? (*entry)->state : State::released;
  }
  std::size_t count() { return quarantine->list({.limit = 500})->size(); }
  std::int64_t counted(const char* name) { return metrics.counter(name).value(); }

  TempFolder folder;
  FakeClock clock;
  Metrics metrics;
  Options options;
  std::mutex mutex;
  std::string said;
  std::unique_ptr<DiskQuarantine> quarantine;
};

TEST_F(Disk, KeepsTheMessageOctetForOctet) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  const auto file = quarantine->file_of("AAA-1");
  ASSERT_TRUE(file);
  const auto head = EntryFolder::read_head(*file);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(content(*file).substr(head->message_at),
            "From: Ann <ann@a.example>\r\nTo: bob@here.example\r\nSubject: hello\r\n"
            "Message-ID: <1@a.example>\r\n\r\n.dot\r\nbody\r\n");
  EXPECT_THAT(head->record, HasSubstr("\"verdict\":\"store\""));
  struct stat status {};
  ASSERT_EQ(::stat(file->c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(secret_file(options.directory).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto entry = *quarantine->find("AAA-1");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->mail_from, "ann@a.example");
  EXPECT_EQ(entry->recipients.size(), 2U);
  EXPECT_EQ(entry->subject, "hello");
  EXPECT_EQ(entry->reason, "SPF_FAIL");
  EXPECT_EQ(entry->score, 7.5);
  EXPECT_EQ(entry->size, std::filesystem::file_size(*file));
}

TEST_F(Disk, IsUnconfirmedUntilConfirmed) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  EXPECT_EQ(state("AAA-1"), State::unconfirmed);
  quarantine->confirm("AAA-1");
  EXPECT_EQ(state("AAA-1"), State::stored);
  open();
  EXPECT_EQ(state("AAA-1"), State::stored);
}

TEST_F(Disk, TheThreadConfirmsByItself) {
  open();
  ASSERT_TRUE(quarantine->start().ok());
  ASSERT_TRUE(keep("AAA-1").ok());
  quarantine->confirm("AAA-1");
  quarantine.reset();  // ends the thread, with what it had to do
  open();
  EXPECT_EQ(state("AAA-1"), State::stored);
}

TEST_F(Disk, ListsByFilterAndPage) {
  open();
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(keep("AAA-" + std::to_string(i)).ok());
    clock.advance(std::chrono::hours(1));
  }
  quarantine->confirm("AAA-3");
  const auto names = [&](Filter filter) {
    std::string all;
    const auto entries = quarantine->list(filter);
    for (const Entry& entry : *entries) all += entry.reference.substr(4);
    return all;
  };
  EXPECT_EQ(names({}), "6543210");
  EXPECT_EQ(names({.limit = 3}), "654");
  EXPECT_EQ(names({.after = "AAA-4", .limit = 3}), "321");
  EXPECT_EQ(names({.since = clock.unix_time() - 7200}), "65");
  EXPECT_EQ(names({.state = State::stored}), "3");
  EXPECT_EQ(names({.from = "ANN@"}), "6543210");
  EXPECT_EQ(names({.to = "cy@"}), "6543210");
  EXPECT_EQ(names({.to = "nobody"}), "");
  EXPECT_EQ(names({.from = "%' OR 1=1 --"}), "");
}

TEST_F(Disk, DeletesFileAndRow) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  EXPECT_TRUE(*quarantine->erase("AAA-1"));
  EXPECT_FALSE(quarantine->file_of("AAA-1"));
  EXPECT_EQ(count(), 0U);
  EXPECT_FALSE(*quarantine->erase("AAA-1"));
  EXPECT_FALSE(*quarantine->erase("../index.db"));
  EXPECT_TRUE(std::filesystem::exists(options.directory / "index.db"));
}

TEST_F(Disk, ExpiresAfterTheRetention) {
  options.retention = std::chrono::hours(24);
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  clock.advance(std::chrono::hours(23));
  ASSERT_TRUE(keep("AAA-2").ok());
  EXPECT_EQ(*quarantine->expire(), 0U);
  clock.advance(std::chrono::hours(2));
  EXPECT_EQ(*quarantine->expire(), 1U);
  EXPECT_FALSE(quarantine->file_of("AAA-1"));
  EXPECT_EQ(count(), 1U);
}

TEST_F(Disk, AClockThatGoesBackExpiresNothing) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  clock.advance(-std::chrono::hours(48));
  EXPECT_EQ(*quarantine->expire(), 0U);
  ASSERT_TRUE(keep("AAA-2").ok());
  EXPECT_EQ(count(), 2U);
}

TEST_F(Disk, BudgetOfMessages) {
  options.max_messages = 2;
  options.retention = std::chrono::hours(1);
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  ASSERT_TRUE(keep("AAA-2").ok());
  const auto third = keep("AAA-3");
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().kind, ErrorKind::temporary);
  EXPECT_FALSE(quarantine->file_of("AAA-3"));
  EXPECT_EQ(counted("quarantine.unavailable"), 1);
  ASSERT_TRUE(quarantine->erase("AAA-1").ok());
  EXPECT_TRUE(keep("AAA-3").ok());
  clock.advance(std::chrono::hours(2));
  EXPECT_TRUE(keep("AAA-4").ok()) << "what has expired makes room";
}

TEST_F(Disk, BudgetOfOctetsHoldsOverAStart) {
  options.max_octets = 70'000;  // one small message with its head room
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  open();
  options.max_octets = 66'000;
  open();
  EXPECT_FALSE(keep("AAA-2").ok());
}

TEST_F(Disk, FloorOfFreeSpace) {
  options.min_free = std::uint64_t{1} << 60;
  open();
  const auto kept = keep("AAA-1");
  ASSERT_FALSE(kept.ok());
  EXPECT_THAT(kept.error().what, HasSubstr("min_free"));
}

TEST_F(Disk, AFolderThatCannotBeIsAnErrorAndComesBack) {
  std::ofstream(folder / "file");
  options.directory = folder / "file" / "q";
  open();
  EXPECT_FALSE(quarantine->start().ok());
  EXPECT_FALSE(keep("AAA-1").ok());
  std::filesystem::remove(folder / "file");
  std::filesystem::create_directory(folder / "file");
  EXPECT_TRUE(keep("AAA-1").ok()) << "tried again with each message";
}

TEST_F(Disk, AFileWithoutARowBecomesUnconfirmed) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  ASSERT_TRUE(keep("AAA-2").ok());
  quarantine->confirm("AAA-1");
  quarantine->confirm("AAA-2");
  // As a kill between file and row leaves it.
  const auto file = *quarantine->file_of("AAA-2");
  std::filesystem::copy_file(file, folder / "copy");
  ASSERT_TRUE(quarantine->erase("AAA-2").ok());
  quarantine.reset();
  std::filesystem::copy_file(folder / "copy", file);
  std::ofstream(file.parent_path() / ".BBB-1") << "half a message";
  open();
  EXPECT_EQ(state("AAA-2"), State::unconfirmed);
  EXPECT_EQ(state("AAA-1"), State::stored);
  EXPECT_EQ(counted("quarantine.recovered"), 1);
  EXPECT_FALSE(std::filesystem::exists(file.parent_path() / ".BBB-1"));
  EXPECT_EQ((*quarantine->find("AAA-2"))->digest, (*quarantine->find("AAA-1"))->digest);
}

TEST_F(Disk, ARowWithoutAFileGoes) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  std::filesystem::remove(*quarantine->file_of("AAA-1"));
  open();
  EXPECT_EQ(count(), 0U);
  EXPECT_THAT(said, HasSubstr("AAA-1 has no file"));
}

TEST_F(Disk, AStrangeFileIsToldAndLeft) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  std::ofstream(messages_folder(options.directory) / "ZZZ-1") << "not ours\n";
  open();
  EXPECT_EQ(count(), 1U);
  EXPECT_THAT(said, HasSubstr("ZZZ-1"));
  EXPECT_TRUE(std::filesystem::exists(messages_folder(options.directory) / "ZZZ-1"));
}

TEST_F(Disk, ADamagedIndexIsMadeAnewFromTheFiles) {
  open();
  for (const char* reference : {"AAA-1", "AAA-2", "AAA-3"}) {
    ASSERT_TRUE(keep(reference).ok());
    quarantine->confirm(reference);
  }
  const auto begun = *quarantine->begin_release("AAA-3", false);
  ASSERT_TRUE(*quarantine->end_release("AAA-3", begun->entry.nonce, {"*"}, false) == false);
  quarantine.reset();
  for (const char* name : {"index.db-wal", "index.db-shm"})
    std::filesystem::remove(options.directory / name);
  std::ofstream(options.directory / "index.db", std::ios::trunc)
      << std::string(9000, 'x') << "no database";
  open();
  EXPECT_EQ(count(), 3U);
  EXPECT_EQ(state("AAA-1"), State::unconfirmed) << "nobody knows any more";
  EXPECT_EQ(state("AAA-3"), State::released) << "the file's name knows";
  EXPECT_EQ(counted("quarantine.index_rebuilt"), 1);
  bool aside = false;
  for (const auto& file : std::filesystem::directory_iterator(options.directory))
    aside = aside || file.path().filename().string().starts_with("index.db.damaged-");
  EXPECT_TRUE(aside);
}

TEST_F(Disk, AnIndexOfTheFutureIsLeftAlone) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  quarantine.reset();
  // user_version stands at octet 60, big-endian.
  std::fstream file(options.directory / "index.db",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(60);
  file.write("\0\0\0\x09", 4);
  file.close();
  open();
  const auto kept = keep("AAA-2");
  ASSERT_FALSE(kept.ok());
  EXPECT_THAT(kept.error().what, HasSubstr("newer"));
}

class OnSmallDisk : public Disk {
 protected:
  void SetUp() override {
    disk_.emplace(folder.path());
    if (!disk_->fault().empty()) GTEST_SKIP() << disk_->fault();
  }
  void TearDown() override {
    quarantine.reset();
    disk_.reset();
  }
  std::optional<gatepost::test::SmallDisk> disk_;
};

TEST_F(OnSmallDisk, AFullDiskLosesNothing) {
  open();
  const auto large = message_of(std::string("Subject: x\n\n") + std::string(90'000, 'x') + "\n");
  int stored = 0;
  int refused = 0;
  for (int i = 0; i < 30; ++i) {
    const auto kept = quarantine->keep(*large, record_of("AAA-" + std::to_string(i)));
    (kept.ok() ? stored : refused) += 1;
    if (!kept.ok()) {
      EXPECT_EQ(kept.error().kind, ErrorKind::temporary);
    }
  }
  EXPECT_GT(stored, 2);
  EXPECT_GT(refused, 2);
  open();
  EXPECT_EQ(count(), static_cast<std::size_t>(stored)) << "all that were answered, no others";
  ASSERT_TRUE(quarantine->erase("AAA-0").ok());
  EXPECT_TRUE(quarantine->keep(*large, record_of("BBB-1")).ok()) << "room again";
}

TEST_F(OnSmallDisk, AReadOnlyDiskDefersAndComesBack) {
  open();
  ASSERT_TRUE(keep("AAA-1").ok());
  quarantine.reset();
  ASSERT_EQ(::mount("", folder.path().c_str(), "", MS_REMOUNT | MS_RDONLY, "size=1m"), 0);
  open();
  EXPECT_FALSE(quarantine->start().ok());
  const auto kept = keep("AAA-2");
  ASSERT_FALSE(kept.ok());
  EXPECT_EQ(kept.error().kind, ErrorKind::temporary);
  ASSERT_EQ(::mount("", folder.path().c_str(), "", MS_REMOUNT, "size=1m"), 0);
  EXPECT_TRUE(keep("AAA-2").ok());
  EXPECT_EQ(count(), 2U);
}

TEST_F(Disk, ManyThreads) {
  options.max_writers = 3;
  open();
  ASSERT_TRUE(quarantine->start().ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string reference = "T" + std::to_string(t) + "-" + std::to_string(i);
        EXPECT_TRUE(keep(reference).ok());
        if (i % 2 == 0) quarantine->confirm(reference);
        if (i == 9) {
          EXPECT_TRUE(quarantine->erase(reference).ok());
        }
        EXPECT_TRUE(quarantine->list({}).ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count(), 72U);
  EXPECT_EQ(quarantine->list({.state = State::stored, .limit = 500})->size(), 40U);
  open();
  EXPECT_EQ(count(), 72U);
}

TEST_F(Disk, TooManyWaitersAreToldSo) {
  options.max_waiting = 0;
  open();
  EXPECT_FALSE(keep("AAA-1").ok());
}

}  // namespace
}  // namespace gatepost::quarantine
