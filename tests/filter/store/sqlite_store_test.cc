#include "filter/store/sqlite_store.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter/store/buckets.h"
#include "tests/core/store/store_contract.h"
#include "tests/support/system/small_disk.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::store {
namespace {

namespace fs = std::filesystem;

/// A store in a folder of its own, with what it said.
class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() : folder_("store"), path_(folder_ / "state.db") {}

  SqliteOptions options() {
    SqliteOptions options;
    options.retry_delay = std::chrono::milliseconds(1);
    options.say = [this](bool problem, const std::string& line) {
      std::lock_guard lock(mutex_);
      said_ += (problem ? "! " : "  ") + line + "\n";
    };
    return options;
  }
  std::unique_ptr<SqliteStore> open() { return open(path_, options()); }
  std::unique_ptr<SqliteStore> open(const std::string& path, SqliteOptions with) {
    auto store = SqliteStore::open(path, clock_, std::move(with));
    EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().text());
    return store.ok() ? std::move(*store) : nullptr;
  }
  std::string said() {
    std::lock_guard lock(mutex_);
    return said_;
  }
  std::string open_error(const std::string& path) {
    const auto store = SqliteStore::open(path, clock_, options());
    return store.ok() ? "no error" : to_string(store.error().kind) + (" " + store.error().text());
  }
  std::vector<std::string> corrupt_files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(fs::path(path_).parent_path())) {
      const std::string name = entry.path().filename();
      if (name.find(".corrupt-") != std::string::npos && !name.ends_with("-wal"))
        files.push_back(name);
    }
    return files;
  }
  /// Writes until a commit fails. @return whether one did.
  static bool fill(SqliteStore& store, int entries) {
    const std::string data(2000, 'x');
    for (int i = 0; i < entries; ++i) {
      written(store, Put{{"fill", std::to_string(i)}, data, i, 1000});
      if (i % 50 == 49 && !store.flush().ok()) return true;
    }
    return !store.flush().ok();
  }

  test::TempFolder folder_;
  std::string path_;
  FakeClock clock_;
  std::mutex mutex_;
  std::string said_;
};

TEST_F(SqliteStoreTest, KeepsTheContractFromTheOverlay) {
  const auto store = open();
  check_contract(*store, clock_);
  EXPECT_EQ(said(), "");
}

TEST_F(SqliteStoreTest, KeepsTheContractFromTheFile) {
  const auto store = open();
  check_contract(*store, clock_, [&] { EXPECT_TRUE(store->flush().ok()); });
}

TEST_F(SqliteStoreTest, ReadersAndWriterSideBySide) {
  SqliteOptions busy = options();
  busy.commit_delay = std::chrono::milliseconds(0);
  const auto store = open(path_, busy);
  check_threads(*store, [&] { EXPECT_TRUE(store->flush().ok()); });
}

TEST_F(SqliteStoreTest, DestructionCommits) {
  written(*open(), Put{{"s", "a"}, "kept", 1, 1000});
  EXPECT_EQ(read(*open(), "s", "a"), "kept:1");
}

TEST_F(SqliteStoreTest, WhatWasCommittedOutlivesAKill) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = SqliteStore::open(path_, clock_, {});
    written(**store, Put{{"s", "a"}, "kept", 1, 1000});
    if (!(*store)->flush().ok()) ::_exit(1);
    written(**store, Put{{"s", "b"}, "perhaps", 1, 1000});
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto store = open();
  EXPECT_EQ(read(*store, "s", "a"), "kept:1");
  EXPECT_TRUE(corrupt_files().empty());
  EXPECT_EQ(said(), "");
}

TEST_F(SqliteStoreTest, ExpiryDropsTables) {
  const auto store = open();
  for (int day = 0; day < 5; ++day) {
    written(*store, Put{{"s", std::to_string(day)}, "", day, 2 * 86400});
    ASSERT_TRUE(store->flush().ok());
    clock_.advance(std::chrono::hours(24));
  }
  ASSERT_TRUE(store->flush().ok());
  EXPECT_EQ(store->health().counters.at("dropped_tables"), 3) << "of days 0 to 2";
  EXPECT_EQ(names(*store->scan("s", "", "", 10)), "4 ");
}

TEST_F(SqliteStoreTest, CorruptFileIsMovedAsideAtStart) {
  std::ofstream(path_) << std::string(20000, 'n') << "o database";
  const auto store = open();
  EXPECT_TRUE(written(*store, Put{{"s", "a"}, "fresh", 1, 1000}));
  EXPECT_TRUE(store->flush().ok());
  EXPECT_EQ(corrupt_files(), std::vector<std::string>{"state.db.corrupt-1767225600"});
  EXPECT_NE(said().find("moved to " + path_ + ".corrupt-1767225600, a fresh one is begun"),
            std::string::npos)
      << said();
  EXPECT_EQ(store->health().counters.at("corrupt_files"), 1);
  EXPECT_FALSE(store->health().degraded);
}

TEST_F(SqliteStoreTest, DamagedPageIsFoundAtStart) {
  {
    const auto store = open();
    fill(*store, 500);
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(3 * 4096);
  for (int i = 0; i < 20; ++i) file << std::string(4096, '\xee');
  file.close();
  const auto store = open();
  EXPECT_EQ(corrupt_files().size(), 1U) << said();
  EXPECT_TRUE(written(*store, Put{{"s", "a"}, "fresh", 1, 1000}));
  EXPECT_TRUE(store->flush().ok());
}

TEST_F(SqliteStoreTest, DamageWhileRunningIsRescued) {
  SqliteOptions with = options();
  const auto store = open(path_, with);
  fill(*store, 3000);
  // What a disk may do: the file's content changes below us, in WAL and database.
  for (const std::string& file : {path_, path_ + "-wal"}) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(4096);
    for (int i = 0; i < 1000; ++i) bytes << std::string(4096, '\xee');
  }
  for (int i = 0; i < 3000; ++i) (void)store->now(Read{{"fill", std::to_string(i)}});
  for (int tries = 0; tries < 3 && corrupt_files().empty(); ++tries) (void)fill(*store, 100);
  EXPECT_EQ(corrupt_files().size(), 1U) << said();
  EXPECT_TRUE(written(*store, Put{{"s", "a"}, "fresh", 1, 1000}));
  EXPECT_TRUE(store->flush().ok()) << said();
  EXPECT_EQ(read(*store, "s", "a"), "fresh:1");
}

TEST_F(SqliteStoreTest, ForeignAndNewerFilesAreLeftAlone) {
  { const auto store = open(); }
  // user_version stands at octet 60, application_id at octet 68 of the file's header.
  const auto poke = [&](int at, char value) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put(value);
  };
  poke(63, 9);
  EXPECT_EQ(open_error(path_), "config " + path_ +
                                   ": the store cannot be used: its schema is version 9, this "
                                   "program knows version 1");
  poke(63, 1);
  written(*open(), Put{{"s", "a"}, "", 1, 0});
  poke(68, 1);
  EXPECT_EQ(
      open_error(path_),
      "config " + path_ + ": the store cannot be used: it is the database of another program");
  EXPECT_TRUE(corrupt_files().empty());
}

TEST_F(SqliteStoreTest, ImpossiblePathsAreNamed) {
  const std::string missing = folder_ / "no/such/folder/state.db";
  EXPECT_EQ(open_error(missing),
            "config " + missing + ": the store cannot be used: unable to open database file");
  const std::string folder = folder_ / "folder.db";
  fs::create_directory(folder);
  EXPECT_EQ(open_error(folder),
            "config " + folder + ": the store cannot be used: unable to open database file");
}

/// Runs in a child that is nobody: root may write anywhere.
int as_nobody(const std::function<bool()>& test) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(77);
    ::_exit(test() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(SqliteStoreTest, ReadOnlyFolderIsAConfigError) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become nobody";
  const std::string folder = folder_ / "ro";
  fs::create_directory(folder);
  { const auto store = open(folder + "/state.db", options()); }
  fs::permissions(fs::path(path_).parent_path(), fs::perms(0755));
  fs::permissions(folder, fs::perms(0555));
  EXPECT_EQ(as_nobody([&] { return open_error(folder + "/new.db").starts_with("config "); }), 0);
  EXPECT_EQ(as_nobody([&] { return open_error(folder + "/state.db").starts_with("config "); }), 0);
  EXPECT_TRUE(fs::exists(folder + "/state.db")) << "it is not taken for damaged";
}

TEST_F(SqliteStoreTest, CorruptFileThatCannotBeMovedIsAConfigError) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become nobody";
  const std::string folder = folder_ / "ro";
  fs::create_directory(folder);
  std::ofstream(folder + "/state.db") << std::string(20000, 'n');
  fs::permissions(fs::path(path_).parent_path(), fs::perms(0755));
  fs::permissions(folder + "/state.db", fs::perms(0666));
  fs::permissions(folder, fs::perms(0555));
  EXPECT_EQ(as_nobody([&] { return open_error(folder + "/state.db").starts_with("config "); }), 0);
}

TEST_F(SqliteStoreTest, GreatestSizeFailsWritesUntilEntriesExpire) {
  SqliteOptions small = options();
  small.max_bytes = 512 << 10;
  const auto store = open(path_, small);
  written(*store, Put{{"s", "a"}, "before", 1, 0});
  ASSERT_TRUE(store->flush().ok());
  ASSERT_TRUE(fill(*store, 1000));
  EXPECT_TRUE(store->health().degraded);
  EXPECT_EQ(read(*store, "s", "a"), "before:1") << "reads go on";
  EXPECT_EQ(read(*store, "fill", "0").substr(0, 3), "xxx");
  EXPECT_EQ(store->health().counters.at("corrupt_files"), 0);
  EXPECT_NE(said().find("! store: " + path_ + ": database or disk is full"), std::string::npos);
  clock_.advance(std::chrono::hours(3));
  EXPECT_TRUE(store->flush().ok()) << "the fill's table is over: there is room";
  EXPECT_FALSE(store->health().degraded);
  EXPECT_NE(said().find("works again"), std::string::npos) << said();
  EXPECT_TRUE(written(*store, Put{{"s", "b"}, "after", 1, 0}));
  EXPECT_TRUE(store->flush().ok());
  EXPECT_EQ(fs::file_size(path_) <= (512 << 10), true);
}

TEST_F(SqliteStoreTest, OverlayIsBounded) {
  SqliteOptions small = options();
  small.max_bytes = 0;  // the least there is: commits of the fill fail
  small.max_pending = 300;
  small.retry_delay = std::chrono::hours(1);
  const auto store = open(path_, small);
  ASSERT_TRUE(fill(*store, 1000));
  for (int i = 0; i < 1000; ++i)
    written(*store, Put{{"fill", std::to_string(i)}, std::string(2000, 'x'), i, 1000});
  const Write more = Put{{"s", "more"}, "", 1, 0};
  const auto refused = store->apply(std::span(&more, 1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::temporary);
  EXPECT_EQ(store->health().counters.at("pending"), 300);
  EXPECT_GT(store->health().counters.at("refused_full"), 0);
  EXPECT_EQ(get(*store, Add{{"s", "more"}, "", 1, 1}).status, Status::unavailable);
  EXPECT_EQ(read(*store, "fill", "0").substr(0, 3), "xxx") << "what was taken is seen";
}

TEST_F(SqliteStoreTest, DiskErrorsAreSurvived) {
  // EFBIG stands for any failing write; as a full disk it is shown below where mount is permitted.
  const auto store = open();
  written(*store, Put{{"s", "a"}, "before", 1, 0});
  ASSERT_TRUE(store->flush().ok());
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{200 << 10, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const bool failed = fill(*store, 500);
  const auto health = store->health();
  const std::string seen = read(*store, "s", "a");
  setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_TRUE(failed);
  EXPECT_TRUE(health.degraded);
  EXPECT_EQ(seen, "before:1");
  EXPECT_TRUE(store->flush().ok()) << said();
  EXPECT_FALSE(store->health().degraded);
  EXPECT_EQ(read(*store, "fill", "0").substr(0, 3), "xxx") << "what waited was committed";
  EXPECT_TRUE(corrupt_files().empty());
}

class FullDisk : public SqliteStoreTest {
 protected:
  void SetUp() override {
    fs::create_directory(folder_ / "disk");
    disk_.emplace(folder_ / "disk");
    if (!disk_->fault().empty()) GTEST_SKIP() << disk_->fault();
  }
  std::string file() const { return disk_->folder() / "state.db"; }

  std::optional<gatepost::test::SmallDisk> disk_;
};

TEST_F(FullDisk, WhileRunning) {
  const auto store = open(file(), options());
  written(*store, Put{{"s", "a"}, "before", 1, 0});
  ASSERT_TRUE(store->flush().ok());
  disk_->fill();
  ASSERT_TRUE(fill(*store, 200));
  EXPECT_TRUE(store->health().degraded);
  EXPECT_EQ(read(*store, "s", "a"), "before:1");
  disk_->free();
  EXPECT_TRUE(store->flush().ok()) << said();
  EXPECT_FALSE(store->health().degraded);
  EXPECT_EQ(read(*store, "fill", "0").substr(0, 3), "xxx");
}

TEST_F(FullDisk, AtStart) {
  disk_->fill();
  const auto store = open(file(), options());
  ASSERT_NE(store, nullptr) << "a full disk does not keep the daemon from starting";
  EXPECT_TRUE(store->health().degraded);
  EXPECT_EQ(get(*store, Read{{"s", "a"}}).status, Status::unavailable);
  EXPECT_TRUE(written(*store, Put{{"s", "a"}, "waits", 1, 0}));
  EXPECT_EQ(read(*store, "s", "a"), "waits:1");
  EXPECT_FALSE(store->scan("s", "", "", 10).ok());
  disk_->free();
  EXPECT_TRUE(store->flush().ok()) << said();
  EXPECT_FALSE(store->health().degraded);
  EXPECT_EQ(names(*store->scan("s", "", "", 10)), "a ");
}

struct BucketCase {
  const char* name;
  std::int64_t ttl;
  const char* table;
};

TEST(Buckets, WidthsFollowTheTimeToLive) {
  constexpr std::int64_t kNow = 1767225600;
  const BucketCase cases[] = {
      {"for_ever", 0, "s_0_0"},
      {"a_minute", 60, "s_3600_490896"},
      {"half_a_day", 43200, "s_3600_490908"},
      {"two_days", 2 * 86400, "s_86400_20456"},
      {"36_days", 36 * 86400, "s_1036800_1707"},
      {"a_year", 365 * 86400, "s_10368000_173"},
  };
  for (const auto& c : cases) {
    const Bucket bucket = bucket_for("s", c.ttl == 0 ? 0 : kNow + c.ttl, kNow);
    EXPECT_EQ(bucket.table(), c.table) << c.name;
    EXPECT_EQ(Bucket::parse(bucket.table()), bucket) << c.name;
    EXPECT_FALSE(c.ttl > 0 && bucket.is_over(kNow + c.ttl - 1)) << c.name;
  }
  for (const char* table : {"", "s", "s_1", "_1_2", "s_x_1", "s_1_x", "s_1_-2", "sqlite_stat1"})
    EXPECT_FALSE(Bucket::parse(table)) << table;
}

}  // namespace
}  // namespace gatepost::store
