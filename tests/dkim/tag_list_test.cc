#include "dkim/tag_list.h"

#include <string>

#include <gtest/gtest.h>

namespace gatepost::dkim {
namespace {

struct Case {
  const char* name;
  std::string_view text;
  std::string_view expected;  // "name=value|…", or "!" and the error
};

constexpr Case kCases[] = {
    {"one", "a=b", "a=b"},
    {"semicolon_may_end_rfc6376_3_2", "a=b; c=d;", "a=b|c=d"},
    {"white_space_around_rfc6376_3_2", " a\t=\r\n b c \r\n ; d = e ", "a=b c|d=e"},
    {"empty_value_rfc6376_3_2", "p=", "p="},
    {"equals_in_value", "p=AQ==", "p=AQ=="},
    {"case_sensitive_rfc6376_3_2", "a=1; A=2", "a=1|A=2"},
    {"utf8_value_rfc8616", "i=\xc3\xbc@x", "i=\xc3\xbc@x"},
    {"underscore_and_digit_in_name", "x_1=y", "x_1=y"},
    {"duplicate_rfc6376_3_2", "a=1; b=2; a=1", "!tag a= stands twice"},
    {"nothing", "", "!tag list is empty"},
    {"only_blanks", "  ", "!tag list is empty"},
    {"empty_tag_between", "a=1;;b=2", "!tag without '='"},
    {"no_equals", "a=1; b", "!b: tag without '='"},
    {"name_starts_with_digit", "1a=b", "!1a: not a tag name"},
    {"blank_in_name", "a b=c", "!a b: not a tag name"},
    {"no_name", "=b", "!not a tag name"},
    {"nul_in_value", {"a=b\0c", 5}, "!control character in tag a="},
    {"del_in_value", "a=b\x7f", "!control character in tag a="},
};

TEST(TagList, Rfc6376Section32) {
  for (const auto& c : kCases) {
    const auto list = TagList::parse(c.text);
    std::string got;
    if (!list) {
      got = "!" + list.error().text();
    } else {
      for (const Tag& tag : list->tags()) {
        got += (got.empty() ? "" : "|") + std::string(tag.name) + "=" + std::string(tag.value);
      }
    }
    EXPECT_EQ(got, c.expected) << c.name;
  }
}

TEST(TagList, Budgets) {
  EXPECT_FALSE(TagList::parse("a=" + std::string(40000, 'x')).ok());
  EXPECT_TRUE(TagList::parse("a=" + std::string(40000, 'x'), {.octets = 50000}).ok());
  std::string many;
  for (int i = 0; i < 65; ++i) many += "t" + std::to_string(i) + "=1;";
  EXPECT_EQ(TagList::parse(many).error().what, "more than 64 tags");
}

TEST(TagList, RawSpanAndSpacing) {
  const std::string_view text = "a=1; b = x y ;c=2";
  const auto list = TagList::parse(text);
  const Tag* b = list->find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->raw, " x y ");
  EXPECT_TRUE(b->spaced);
  EXPECT_EQ(b->raw.data(), text.data() + 8);
  EXPECT_EQ(list->find("d"), nullptr);
}

struct QuotedCase {
  const char* text;
  const char* expected;  // null = refused
};

constexpr QuotedCase kQuotedCases[] = {
    {"plain", "plain"}, {"a=20b=3D", "a b="}, {"a b\r\n c", "abc"},
    {"=3d", nullptr},   {"=4", nullptr},      {"=", nullptr},
};

TEST(QuotedPrintable, Rfc6376Section211) {
  for (const auto& c : kQuotedCases) {
    const auto got = decode_quoted_printable(c.text);
    ASSERT_EQ(got.ok(), c.expected != nullptr) << c.text;
    if (c.expected) {
      EXPECT_EQ(*got, c.expected) << c.text;
    }
  }
}

}  // namespace
}  // namespace gatepost::dkim
