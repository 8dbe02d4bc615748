#include "dmarc/public_suffix.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "tests/support/shared_data.h"

namespace gatepost::dmarc {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class PublicSuffixData : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = gatepost::test::shared_data("conformance/dmarc/psl");
    if (!folder_) GTEST_SKIP() << "no shared data: conformance/dmarc/psl";
    auto list = PublicSuffixList::parse(read(*folder_ / "public_suffix_list.dat"));
    ASSERT_TRUE(list.ok()) << list.error().text();
    list_ = std::move(list).value();
  }

  void check(std::string_view input, std::string_view expected) {
    if (input == "null") input = "";
    if (expected == "null") expected = "";
    EXPECT_EQ(list_->organizational_domain(input), expected) << input;
    ++checked_;
  }

  std::optional<std::filesystem::path> folder_;
  std::shared_ptr<const PublicSuffixList> list_;
  int checked_ = 0;
};

// checkPublicSuffix('input', 'output');
TEST_F(PublicSuffixData, CheckPublicSuffixLines) {
  std::ifstream file(*folder_ / "test_psl.txt");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kCall = "checkPublicSuffix(";
    if (!line.starts_with(kCall)) continue;
    const std::string arguments = line.substr(kCall.size(), line.find(')') - kCall.size());
    const std::size_t comma = arguments.find(", ");
    ASSERT_NE(comma, std::string::npos) << line;
    const auto unquoted = [](std::string text) {
      std::erase(text, '\'');
      return text;
    };
    check(unquoted(arguments.substr(0, comma)), unquoted(arguments.substr(comma + 2)));
  }
  EXPECT_EQ(checked_, 78);
}

// "input output" lines among comments: 98 lines, 78 of them with a case.
TEST_F(PublicSuffixData, PlainLines) {
  std::ifstream file(*folder_ / "tests.txt");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    if (line.empty() || line.starts_with("//")) continue;
    const auto words = split(line, ' ');
    ASSERT_EQ(words.size(), 2U) << line;
    check(words[0], words[1]);
  }
  EXPECT_EQ(lines, 98);
  EXPECT_EQ(checked_, 78);
}

TEST(PublicSuffix, BuiltInList) {
  const auto list = PublicSuffixList::builtin();
  ASSERT_TRUE(list.ok());
  EXPECT_EQ((*list)->organizational_domain("a.b.example.co.uk"), "example.co.uk");
  EXPECT_EQ((*list)->organizational_domain("co.uk"), "");
}

TEST(PublicSuffix, OwnList) {
  const auto list = PublicSuffixList::parse("// comment\ncom\n*.ck\n!www.ck\n");
  ASSERT_TRUE(list.ok());
  EXPECT_EQ((*list)->organizational_domain("a.b.com."), "b.com");
  EXPECT_EQ((*list)->organizational_domain("a.b.co.ck"), "b.co.ck");
  EXPECT_EQ((*list)->organizational_domain("a.www.ck"), "www.ck");
  EXPECT_EQ((*list)->organizational_domain("com"), "");
}

TEST(PublicSuffix, NotADomain) {
  const auto list = PublicSuffixList::parse("com\n");
  ASSERT_TRUE(list.ok());
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".com"), std::string("a..com"),
        std::string("a\0.com", 6), std::string(300, 'a') + ".com", std::string("\xff.com")}) {
    EXPECT_EQ((*list)->organizational_domain(bad), "") << bad;
  }
}

TEST(PublicSuffix, BadList) {
  for (const char* text : {"", "// nothing\n", "\n\n"}) {
    const auto list = PublicSuffixList::parse(text);
    ASSERT_FALSE(list.ok()) << text;
    EXPECT_EQ(list.error().kind, ErrorKind::config) << text;
  }
}

}  // namespace
}  // namespace gatepost::dmarc
