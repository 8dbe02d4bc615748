// Attachments: names, types, digests, archives, and bombs.

#include "core/attachments/attachments.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "tests/core/mail/content_support.h"
#include "tests/support/archives/archive_maker.h"

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
