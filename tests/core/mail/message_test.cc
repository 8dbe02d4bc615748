#include "core/mail/message.h"

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/support/system/small_disk.h"

namespace gatepost::mail {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

// A folder for spool files that is gone with the test.
class SpoolFolder {
 public:
  SpoolFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "gatepost-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~SpoolFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string body_of(const Message& message) {
  std::string body;
  const auto read = message.for_each_body_chunk([&](std::string_view chunk) {
    EXPECT_FALSE(chunk.empty());
    EXPECT_LE(chunk.size(), 65536U);
    body += chunk;
    return true;
  });
  EXPECT_TRUE(read.ok());
  return body;
}

std::string some_body(std::size_t octets) {
  std::string body;
  for (std::size_t i = 0; body.size() < octets; ++i) body += std::to_string(i) + " line\r\n";
  body.resize(octets);
  return body;
}

struct BodyCase {
  const char* name;
  std::size_t budget, max_memory, body, piece;
  std::size_t in_memory;  // expected
};

constexpr BodyCase kBodies[] = {
    {"empty", kMiB, kMiB, 0, 1, 0},
    {"small stays in memory", kMiB, kMiB, 1000, 7, 1000},
    {"over several chunks", kMiB, kMiB, 200000, 65535, 200000},
    {"exactly the memory limit", kMiB, 70000, 70000, 10000, 70000},
    {"beyond the memory limit the rest is spooled", kMiB, 50000, 200000, 20000, 40000},
    {"beyond the shared budget the rest is spooled", 30000, kMiB, 200000, 20000, 20000},
    {"no budget, all is spooled", 0, kMiB, 200000, 65535, 0},
    {"once spooled nothing goes to memory again", 1000, kMiB, 1300, 600, 600},
};

TEST(MessageBody, MemoryThenFile) {
  const SpoolFolder folder;
  for (const auto& c : kBodies) {
    const auto budget = std::make_shared<ByteBudget>(c.budget);
    const std::string body = some_body(c.body);
    {
      Message message({.max_body_memory = c.max_memory}, budget, folder.path());
      for (std::size_t at = 0; at < body.size(); at += c.piece) {
        ASSERT_TRUE(message.append_body(body.substr(at, c.piece)).ok()) << c.name;
      }
      message.freeze();
      EXPECT_EQ(message.body_size(), c.body) << c.name;
      EXPECT_EQ(budget->used(), c.in_memory) << c.name;
      EXPECT_EQ(message.spooled(), c.body - c.in_memory) << c.name;
      EXPECT_TRUE(body_of(message) == body) << c.name;
      EXPECT_TRUE(message.body_head(100).value() == body.substr(0, 100)) << c.name;
      EXPECT_TRUE(message.body_head(c.body + 1).value() == body) << c.name;
      EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << c.name << ": the file has a name";
    }
    EXPECT_EQ(budget->used(), 0U) << c.name;
  }
}

TEST(MessageBody, SpoolLimitIsATemporaryError) {
  const SpoolFolder folder;
  Message message({.max_body_memory = 10, .max_body_spool = 20}, std::make_shared<ByteBudget>(100),
                  folder.path());
  EXPECT_TRUE(message.append_body(std::string(10, 'a')).ok());
  EXPECT_TRUE(message.append_body(std::string(20, 'a')).ok());
  const auto full = message.append_body("a");
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().kind, ErrorKind::temporary);
  EXPECT_FALSE(message.append_body("").ok()) << "an incomplete message stays incomplete";
}

TEST(MessageBody, AFullDiskIsATemporaryError) {
  const SpoolFolder folder;
  gatepost::test::SmallDisk disk(folder.path());
  if (!disk.fault().empty()) GTEST_SKIP() << disk.fault();
  Message message({.max_body_memory = 10}, std::make_shared<ByteBudget>(100), folder.path());
  EXPECT_TRUE(message.append_body(std::string(100'000, 'a')).ok());
  disk.fill();
  const auto full = message.append_body(std::string(1'000'000, 'b'));
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().kind, ErrorKind::temporary);
  EXPECT_NE(full.error().text().find("No space"), std::string::npos) << full.error().text();
  disk.free();
  EXPECT_FALSE(message.append_body("c").ok()) << "an incomplete message stays incomplete";
  Message next({.max_body_memory = 10}, std::make_shared<ByteBudget>(100), folder.path());
  EXPECT_TRUE(next.append_body(std::string(100'000, 'a')).ok()) << "room again";
}

TEST(MessageBody, NoSpoolFolderIsATemporaryError) {
  Message message({.max_body_memory = 10}, std::make_shared<ByteBudget>(100), "/nowhere/at/all");
  EXPECT_TRUE(message.append_body(std::string(10, 'a')).ok());
  const auto failed = message.append_body("a");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::temporary);
  EXPECT_NE(failed.error().text().find("/nowhere"), std::string::npos);
}

TEST(MessageBody, FileSystemWithoutUnnamedFiles) {
  if (!std::filesystem::is_directory("/proc/self")) GTEST_SKIP() << "no /proc";
  // /proc has neither O_TMPFILE nor room for a named file: both ways fail, and say so.
  Message message({.max_body_memory = 0}, std::make_shared<ByteBudget>(0), "/proc/self");
  EXPECT_EQ(message.append_body("a").error().kind, ErrorKind::temporary);
}

TEST(MessageBody, EarlyEndIsNoError) {
  const SpoolFolder folder;
  Message message({.max_body_memory = 100000}, std::make_shared<ByteBudget>(kMiB), folder.path());
  ASSERT_TRUE(message.append_body(std::string(100000, 'a')).ok());
  ASSERT_TRUE(message.append_body(std::string(200000, 'b')).ok());
  for (const int wanted : {1, 2, 3, 4}) {
    int calls = 0;
    EXPECT_TRUE(message.for_each_body_chunk([&](auto) { return ++calls < wanted; }).ok());
    EXPECT_EQ(calls, wanted);
  }
}

TEST(MessageBody, ManyReadersOfAFrozenMessage) {
  const SpoolFolder folder;
  Message message({.max_body_memory = 1000}, std::make_shared<ByteBudget>(kMiB), folder.path());
  const std::string body = some_body(300000);
  ASSERT_TRUE(message.append_body(body).ok());
  message.freeze();
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] { EXPECT_TRUE(body_of(message) == body); });
  }
  for (auto& reader : readers) reader.join();
}

TEST(Message, FrozenDoesNotGrow) {
  Message message({}, std::make_shared<ByteBudget>(kMiB), "/tmp");
  message.freeze();
  EXPECT_EQ(message.append_body("a").error().kind, ErrorKind::internal);
  message.add_field({"A", " b"});
  EXPECT_TRUE(message.fields().empty());
}

struct DefectCase {
  const char* name;
  std::vector<std::string> pieces;
  bool nul, bare_cr, bare_lf;
};

const DefectCase kDefects[] = {
    {"clean", {"a\r\nb\r\n"}, false, false, false},
    {"clean, cut between CR and LF", {"a\r", "\nb\r", "", "\n"}, false, false, false},
    {"NUL", {"a", std::string("b\0c", 3)}, true, false, false},
    {"bare LF, RFC 5322 2.3", {"a\r\nb\nc\r\n"}, false, false, true},
    {"bare LF first", {"\na"}, false, false, true},
    {"bare LF at a cut", {"a", "\nb"}, false, false, true},
    {"bare CR, RFC 5322 2.3", {"a\rb\r\n"}, false, true, false},
    {"bare CR at a cut", {"a\r", "b"}, false, true, false},
    {"bare CR at the end", {"a\r\nb\r"}, false, true, false},
    {"CR CR LF", {"a\r\r\n"}, false, true, false},
    {"LF CR", {"a\n\r"}, false, true, true},
    {"smuggled end of data", {"a\n.\r\n"}, false, false, true},
};

TEST(Message, BodyDefects) {
  for (const auto& c : kDefects) {
    Message message({}, std::make_shared<ByteBudget>(kMiB), "/tmp");
    for (const auto& piece : c.pieces) ASSERT_TRUE(message.append_body(piece).ok());
    message.freeze();
    const MessageDefects expected{
        .body_nul = c.nul, .body_bare_cr = c.bare_cr, .body_bare_lf = c.bare_lf};
    EXPECT_TRUE(message.defects() == expected) << c.name;
    EXPECT_EQ(message.defects().any(), expected.any()) << c.name;
  }
}

TEST(Message, HeaderLimits) {
  const auto budget = std::make_shared<ByteBudget>(5);
  {
    Message count({.max_header_fields = 2}, budget, "/tmp");
    for (int i = 0; i < 4; ++i) count.add_field({"A", " b"});
    EXPECT_EQ(count.fields().size(), 2U);
    EXPECT_TRUE(count.defects().header_limit);
    EXPECT_EQ(count.header_bytes(), 6U);
    EXPECT_EQ(budget->used(), 6U) << "fields count even beyond the budget";
    EXPECT_FALSE(budget->take(1));
  }
  EXPECT_EQ(budget->used(), 0U);
  Message size({.max_header_bytes = 10}, budget, "/tmp");
  size.add_field({"Abc", " 345678"});
  EXPECT_FALSE(size.defects().header_limit);
  size.add_field({"A", ""});
  size.add_field({"", ""});
  EXPECT_EQ(size.fields().size(), 1U) << "nothing is kept behind what was left out";
  EXPECT_TRUE(size.defects().header_limit);
}

TEST(Message, HeaderDefects) {
  const auto defects_of = [](HeaderField field) {
    Message message({}, std::make_shared<ByteBudget>(kMiB), "/tmp");
    message.add_field(std::move(field));
    return message.defects();
  };
  EXPECT_FALSE(defects_of({"A", " b\r\n c\r\n\td"}).any());
  EXPECT_TRUE(defects_of({"A", std::string(" b\0", 3)}).header_nul);
  EXPECT_TRUE(defects_of({"A", " b\nc"}).header_bare_line_break);
  EXPECT_TRUE(defects_of({"A", " b\n c"}).header_bare_line_break);
  EXPECT_TRUE(defects_of({"A", " b\r\n"}).header_bare_line_break);
  EXPECT_TRUE(defects_of({"A", " b\r c"}).header_bare_line_break);
  EXPECT_TRUE(defects_of({"A\r\n ", " b"}).header_bare_line_break);
}

TEST(ByteBudget, TakesAllOrNothing) {
  ByteBudget budget(10);
  EXPECT_TRUE(budget.take(10));
  EXPECT_FALSE(budget.take(1));
  EXPECT_TRUE(budget.take(0));
  budget.give_back(4);
  EXPECT_FALSE(budget.take(5));
  EXPECT_FALSE(budget.take(static_cast<std::size_t>(-1)));
  EXPECT_TRUE(budget.take(4));
}

TEST(Fields, FindAndUnfold) {
  const std::vector<HeaderField> fields = {
      {"Subject", " a"}, {"FROM ", " b"}, {" from", " c"}, {"From-", " d"}};
  EXPECT_EQ(find_fields(fields, "From").size(), 2U);
  EXPECT_EQ(first_field(fields, "from"), &fields[1]);
  EXPECT_EQ(first_field(fields, "To"), nullptr);
  EXPECT_EQ(unfold(" a\r\n b\r\n\tc\n d"), " a b\tc d");
  EXPECT_EQ(unfold("a\r\nb\rc\n"), "a\r\nb\rc\n");
}

}  // namespace
}  // namespace gatepost::mail
