#include "filter/rule_tools/mail_files.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "filter/rule_tools/mailbox.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::rule_tools {
namespace {

namespace fs = std::filesystem;

std::string messages_of(std::string_view text, std::size_t piece) {
  MailboxScanner scanner;
  for (std::size_t at = 0; at < text.size(); at += piece) scanner.feed(text.substr(at, piece));
  std::string out;
  for (const MailboxScanner::Message& m : scanner.finish())
    out += std::to_string(m.begin) + "-" + std::to_string(m.end) + " ";
  return out;
}

struct MailboxCase {
  const char* name;
  std::string text;
  const char* messages;
};
const MailboxCase kMailboxes[] = {
    {"empty", "", ""},
    {"no_mailbox", "Subject: x\n\nFrom a@b Mon Jan  1 10:00:00 2024\n", ""},
    {"one_rfc4155", "From a Mon Jan  1 10:00:00 2024\nA: b\n\nx\n", "0-40 "},
    {"two", "From a 10:00\nA: b\n\nx\n\nFrom b 11:00\nC: d\n", "0-22 22-40 "},
    {"no_empty_line_before", "From a 10:00\nA: b\n\nx\nFrom b 11:00\nC: d\n", "0-39 "},
    {"text_without_time", "From a 10:00\nA: b\n\nFrom here on it is text\n", "0-43 "},
    {"first_needs_no_time", "From a\nA: b\n", "0-12 "},
    {"crlf", "From a 10:00\r\nA: b\r\n\r\nFrom b 11:00\r\n", "0-22 22-36 "},
    {"no_line_end", "From a 10:00\n\nFrom b 11:00", "0-14 14-26 "},
    {"quoted", "From a 10:00\n\n>From b 11:00\n", "0-28 "},
    {"long_line_is_not_empty", "From a 10:00\n" + std::string(600, 'x') + "\nFrom b 11:00\n",
     "0-627 "},
};

TEST(Mailbox, FindsMessagesHoweverItIsCut) {
  for (const MailboxCase& c : kMailboxes) {
    for (const std::size_t piece : {1, 2, 7, 100000})
      EXPECT_EQ(messages_of(c.text, piece), c.messages) << c.name << " in pieces of " << piece;
  }
}

TEST(Mailbox, TakesAwayWhatWasPutThere) {
  EXPECT_EQ(
      unquote_mailbox_message("From a 10:00\nA: b\n\n>From x\n>>From y\n> From z\n>Fromage\n"),
      "A: b\n\nFrom x\n>From y\n> From z\n>Fromage\n");
  EXPECT_EQ(unquote_mailbox_message("A: b\n\nFrom x"), "A: b\n\nFrom x");
}

class MailFiles : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  std::string list(const std::string& name = "") {
    MailList out;
    std::atomic<std::size_t> seen{0};
    const auto listed = list_mail((folder_.path() / name).string(), out, seen);
    if (!listed.ok()) return listed.error().what;
    std::string names;
    for (const MailPlace& place : out.mail)
      names += place.name().substr(folder_.path().string().size() + 1) + " ";
    mail_ = std::move(out.mail);
    return names;
  }

  test::TempFolder folder_;
  std::vector<MailPlace> mail_;
};

TEST_F(MailFiles, FoldersMaildirsAndMailboxes) {
  write("plain/b.eml", "A: b\n\nb\n");
  write("plain/a.eml", "A: b\n\na\n");
  write("plain/deep/c.eml", "A: b\n\nc\n");
  write("plain/.hidden", "A: b\n");
  write("plain/empty", "");
  write("maildir/cur/1:2,S", "A: b\n");
  write("maildir/new/2", "A: b\n");
  write("maildir/tmp/3", "A: b\n");
  write("maildir/dovecot.index", "x");
  write("maildir/.Spam/cur/4", "A: b\n");
  write("maildir/.Spam/new/5", "A: b\n");
  write("box.mbox", "From a 10:00\nA: 1\n\nx\n\nFrom b 11:00\nA: 2\n\n>From y\n");
  write("one.mbox", "From a 10:00\nA: 1\n\nx\n");
  EXPECT_EQ(list("plain"), "plain/a.eml plain/b.eml plain/deep/c.eml ");
  EXPECT_EQ(list("maildir"),
            "maildir/.Spam/cur/4 maildir/.Spam/new/5 maildir/cur/1:2,S maildir/new/2 ");
  EXPECT_EQ(list("one.mbox"), "one.mbox ");
  EXPECT_EQ(list("box.mbox"), "box.mbox#1 box.mbox#2 ");
  EXPECT_EQ(read_mail(mail_[0]).value(), "A: 1\n\nx\n\n");
  EXPECT_EQ(read_mail(mail_[1]).value(), "A: 2\n\nFrom y\n");
  EXPECT_EQ(list("nothing"),
            "cannot be read, expected a message, an mbox file, a maildir or a folder");
}

TEST_F(MailFiles, WhatCannotBeReadIsNamed) {
  EXPECT_FALSE(read_mail({(folder_.path() / "gone").string(), 0, 10, 0}).ok());
  std::string path = "a";
  for (int i = 0; i < 40; ++i) path += "/a";
  write(path + "/x.eml", "A: b\n");
  MailList out;
  std::atomic<std::size_t> seen{0};
  ASSERT_TRUE(list_mail(folder_.path().string(), out, seen).ok());
  EXPECT_TRUE(out.mail.empty());
  EXPECT_EQ(out.unreadable_count, 1U);
  EXPECT_NE(out.unreadable.at(0).find("more than 32 folders deep"), std::string::npos);
}

TEST_F(MailFiles, LinksToFoldersAreNotFollowed) {
  write("x.eml", "A: b\n");
  fs::create_directory_symlink(folder_.path(), folder_.path() / "loop");
  EXPECT_EQ(list(), "x.eml ");
}

}  // namespace
}  // namespace gatepost::rule_tools
