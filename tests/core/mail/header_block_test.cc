#include "core/mail/header_block.h"

#include <gtest/gtest.h>

namespace gatepost::mail {
namespace {

struct FileCase {
  const char* name;
  std::string raw;
  std::vector<HeaderField> fields;
  std::string body;
  MessageDefects defects;
};

const FileCase kFiles[] = {
    {"CRLF, RFC 5322 2.1", "A: b\r\nC:d\r\n\r\nx\r\ny", {{"A", " b"}, {"C", "d"}}, "x\r\ny", {}},
    {"LF becomes CRLF", "A: b\nC:\n\nx\ny\n", {{"A", " b"}, {"C", ""}}, "x\r\ny\r\n", {}},
    {"folds, RFC 5322 2.2.3", "A: b \n c\n\t d\n\n", {{"A", " b \r\n c\r\n\t d"}}, "", {}},
    {"fold with nothing before it", "A:\r\n b\r\n\r\n", {{"A", "\r\n b"}}, "", {}},
    {"fold of blanks only", "A: b\r\n \r\nC: d\r\n", {{"A", " b\r\n "}, {"C", " d"}}, "", {}},
    {"blank before the colon, RFC 5322 4.5.8", "A \t: b\n\n", {{"A \t", " b"}}, "", {}},
    {"mbox line goes", "From a@b Mon Jan  1 10:00:00 2024\nA: b\n\nx", {{"A", " b"}}, "x", {}},
    {"From with a blank is a field", "From : a@b\n\n", {{"From ", " a@b"}}, "", {}},
    {"no header", "\r\nx", {}, "x", {}},
    {"nothing", "", {}, "", {}},
    {"no body", "A: b", {{"A", " b"}}, "", {}},
    {"line without colon ends the header",
     "A: b\nhello\nC: d\n",
     {{"A", " b"}},
     "hello\r\nC: d\r\n",
     {.header_without_colon = true}},
    {"name folded before its colon is no field",
     "From\r\n : a@b\r\nFrom: c@d\r\n\r\n",
     {},
     "From\r\n : a@b\r\nFrom: c@d\r\n\r\n",
     {.header_without_colon = true}},
    {"first line starts with a blank",
     " From: a@b\r\nFrom: c@d\r\n\r\n",
     {},
     " From: a@b\r\nFrom: c@d\r\n\r\n",
     {.header_without_colon = true}},
    {"blank inside a name", "A b: c\n\n", {}, "A b: c\r\n\r\n", {.header_without_colon = true}},
    {"empty name", ": c\n", {}, ": c\r\n", {.header_without_colon = true}},
    {"8-bit name", "\xc3\xa4: c\n", {}, "\xc3\xa4: c\r\n", {.header_without_colon = true}},
    {"NUL in a value",
     std::string("A: \0\n\n", 6),
     {{"A", std::string(" \0", 2)}},
     "",
     {.header_nul = true}},
    {"NUL in the body", std::string("\n\0", 2), {}, std::string("\0", 1), {.body_nul = true}},
    {"bare CR in a value", "A: b\rc\n\n", {{"A", " b\rc"}}, "", {.header_bare_line_break = true}},
    {"bare CR in the body", "\r\na\rb\r\n", {}, "a\rb\r\n", {.body_bare_cr = true}},
    {"CR CR LF", "\r\na\r\r\n", {}, "a\r\r\n", {.body_bare_cr = true}},
    {"one LF among CRLF in the body",
     "A: b\r\n\r\na\nb\r\n",
     {{"A", " b"}},
     "a\r\nb\r\n",
     {.body_bare_lf = true}},
    {"LF in the body, CRLF in the header",
     "A: b\r\n\r\na\n",
     {{"A", " b"}},
     "a\r\n",
     {.body_bare_lf = true}},
    {"LF in the header, CRLF in the body",
     "A: b\n\na\r\n",
     {{"A", " b"}},
     "a\r\n",
     {.header_bare_line_break = true}},
    {"CR at the end", "\nb\r", {}, "b\r", {.body_bare_cr = true}},
};

TEST(ParseMessage, Rules) {
  for (const auto& c : kFiles) {
    const ParsedMessage message = parse_message(c.raw);
    EXPECT_TRUE(message.fields == c.fields) << c.name;
    EXPECT_EQ(message.body, c.body) << c.name;
    EXPECT_TRUE(message.defects == c.defects) << c.name;
  }
}

TEST(ParseMessage, Limits) {
  const std::string raw = "A: 1\nB: 2\n 3\nC: 4\n\nbody";
  const ParsedMessage two = parse_message(raw, {.max_header_fields = 2});
  EXPECT_EQ(two.fields.size(), 2U);
  EXPECT_TRUE(two.defects.header_limit);
  EXPECT_EQ(two.body, "body");
  // A is 3 octets, B with its fold 7.
  const ParsedMessage nine = parse_message(raw, {.max_header_bytes = 9});
  EXPECT_EQ(nine.fields.size(), 1U);
  EXPECT_TRUE(nine.defects.header_limit);
  EXPECT_EQ(nine.body, "body");
  EXPECT_EQ(parse_message(raw, {.max_header_bytes = 10}).fields.size(), 2U);
  EXPECT_FALSE(parse_message(raw, {.max_header_bytes = 13}).defects.header_limit);
}

TEST(FromMilter, FoldsBecomeCrlf) {
  EXPECT_TRUE(from_milter("A", " b\n c\n\td") == (HeaderField{"A", " b\r\n c\r\n\td"}));
  EXPECT_TRUE(from_milter("A", " b\r\n c") == (HeaderField{"A", " b\r\n c"}));
  EXPECT_TRUE(from_milter("A", "b\nc\n") == (HeaderField{"A", "b\nc\n"}));
  EXPECT_TRUE(from_milter("A", "\n b") == (HeaderField{"A", "\r\n b"}));
}

}  // namespace
}  // namespace gatepost::mail
