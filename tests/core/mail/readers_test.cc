// Whom readers of mail would show: a row a trick.

#include "core/mail/readers.h"

#include <gtest/gtest.h>

namespace gatepost::mail {
namespace {

using Fields = std::vector<HeaderField>;

Fields from(std::string value) {
  return {{"From", std::move(value)}};
}

std::string octets(std::string_view text) {
  return std::string(text);
}

struct Case {
  const char* name;
  Fields fields;
  const char* agreed;  // the one domain, or null: they differ
  const char* text;    // stands in text()
};

const Case kCases[] = {
    {"plain", from(" a@b.example"), "b.example", ""},
    {"plain_with_a_name", from(" \"Doe, J.\" <a@b.example>"), "b.example", ""},
    {"name_folded_before_the_address", from(" A Very Long Name\r\n <a@b.example>"), "b.example",
     ""},
    {"capitals_and_dot_at_the_end", from(" <a@B.Example.>"), "b.example", ""},
    {"old_form_with_a_name_in_a_comment", from(" a@b.example (Ann)"), "b.example",
     "a@b.example (strict (RFC 5322), first address, last address, comments as text"},
    {"name_without_quotes_that_is_the_address", from(" a@b.example <a@b.example>"), "b.example",
     "a@b.example (first address, last address, address in brackets)"},
    {"address_in_a_quoted_name_is_no_author", from(" \"x@y.example\" <a@b.example>"), "b.example",
     ""},
    {"encoded_name_with_an_address", from(" =?utf-8?q?x=40y.example?= <a@b.example>"), "b.example",
     ""},
    {"two_mailboxes_at_one_domain", from(" a@b.example, c@b.example"), "b.example",
     "a@b.example (first address), c@b.example (last address)"},
    {"group_of_one", from(" G: a@b.example;"), "b.example", ""},
    {"u_label_and_a_label",
     {{"From",
       " a@b\xc3\xbc"
       "cher.example"},
      {"From", " a@xn--bcher-kva.example"}},
     "xn--bcher-kva.example",
     "(first address, last address"},

    {"two_mailboxes", from(" <a@b.example>, <c@d.example>"), nullptr, "a@b.example (first address"},
    {"mailbox_between_others", from(" a@b.example, c@d.example, e@b.example"), nullptr,
     "c@d.example (one of several)"},
    {"two_fields",
     {{"From", " a@b.example"}, {"From", " c@d.example"}},
     nullptr,
     "a@b.example (first address, last address, first From field without white space around its "
     "name), c@d.example (last From field, last From field, last address)"},
    {"space_before_the_name",
     {{" From", " a@b.example"}, {"From", " c@d.example"}},
     nullptr,
     "c@d.example (last From field, last From field, last address, first From field without white "
     "space around its name)"},
    {"space_behind_the_name",
     {{"From ", " a@b.example"}, {"From", " c@d.example"}},
     nullptr,
     "c@d.example (last From field"},
    {"group_of_two", from(" G: a@b.example, c@d.example;"), nullptr, "c@d.example (last address)"},
    {"address_as_group_name", from(" a@b.example: c@d.example;"), nullptr,
     "c@d.example (last address)"},
    {"address_in_a_comment", from(" (c@d.example) a@b.example"), nullptr,
     "c@d.example (comments as text, first address)"},
    {"domain_that_ends_in_a_comment", from(" a@b.example(.d.example)"), "b.example", ""},
    {"comment_around_the_at", from(" a@b.example(x) , (y@z.example)"), nullptr,
     "y@z.example (comments as text, last address)"},
    {"encoded_mailbox", from(" =?utf-8?B?PGFkbWluQGxlZ2l0aW1hdGUuY29tPg==?=,<second@attack.com>"),
     nullptr, "admin@legitimate.com (encoded words decoded)"},
    {"encoded_local_part", from(" =?utf-8?q?a=40b.example?=@d.example"), nullptr,
     "encoded words decoded"},
    {"nul_before_another_at", from(octets({" a@b.example\0@d.example", 23})), nullptr,
     "a@b.example (first address, cut at NUL"},
    {"nul_between_two", from(octets({" a@b.example\0 <c@d.example>", 27})), nullptr,
     "a@b.example (first address, cut at NUL, NUL dropped)"},
    {"nul_in_the_domain", from(octets({" a@b.example\0.d.example", 23})), nullptr,
     "a@b.example.d.example (NUL dropped)"},
    {"source_route", from(" <@b.example,@c.example:a@d.example>"), nullptr,
     "@b.example (source route as address)"},
    {"two_addresses_in_brackets", from(" <a@b.example><c@d.example>"), nullptr,
     "c@d.example (last address)"},
    {"quoted_pair_outside_of_quotes", from(" <a@b.example>\\,<c@d.example>"), nullptr,
     "c@d.example (last address)"},
    {"address_behind_the_brackets", from(" <a@b.example>c@d.example"), nullptr,
     "c@d.example (last address)"},
    {"name_without_quotes_that_is_another_address", from(" c@d.example <a@b.example>"), nullptr,
     "c@d.example (first address)"},
    {"quoted_local_part_with_an_at", from(" \"a@b.example\"@d.example"), nullptr,
     "strict (RFC 5322)"},
    {"two_ats", from(" a@b.example@d.example"), nullptr, "a@b.example (first address"},
    {"address_on_the_second_line", from(" <a@b.example>\r\n <c@d.example>"), nullptr,
     "a@b.example (first address, address in brackets, first line only)"},
    {"bare_lf_starts_a_field", from(" a@b.example\nFrom: c@d.example"), nullptr,
     "bare line break as the end of a field"},
    {"bare_cr_starts_a_field", from(" a@b.example\rFrom: c@d.example"), nullptr,
     "bare line break as the end of a field"},
    {"open_quote", from(" \"x <c@d.example>, a@b.example"), nullptr, "a@b.example (last address)"},
    {"sender_stands_in",
     {{"Sender", " a@b.example"}},
     nullptr,
     "a@b.example (Sender in place of From)"},
    {"resent_from_stands_in",
     {{"Resent-From", " <a@b.example>"}},
     nullptr,
     "a@b.example (Resent-From in place of From)"},
    {"nobody", {}, "", ""},
    {"empty", from(" "), "", ""},
    {"no_address", from(" John Doe"), "", ""},
    {"empty_group", from(" undisclosed:;"), "", ""},
};

class Readers : public ::testing::TestWithParam<Case> {};

TEST_P(Readers, Row) {
  const Case& row = GetParam();
  const ReadAuthor read = read_author(row.fields);
  const Readings& readings = read.readings;
  EXPECT_EQ(readings.differ, row.agreed == nullptr) << readings.text();
  EXPECT_EQ(readings.agreed_domain, row.agreed == nullptr ? "" : row.agreed) << readings.text();
  EXPECT_NE(readings.text().find(row.text), std::string::npos) << readings.text();
  // Strict alone says who is the author; the others only whether somebody would see another.
  const bool single = read.author.status == AuthorIdentity::single;
  if (!single || !readings.differ) {
    EXPECT_EQ(read.author.domain, readings.agreed_domain);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Readers, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Readers, MixedMailboxesAreNobodyEvenWhenTheirFirstAndLastAgree) {
  EXPECT_EQ(read_author(from(" a@b.example, c@d.example, e@b.example")).author.domain, "");
  EXPECT_EQ(read_author(from(" a@b.example, c@b.example, e@b.example")).author.domain, "b.example");
}

TEST(Readers, HostileValuesAreReadInLinearTimeAndShownEscaped) {
  for (const char* piece : {"@", "<", "(", "\"", "<a@b.example>", "=?utf-8?q?@?=", "\r\n ", "\n",
                            "\\", "a@(", "<@a,", "\"@"}) {
    std::string value;
    while (value.size() < 2 * kMaxReadOctets) value += piece;
    const ReadAuthor read = read_author(from(value));
    EXPECT_LE(read.readings.text().size(), 1700U) << piece;
  }
  const auto escapes = read_author(from(" a\x1b[31m@b.example, c@d\xff.example")).readings.text();
  EXPECT_EQ(escapes.find('\x1b'), std::string::npos) << escapes;
  EXPECT_EQ(escapes.find('\xff'), std::string::npos) << escapes;
}

TEST(Readers, ThousandsOfFieldsCostTheFirstAndTheLast) {
  Fields fields(10000, {"From", " a@b.example"});
  EXPECT_EQ(read_author(fields).readings.agreed_domain, "b.example");
  fields.push_back({"From", " c@d.example"});
  EXPECT_TRUE(read_author(fields).readings.differ);
}

struct NameCase {
  const char* name;
  const char* value;
  const char* shown;
};

const NameCase kNames[] = {
    {"no_address", " Ann <a@b.example>", ""},
    {"the_same_domain", " \"x@b.example\" <a@b.example>", ""},
    {"another_domain", " \"ceo@bank.example\" <a@b.example>", "bank.example"},
    {"via_a_list", " \"'Ann' via talk <ann@author.example>\" <talk@list.example>",
     "author.example"},
    {"encoded", " =?utf-8?q?ceo=40bank.example?= <a@b.example>", "bank.example"},
    {"a_twitter_name", " \"Ann (@ann)\" <a@b.example>", ""},
};

TEST(NameAddress, Table) {
  for (const NameCase& row : kNames) {
    EXPECT_EQ(name_address(row.value, author_identity(from(row.value))), row.shown) << row.name;
  }
}

}  // namespace
}  // namespace gatepost::mail
