// rewrite_header, add_header, remove_header, clear_headers: what they leave, and what is told.

#include <gtest/gtest.h>

#include "rules/header_changes.h"
#include "rules/parse.h"

namespace gatepost::rules {
namespace {

RuleFile read(std::string text) {
  const Source source{"r.cf", std::move(text)};
  return parse({&source, 1}, {});
}

std::string told(const RuleFile& file) {
  std::string out;
  for (const Diagnostic& d : file.diagnostics) {
    if (!out.empty()) out += '\n';
    out += std::string(to_string(d.severity)) + " " + d.place.text() + " " + d.what;
  }
  return out;
}

std::string_view word(HeaderTag tag) {
  switch (tag) {
    case HeaderTag::yes_no:
      return "yes_no";
    case HeaderTag::yes_no_caps:
      return "yes_no_caps";
    case HeaderTag::score:
      return "score";
    case HeaderTag::required:
      return "required";
    case HeaderTag::tests:
      return "tests";
    case HeaderTag::tests_scores:
      return "tests_scores";
    case HeaderTag::subtests:
      return "subtests";
    case HeaderTag::stars:
      return "stars";
    case HeaderTag::report:
      return "report";
    case HeaderTag::summary:
      return "summary";
    case HeaderTag::host_name:
      return "host_name";
    case HeaderTag::version:
      return "version";
    case HeaderTag::subversion:
      return "subversion";
    case HeaderTag::date:
      return "date";
    case HeaderTag::sender_domain:
      return "sender_domain";
    case HeaderTag::author_domain:
      return "author_domain";
  }
  return "?";
}

// "{score:0} of {required}"
std::string shown(const HeaderTemplate& text) {
  std::string out;
  for (const auto& piece : text.pieces) {
    if (!piece.tag) {
      out += piece.text;
      continue;
    }
    out += "{" + std::string(word(*piece.tag)) + (piece.text.empty() ? "" : ":") + piece.text + "}";
  }
  return out;
}

// "Name=text|Name=text -Name": what is added and which names are taken away.
std::string shown(const HeaderChanges::Kind& kind) {
  std::string out;
  for (const AddedField& field : kind.added) {
    if (!out.empty()) out += '|';
    out += field.name.substr(HeaderChanges::kPrefix.size()) + "=" + shown(field.text);
  }
  for (const std::string& name : kind.removed)
    out += " -" + name.substr(HeaderChanges::kPrefix.size());
  return out;
}

struct TextCase {
  const char* name;
  const char* text;  // behind "add_header all X "
  const char* parsed;
};

constexpr TextCase kTexts[] = {
    {"plain", "hello", "hello"},
    {"yesno", "_YESNO_", "{yes_no}"},
    {"yesno_words", "_YESNO(spam,fine)_", "{yes_no:spam,fine}"},
    {"yesnocaps", "_YESNOCAPS_", "{yes_no_caps}"},
    {"score", "_SCORE_", "{score}"},
    {"score_pad", "_SCORE(00)_", "{score:00}"},
    {"hits_is_score", "_HITS_", "{score}"},
    {"reqd", "_REQD_ _REQUIRED_", "{required} {required}"},
    {"tests", "_TESTS_ _TESTS( )_", "{tests} {tests: }"},
    {"testsscores", "_TESTSSCORES(;)_", "{tests_scores:;}"},
    {"subtests", "_SUBTESTS_", "{subtests}"},
    {"stars", "_STARS(*)_", "{stars:*}"},
    {"report", "_REPORT_ _SUMMARY_", "{report} {summary}"},
    {"host", "_HOSTNAME_", "{host_name}"},
    {"version", "_VERSION_ (_SUBVERSION_)", "{version} ({subversion})"},
    {"date", "_DATE_", "{date}"},
    {"domains", "_SENDERDOMAIN_ _AUTHORDOMAIN_", "{sender_domain} {author_domain}"},
    {"side_by_side", "_SCORE__REQD_", "{score}{required}"},
    {"text_around", "a_SCORE_b", "a{score}b"},
    {"the_longest_name_that_ends", "_SCORE_REQD x", "{score}REQD x"},
    {"parenthesis_in_an_argument", "_STARS())_", "{stars:)}"},
    {"argument_without_end", "_STARS(x", "_STARS(x"},
    {"argument_without_underscore", "_STARS(x) y", "_STARS(x) y"},
    {"small_letters_are_text", "_score_ _Score_", "_score_ _Score_"},
    {"one_underscore", "_ a_b _", "_ a_b _"},
    {"no_name", "__ _()_ _1_", "__ _()_ _1_"},
    {"line_break_and_tab", R"(a\nb\tc)", "a\nb\tc"},
    {"backslash", R"(a\\nb)", R"(a\nb)"},
    {"other_escapes_go_with_their_character", R"(a\qb)", "ab"},
    {"backslash_before_a_tag", R"(a\_SCORE_)", "aSCORE_"},
    {"escapes_in_an_argument", R"(_TESTS(\n)_)", "{tests:\n}"},
    {"quotes_around_it_go", R"("a b")", "a b"},
    {"quotes_inside_stay", R"(a "b" c)", R"(a "b" c)"},
    {"comment", R"(a # b)", "a"},
    {"number_sign", R"(a \# b)", "a # b"},
    {"continued", "a \\\n   b", "a b"},
    {"octets", "gr\xc3\xbc\xc3\x9f \xff", "gr\xc3\xbc\xc3\x9f \xff"},
};

TEST(HeaderLines, Texts) {
  for (const TextCase& row : kTexts) {
    const RuleFile file = read(std::string("add_header all X ") + row.text + "\n");
    EXPECT_EQ(told(file), "") << row.name;
    const HeaderChanges& header = file.settings.header;
    ASSERT_EQ(header.spam.added.size(), 1U) << row.name;
    EXPECT_EQ(shown(header.spam.added[0].text), row.parsed) << row.name;
    EXPECT_EQ(header.spam, header.ham) << row.name;
  }
}

struct LinesCase {
  const char* name;
  const char* text;
  const char* spam;
  const char* ham;
};

constexpr LinesCase kLines[] = {
    {"spam_only", "add_header spam Flag _YESNOCAPS_\n", "Flag={yes_no_caps}", ""},
    {"ham_only", "add_header ham Fine yes\n", "", "Fine=yes"},
    {"in_their_order", "add_header all B 1\nadd_header all A 2\n", "B=1|A=2", "B=1|A=2"},
    {"again_goes_to_the_end", "add_header all A 1\nadd_header all B 2\nadd_header all a 3\n",
     "B=2|a=3", "B=2|a=3"},
    {"again_for_one_kind", "add_header all A 1\nadd_header ham A 2\n", "A=1", "A=2"},
    {"removed", "add_header all A 1\nremove_header all a\n", " -a", " -a"},
    {"removed_of_one_kind", "add_header all A 1\nremove_header ham A\n", "A=1", " -A"},
    {"added_after_it_was_removed", "remove_header all A\nadd_header all A 1\n", "A=1 -A", "A=1 -A"},
    {"cleared", "add_header all A 1\nclear_headers\nadd_header all B 2\n", "B=2", "B=2"},
    {"clear_takes_back_no_removal", "remove_header all A\nclear_headers\n", " -A", " -A"},
};

TEST(HeaderLines, AddRemoveAndClear) {
  for (const LinesCase& row : kLines) {
    const RuleFile file = read(row.text);
    EXPECT_EQ(told(file), "") << row.name;
    EXPECT_EQ(shown(file.settings.header.spam), row.spam) << row.name;
    EXPECT_EQ(shown(file.settings.header.ham), row.ham) << row.name;
  }
}

TEST(HeaderLines, Rewrite) {
  const HeaderChanges header =
      read(R"(rewrite_header Subject [SPAM _SCORE(0)_] a\nb)"
           "\nrewrite_header FROM gone\nrewrite_header to (spam)\nrewrite_header from\n")
          .settings.header;
  ASSERT_TRUE(header.subject);
  EXPECT_EQ(shown(*header.subject), R"([SPAM {score:0}] a\nb)");
  EXPECT_FALSE(header.from);
  ASSERT_TRUE(header.to);
  EXPECT_EQ(shown(*header.to), "(spam)");
  EXPECT_TRUE(header.rewrites());
  EXPECT_TRUE(header.uses(HeaderTag::score));
  EXPECT_FALSE(header.uses(HeaderTag::subtests));
  EXPECT_TRUE(read("add_header ham A _SUBTESTS_\n").settings.header.uses(HeaderTag::subtests));
  EXPECT_TRUE(read("body A /a/\n").settings.header.empty());
  EXPECT_TRUE(read("add_header all A 1\nclear_headers\n").settings.header.empty());
}

TEST(HeaderLines, NamesOfFields) {
  const HeaderChanges header =
      read("add_header spam One 1\nremove_header ham Two\n").settings.header;
  EXPECT_TRUE(header.names("X-Spam-One"));
  EXPECT_TRUE(header.names("x-spam-two"));
  EXPECT_FALSE(header.names("X-Spam-Three"));
  EXPECT_FALSE(header.names("One"));
  EXPECT_TRUE(HeaderChanges::names(header.spam, "X-SPAM-ONE"));
  EXPECT_FALSE(HeaderChanges::names(header.ham, "X-Spam-One"));
}

struct FaultCase {
  const char* name;
  std::string text;
  std::string told;
};

const FaultCase kFaults[] = {
    {"rewrite_nothing", "rewrite_header",
     "error r.cf:1:15 rewrite_header: expected subject, from or to"},
    {"rewrite_other_field", "rewrite_header Sender x",
     "error r.cf:1:16 rewrite_header: expected subject, from or to, found 'Sender'"},
    {"add_nothing", "add_header", "error r.cf:1:11 add_header: expected spam, ham or all"},
    {"add_to_others", "add_header SPAM A x",
     "error r.cf:1:12 add_header: expected spam, ham or all, found 'SPAM'"},
    {"add_without_name", "add_header all",
     "error r.cf:1:15 add_header: expected the name of a field behind X-Spam-, letters, digits, - "
     "and _"},
    {"add_bad_name", "add_header all A:B x",
     "error r.cf:1:16 add_header: expected the name of a field behind X-Spam-, letters, digits, - "
     "and _, found 'A:B'"},
    {"add_hostile_name", "add_header all A\x1b[2J x",
     "error r.cf:1:16 add_header: expected the name of a field behind X-Spam-, letters, digits, - "
     "and _, found 'A\\x1b[2J'"},
    {"add_long_name", "add_header all " + std::string(61, 'A') + " x",
     "error r.cf:1:16 add_header: expected the name of a field behind X-Spam-, letters, digits, - "
     "and _, found '" +
         std::string(61, 'A') + "'"},
    {"add_without_text", "add_header all A",
     "error r.cf:1:17 add_header: expected the text of the field behind its name"},
    {"add_long_text", "add_header all A " + std::string(2001, 'x'),
     "error r.cf:1:18 add_header: expected a text of at most 2000 octets"},
    {"remove_and_text", "remove_header all A x",
     "error r.cf:1:21 remove_header: expected nothing behind the name of the field"},
    {"remove_without_kind", "remove_header A",
     "error r.cf:1:15 remove_header: expected spam, ham or all, found 'A'"},
    {"clear_and_text", "clear_headers all",
     "error r.cf:1:15 clear_headers: expected nothing behind it"},
    {"prefix_twice", "add_header all X-Spam-A x",
     "warning r.cf:1:16 add_header: the field is named X-Spam-X-Spam-A, X-Spam- comes by itself"},
    {"unsupported_tag", "add_header all A autolearn=_AUTOLEARN_",
     "unsupported r.cf:1:28 the tag _AUTOLEARN_ is not supported and stays empty"},
    {"unsupported_tag_with_argument", "rewrite_header subject _HEADER(From)_",
     "unsupported r.cf:1:24 the tag _HEADER_ is not supported and stays empty"},
    {"unsupported_tags_each_once",
     "add_header all A _BAYES_ _BAYES_\nadd_header all B \\\\ _RBL_ _BAYES_",
     "unsupported r.cf:1:18 the tag _BAYES_ is not supported and stays empty (3 lines, this is the "
     "first)\nunsupported r.cf:2:21 the tag _RBL_ is not supported and stays empty"},
    {"unknown_tag", "rewrite_header subject _SPAM_ x",
     "warning r.cf:1:24 rewrite_header: _SPAM_ is no tag and stays as text"},
    {"did_you_mean", "add_header all A \"_SCRE_\"",
     "warning r.cf:1:19 add_header: _SCRE_ is no tag and stays as text, did you mean _SCORE_?"},
    {"names_run_on", "add_header all A _YESNO_SCORE_",
     "warning r.cf:1:18 add_header: _YESNO_SCORE_ is no tag and stays as text"},
    {"long_argument", "add_header all A _STARS(" + std::string(101, 'x') + ")_",
     "error r.cf:1:18 add_header: expected at most 100 octets in the parentheses of _STARS_"},
    {"place_behind_escapes", R"(add_header all A \n\t\\ _BAYES_)",
     "unsupported r.cf:1:25 the tag _BAYES_ is not supported and stays empty"},
};

TEST(HeaderLines, Faults) {
  for (const FaultCase& row : kFaults) EXPECT_EQ(told(read(row.text + "\n")), row.told) << row.name;
}

TEST(HeaderLines, UnknownTagsStayAsText) {
  const RuleFile file = read("add_header all A _SPAM_ _BAYES_.\n");
  EXPECT_EQ(shown(file.settings.header.spam), "A=_SPAM_ .");
}

TEST(HeaderLines, FieldsAreBounded) {
  for (const char* line : {"add_header ham ", "remove_header ham "}) {
    std::string text;
    for (std::size_t i = 0; i <= HeaderChanges::kMaxFields; ++i)
      text += line + ("N" + std::to_string(i)) + (line[0] == 'a' ? " x\n" : "\n");
    const RuleFile file = read(text);
    const std::string name(line, std::string_view(line).find(' '));
    EXPECT_EQ(told(file), "error r.cf:51:1 " + name + ": more than 50 fields");
  }
}

}  // namespace
}  // namespace gatepost::rules
