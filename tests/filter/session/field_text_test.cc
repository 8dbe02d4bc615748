#include "filter/session/field_text.h"

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"

namespace gatepost {
namespace {

struct TextCase {
  const char* name;
  std::string text;
  std::string value;
};

std::string times(int count, std::string_view text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

const TextCase kTexts[] = {
    {"plain", "a b", "a b"},
    {"nothing", "", ""},
    {"blanks", " \n \t\n", ""},
    {"lines", "a\nb", "a\n\tb"},
    {"empty_lines_go", "\n a \n\n\n b\n", "a\n\tb"},
    {"tabs_stay", "a\tb", "a\tb"},
    {"backslashes_stay", R"(a\b\\c)", R"(a\b\\c)"},
    {"a_field_of_its_own_is_none", "a\nX-Spam-Flag: NO", "a\n\tX-Spam-Flag: NO"},
    {"carriage_return", "a\rb\r\nc", "a\\x0db\n\tc"},
    {"controls_and_bidi", "\x1b[2J\xe2\x80\xae x\x7f", "\\x1b[2J\\xe2\\x80\\xae x\\x7f"},
    {"nul", std::string("a\0b", 3), "a\\x00b"},
    {"no_utf8", "a \xff b", "a \\xff b"},
    {"foreign_words_alone", "a gr\xc3\xbc\xc3\x9f b", "a =?utf-8?b?Z3LDvMOf?= b"},
    {"from_the_first_to_the_last", "\xc3\xbc b \xc3\x9f c", "=?utf-8?b?w7wgYiDDnw==?= c"},
    {"encoded_words_of_the_operator", "=?utf-8?q?x?= y", "=?utf-8?q?x?= y"},
    {"folded_at_blanks", times(10, "twelve oct. "),
     times(5, "twelve oct. ").substr(0, 59) + "\n\t" + times(5, "twelve oct. ").substr(0, 59)},
    {"folded_behind_commas", times(10, "ELEVEN_OCT,"),
     "ELEVEN_OCT,ELEVEN_OCT,ELEVEN_OCT,ELEVEN_OCT,ELEVEN_OCT,\n\tELEVEN_OCT,ELEVEN_OCT,ELEVEN_OCT,"
     "ELEVEN_OCT,ELEVEN_OCT,"},
    {"a_word_longer_than_a_line_may_be", times(1000, "x"),
     times(900, "x") + "\n\t" + times(100, "x")},
    {"too_much", times(300, times(10, "word") + "\n"),
     times(198, times(10, "word") + "\n\t").substr(0, 8192 / 42 * 42 - 2) + "\n\t..."},
};

TEST(FieldText, Folded) {
  for (const TextCase& row : kTexts) EXPECT_EQ(folded_text(row.text, 15), row.value) << row.name;
}

TEST(FieldText, MarksAreOneShortLine) {
  const TextCase kMarks[] = {
      {"plain", "[SPAM]", "[SPAM]"},
      {"lines_and_blanks", " a\n\t b \r\n", "a b"},
      {"controls", "a\x1b\x07", "a\\x1b\\x07"},
      {"nothing", " \n", ""},
      {"long", times(400, "x"), times(300, "x") + "..."},
      {"whole_characters", "x" + times(200, "\xc3\xbc"), "x" + times(149, "\xc3\xbc") + "..."},
  };
  for (const TextCase& row : kMarks) EXPECT_EQ(mark_text(row.text), row.value) << row.name;
}

struct MarkCase {
  const char* name;
  const char* mark;
  std::string value;     // as in the message
  const char* expected;  // null: it stands there
  MarkKind kind = MarkKind::text;
};

const MarkCase kMarks[] = {
    {"in_front", "[SPAM]", " hello", "[SPAM] hello"},
    {"no_blank_behind_the_colon", "[SPAM]", "hello", "[SPAM] hello"},
    {"many_blanks", "[SPAM]", " \t  hello", "[SPAM] hello"},
    {"empty_value", "[SPAM]", "", "[SPAM]"},
    {"blank_value", "[SPAM]", " \r\n ", "[SPAM]"},
    {"folds_stay", "[SPAM]", " a\r\n\tb\r\n c", "[SPAM] a\n\tb\n c"},
    {"fold_in_front", "[SPAM]", "\r\n hello", "[SPAM] hello"},
    {"bare_line_ends", "[SPAM]", " a\rb\nX: c", "[SPAM] a b X: c"},
    {"nul", "[SPAM]", std::string(" a\0b", 4), "[SPAM] a b"},
    {"not_twice", "[SPAM]", " [SPAM] hello", nullptr},
    {"not_twice_in_small_letters", "[SPAM]", " [spam] hello", nullptr},
    {"not_twice_alone", "[SPAM]", " [SPAM]", nullptr},
    {"not_twice_behind_a_fold", "[SPAM]", "\r\n [SPAM]\r\n hello", nullptr},
    {"not_twice_in_other_words", "[SPAM]", " =?utf-8?q?=5BSPAM=5D_hello?=", nullptr},
    {"a_word_that_begins_so", "SPAM", " SPAMMERS", "SPAM SPAMMERS"},
    {"inside_is_not_in_front", "[SPAM]", " Re: [SPAM] hello", "[SPAM] Re: [SPAM] hello"},
    {"foreign_mark", "[\xc3\x84]", " hello", "=?utf-8?b?W8OEXQ==?= hello"},
    {"foreign_mark_not_twice", "[\xc3\x84]", " =?utf-8?b?W8OEXQ==?= hello", nullptr},
    {"foreign_mark_before_foreign_text", "[\xc3\x84]",
     " =?utf-8?q?x?=", "=?utf-8?b?W8OEXSA=?= =?utf-8?q?x?="},
    {"raw_octets_stay", "[SPAM]", " gr\xfc\xdf", "[SPAM] gr\xfc\xdf"},
    {"long_first_line", "[SPAM]",
     " 0123456789012345678901234567890123456789012345678901234567890123456789",
     "[SPAM]\n 0123456789012345678901234567890123456789012345678901234567890123456789"},
    {"comment", "spam", " Ann <a@b.example>", "(spam) Ann <a@b.example>", MarkKind::comment},
    {"comment_not_twice", "spam", " (SPAM) Ann <a@b.example>", nullptr, MarkKind::comment},
    {"comment_before_what_does_not_end", "spam", " \"Ann (<a@b.example>",
     "(spam) \"Ann (<a@b.example>", MarkKind::comment},
    {"comment_in_brackets", "a (b) c)", " a@b.example", "(a [b] c]) a@b.example",
     MarkKind::comment},
    {"comment_in_a_list", "spam", " a@b.example,\r\n c@d.example",
     "(spam)\ta@b.example,\n c@d.example", MarkKind::comment_in_list},
    {"comment_in_a_list_not_twice", "spam", "\t(spam)\ta@b.example", nullptr,
     MarkKind::comment_in_list},
    {"comment_in_a_list_not_twice_with_a_space", "spam", " (spam) a@b.example", nullptr,
     MarkKind::comment_in_list},
    {"comment_with_backslash", "a\\", " a@b.example", "(a\\\\) a@b.example", MarkKind::comment},
    {"comment_with_backslash_not_twice", "a\\", " (a\\\\) a@b.example", nullptr, MarkKind::comment},
    {"foreign_comment", "\xc3\x84 )", " a@b.example", "(=?utf-8?b?w4Q=?= ]) a@b.example",
     MarkKind::comment},
};

TEST(FieldText, MarkStandsInFrontOnce) {
  for (const MarkCase& row : kMarks) {
    const auto value = with_mark(row.mark, row.kind, row.value, 9);
    ASSERT_EQ(value.has_value(), row.expected != nullptr) << row.name;
    if (!value) continue;
    EXPECT_EQ(*value, row.expected) << row.name;
    std::string again = " ";
    for (const char c : *value) again += c == '\n' ? "\r\n" : std::string(1, c);
    EXPECT_FALSE(with_mark(row.mark, row.kind, again, 9)) << row.name;
  }
}

}  // namespace
}  // namespace gatepost
