// Attachments: names, types, digests, archives, and bombs.

#include "core/attachments/attachments.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "tests/core/mail/content_support.h"
#include "tests/support/archives/archive_maker.h"
#include "tests/support/shared_data.h"

namespace gatepost::attachments {
namespace {

using test::archive_of;
using File = test::ArchivedFile;

std::string names_of(const Archive& archive) {
  std::string out;
  for (const ArchiveEntry& entry : archive.entries)
    out += entry.name + ":" + std::to_string(entry.size) + " ";
  return out;
}

TEST(Archives, AreListed) {
  const std::vector<File> files = {{"a.txt", "hello"}, {"dir/b.exe", std::string(300, 'x')}};
  for (const char* format : {"zip", "7zip", "ustar"}) {
    SCOPED_TRACE(format);
    const auto archive = list_archive(archive_of(format, files));
    ASSERT_TRUE(archive);
    EXPECT_EQ(names_of(*archive), "a.txt:5 dir/b.exe:300 ");
    EXPECT_FALSE(archive->encrypted || archive->broken || archive->too_large);
  }
  const auto packed = list_archive(archive_of("ustar", files, "", nullptr, true));
  ASSERT_TRUE(packed);
  EXPECT_EQ(names_of(*packed), "a.txt:5 dir/b.exe:300 ");
}

TEST(Archives, EncryptedOnesSaySo) {
  const auto archive =
      list_archive(archive_of("zip", {{"a.txt", "secret"}}, "encryption=zipcrypt", "x"));
  ASSERT_TRUE(archive);
  EXPECT_TRUE(archive->encrypted);
  EXPECT_TRUE(archive->entries[0].encrypted);
}

TEST(Archives, WhatIsNoneIsNone) {
  for (const std::string& octets :
       {std::string(), std::string("PK"), std::string(1000, '\0'), std::string(5000, 'a'),
        std::string("#mtree\n/set type=file\na\nb\n" + std::string(100, '\n'))})
    EXPECT_FALSE(list_archive(octets)) << octets.substr(0, 20);
}

// A lha file of one stored entry (header level 0).
std::string lha_of(const std::string& name, const std::string& content) {
  std::string head = "-lh0-";
  const auto put = [&head](std::size_t value, int octets) {
    for (; octets > 0; --octets, value >>= 8) head += static_cast<char>(value & 0xff);
  };
  put(content.size(), 4);
  put(content.size(), 4);
  put(0x4b880000, 4);  // time
  put(0x20, 1);
  put(0, 1);
  put(name.size(), 1);
  head += name;
  put(0, 2);  // nobody checks this one
  unsigned char sum = 0;
  for (const char c : head) sum = static_cast<unsigned char>(sum + static_cast<unsigned char>(c));
  return std::string(1, static_cast<char>(head.size())) + static_cast<char>(sum) + head + content +
         std::string(1, '\0');
}

// What begins with something else, or is known by more than its begin, is found as before.
TEST(Archives, AreFoundWhereverTheirFormatsStand) {
  const std::vector<File> files = {{"a.js", "hello"}};
  const std::string zip = archive_of("zip", files);
  const std::string png = "\x89PNG\r\n\x1a\n" + std::string(100000, 'x');
  const std::string program = "MZ" + std::string(2000, '\x90');
  struct Case {
    const char* what;
    std::string octets;
  };
  const Case cases[] = {
      {"zip", zip},
      {"zip behind an image", png + zip},
      {"zip behind a program", program + zip},
      {"zip with a comment or rubbish behind it", zip + std::string(10000, '\n')},
      {"7zip", archive_of("7zip", files)},
      {"ustar", archive_of("ustar", files)},
      {"v7tar", archive_of("v7tar", files)},
      {"pax", archive_of("pax", files)},
      {"gnutar", archive_of("gnutar", files)},
      {"ustar, packed", archive_of("ustar", files, "", nullptr, true)},
      {"lha", lha_of("a.js", "hello")},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    EXPECT_TRUE(may_be_archive(one.octets));
    const auto archive = list_archive(one.octets);
    ASSERT_TRUE(archive);
    EXPECT_EQ(names_of(*archive), "a.js:5 ");
  }
  for (const std::string& begin :
       {std::string("Rar!\x1a\x07"), std::string("MSCF"), std::string("BZh9"),
        std::string("\xfd"
                    "7zXZ"),
        std::string("\x28\xb5\x2f\xfd"), std::string("\x50\x2a\x4d\x18"),
        std::string("\x7f"
                    "ELF")})
    EXPECT_TRUE(may_be_archive(begin + std::string(100, 'x')));
  EXPECT_FALSE(may_be_archive(png));
  EXPECT_FALSE(may_be_archive("%PDF-1.7\n" + std::string(100000, '9')));
}

TEST(Archives, BombsAreFlagged) {
  const std::string zeros(std::size_t{40} << 20, '\0');
  for (const char* format : {"zip", "7zip"}) {
    SCOPED_TRACE(format);
    const auto archive = list_archive(archive_of(format, {{"bomb", zeros}, {"behind", "x"}}));
    ASSERT_TRUE(archive);
    EXPECT_TRUE(archive->too_large);
    EXPECT_EQ(archive->entries.size(), 1U);
  }
  const auto packed =
      list_archive(archive_of("ustar", {{"bomb", zeros}, {"b", "x"}}, "", nullptr, true));
  ASSERT_TRUE(packed);
  EXPECT_TRUE(packed->too_large);
  std::vector<File> many;
  for (int i = 0; i < 1500; ++i) many.push_back({"f" + std::to_string(i), "x"});
  const auto archive = list_archive(archive_of("zip", many));
  ASSERT_TRUE(archive);
  EXPECT_TRUE(archive->too_many_entries);
  EXPECT_EQ(archive->entries.size(), 1000U);
}

TEST(Archives, BrokenOnesKeepWhatCouldBeRead) {
  const std::string whole =
      archive_of("ustar", {{"a", "x"}, {"b", std::string(5000, 'y')}, {"c", "z"}});
  const auto archive = list_archive(std::string_view(whole).substr(0, 3000));
  ASSERT_TRUE(archive);
  EXPECT_TRUE(archive->broken);
  EXPECT_EQ(archive->entries.at(0).name, "a");
}

AttachmentList read(const std::string& raw, const AttachmentLimits& limits = {},
                    const mail::ContentLimits& content = {}) {
  const auto message = test::message_of(raw);
  const auto view = mail::MessageView::open(*message, content);
  AttachmentReader reader(limits);
  return reader.read(view.value());
}

TEST(Attachments, NamesTypesAndDigests) {
  const std::string raw =
      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nthe text\n"
      "--b\nContent-Type: application/pdf; name=ignored.pdf\nContent-Transfer-Encoding: base64\n"
      "Content-Disposition: attachment; filename*0*=utf-8''gr%C3%BC; filename*1=n.exe\n\n" +
      base64_encode("MZ\x90") +
      "\n--b\nContent-Type: text/plain; name=\"=?utf-8?q?a=2Etxt?=\"\n\nhello\n"
      "--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n" +
      base64_encode(archive_of("zip", {{"x.js", "y"}})) + "\n--b--\n";
  const AttachmentList list = read(raw);
  ASSERT_EQ(list.attachments.size(), 3U);
  EXPECT_EQ(list.attachments[0].name, "gr\xc3\xbcn.exe");
  EXPECT_EQ(list.attachments[0].declared_type, "application/pdf");
  EXPECT_EQ(list.attachments[0].size, 3U);
  EXPECT_EQ(list.attachments[1].name, "a.txt");
  EXPECT_EQ(list.attachments[1].type, "text/plain");
  EXPECT_EQ(list.attachments[1].sha256,
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(list.attachments[2].type, "application/zip");
  ASSERT_TRUE(list.attachments[2].archive);
  EXPECT_EQ(names_of(*list.attachments[2].archive), "x.js:1 ");
}

struct Quick {
  const char* what;
  std::string raw;
  bool may_have;
};

std::string multipart(const std::string& part_fields, const std::string& kind = "mixed") {
  return "Content-Type: multipart/" + kind + "; boundary=b\n\n--b\n" + part_fields +
         "\n\nx\n--b--\n";
}

std::vector<Quick> quick_cases() {
  const std::string in_code = base64_encode("Content-Type: image/png\n\nx");
  std::string long_fold = "Content-Type: text/plain";
  for (int i = 0; i < 300; ++i) long_fold += ";\n x=12345";
  std::string many;
  for (int i = 0; i < 300; ++i) many += "Content-Type: text/plain\n";
  return {
      {"no fields", "Subject: x\n\nContent-Type: image/png\n", false},
      {"text", "Content-Type: text/html\n\nContent-Type: image/png\n", false},
      {"text with a name", "Content-Type: text/plain; name=a\n\nx\n", true},
      {"text with a file name", "Content-Disposition: inline; filename*=''a\n\nx\n", true},
      {"inline text", "Content-Disposition: inline\n\nx\n", false},
      {"an image", "Content-Type: image/png\n\nx\n", true},
      {"a type that is none", "Content-Type: x\n\nx\n", true},
      {"the last field counts", "Content-Type: image/png\nContent-Type: text/plain\n\nx\n", false},
      {"the last field counts, too", "Content-Type: text/plain\nContent-Type: image/png\n\nx\n",
       true},
      {"no boundary", "Content-Type: multipart/mixed; name=a\n\n--b\nContent-Type: image/png\n\n",
       false},
      {"alternative", multipart("Content-Type: text/html"), false},
      {"part without fields", multipart("X: y"), false},
      {"image part", multipart("Content-Type: image/png"), true},
      {"in capitals", multipart("CONTENT-TYPE: IMAGE/PNG"), true},
      {"blanks around the name", multipart("  content-tYPE  : image/png"), true},
      {"folded", multipart("Content-Type:\n image/png"), true},
      {"name in a fold", multipart("Content-Type: text/plain;\n\tna(comment)me=a"), true},
      {"disposition", multipart("Content-Disposition: attachment; filename=a"), true},
      {"disposition without a name", multipart("Content-Disposition: attachment"), false},
      {"other fields", multipart("Content-Type-X: image/png\nContent-ID: image/png"), false},
      {"field in a line", multipart("X: Content-Type: image/png"), false},
      {"enclosed", multipart("Content-Type: message/rfc822\n\nContent-Type: text/plain"), true},
      {"enclosed and encoded",
       multipart("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + in_code),
       true},
      {"digest", multipart("Content-Transfer-Encoding: base64\n\n" + in_code, "DIGEST"), true},
      {"inner digest",
       multipart("Content-Type: multipart/digest; boundary=c\n\n--c\n"
                 "Content-Transfer-Encoding: base64\n\n" +
                 in_code),
       true},
      {"a long field", multipart(long_fold), true},
      {"many fields", multipart(many), true},
      {"a long body", multipart("X: y") + std::string(70000, 'x'), true},
      {"a header in the preamble",
       "Content-Type: multipart/mixed; boundary=b\n\nContent-Type: image/png\n--b\n\nx\n", true},
  };
}

// What is told without walking the message is never less than what walking it finds.
TEST(Attachments, MostMessagesHaveNoneAtFirstSight) {
  for (const Quick& one : quick_cases()) {
    std::string crlf;
    for (const char c : one.raw) crlf += c == '\n' ? "\r\n" : std::string(1, c);
    for (const std::string& raw : {one.raw, crlf}) {
      SCOPED_TRACE(one.what);
      EXPECT_EQ(may_have_attachments(*test::message_of(raw)), one.may_have);
      EXPECT_TRUE(one.may_have || read(raw).attachments.empty());
    }
  }
}

TEST(Attachments, FirstSightNeverMissesOneOfOtherPeoplesMail) {
  const auto folder = test::shared_data("conformance");
  if (!folder) GTEST_SKIP() << "no shared data";
  std::size_t none = 0, some = 0;
  AttachmentLimits limits;
  limits.types = limits.digests = false;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder)) {
    constexpr std::uintmax_t kLargest = 60'000;  // larger ones are always walked
    if (!entry.is_regular_file() || entry.file_size() > kLargest) continue;
    const std::string raw = test::read_file(entry.path());
    const bool may_have = may_have_attachments(*test::message_of(raw));
    ++(may_have ? some : none);
    if (may_have) continue;
    const AttachmentList list = read(raw, limits);
    EXPECT_TRUE(list.attachments.empty() && !list.too_many) << entry.path();
  }
  EXPECT_GT(none, 0U);
  EXPECT_GT(some, 0U);
}

TEST(Attachments, LimitsAreFlags) {
  std::string raw = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 10000; ++i) raw += "--b\nContent-Type: image/png\n\nx\n";
  EXPECT_TRUE(read(raw + "--b--\n").too_many);
  const std::string large = "Content-Type: application/x\nContent-Transfer-Encoding: base64\n\n" +
                            base64_encode(std::string(std::size_t{38} << 20, 'x'));
  const AttachmentList list = read(large, {}, {.max_size = std::size_t{64} << 20});
  ASSERT_EQ(list.attachments.size(), 1U);
  EXPECT_TRUE(list.attachments[0].truncated);
  EXPECT_EQ(list.attachments[0].size, std::size_t{16} << 20);
}

}  // namespace
}  // namespace gatepost::attachments
