// What is less than an expression (its tree, its spelled words, RE2's guard) must find it wherever
// PCRE2 does.

#include <gtest/gtest.h>

#include "rules/letter_scan.h"
#include "rules/pattern_tree.h"
#include "rules/regex.h"
#include "rules/regex_guard.h"
#include "tests/rules/random_pattern.h"

namespace gatepost::rules::test {
namespace {

constexpr std::uint32_t kRule = 7;

bool matches(const Expression& expression, std::string_view text) {
  const auto regex = Regex::compile(expression);
  RegexRunner runner;
  runner.start({10000000, 65536, 1000000, std::chrono::seconds(60)});
  return regex && runner.find(*regex, text) == RegexRunner::Found::yes;
}

bool scan_finds(const std::vector<SpelledWord>& words, std::string_view text) {
  LetterScan scan;
  scan.add(kRule, words);
  std::vector<std::uint32_t> found;
  scan.find(text, found);
  for (const std::uint32_t rule : found) EXPECT_EQ(rule, kRule);
  return !found.empty();
}

struct WordsCase {
  const char* name;
  const char* expression;
  std::vector<std::size_t> letters;  // of each word
};

const WordsCase kWords[] = {
    {"sets", "[pP][i1!][l|][l|]", {4}},
    {"too_short", "[pP][i1!][l|]", {}},
    {"eight_letters_at_most", "[ab][ab][ab][ab][ab][ab][ab][ab][ab][ab]", {8}},
    {"letters_of_several_octets", "(?:a|\\xc3[\\xa0-\\xa5])(?:b|\\xc3\\x9f)[cC][dD]", {4}},
    {"optional_between", "[vV]\\W?[i1]\\W{0,3}[a@]\\W?[g9]", {4}},
    {"repeated_letters", "[vV]{1,2}[i1]+[a@]{2}[g9]", {4}},
    {"wide_set_ends_a_word", "[ab][ab]\\w[cd][cd][cd][cd]", {4}},
    {"wide_gap_ends_a_word", "[ab][ab].{0,9}[cd][cd]", {}},
    {"the_longest_window", "[ab][ab][ab][ab]\\w[cd][cd][cd][cd][cd]", {5}},
    {"alternatives", "(?:[ab][ab][ab][ab]|[cd][cd][cd][cd][cd])$", {4, 5}},
    {"an_alternative_without", "(?:[ab][ab][ab][ab]|[cd])\\w", {}},
    {"optional_words_are_none", "(?:[ab][ab][ab][ab])?x", {}},
    {"repeated_word", "(?:[ab][ab][ab][ab]\\w)+", {4}},
    {"marks_and_looks_take_nothing", "\\b(?!abcd)[ab](?=b)[ab]^[ab]$[ab]\\b", {4}},
    {"back_reference", "([ab])[ab][ab][ab]\\1", {4}},
    {"back_reference_ends_a_word", "([ab])[ab]\\1[ab][ab]", {}},
};

class SpelledWords : public testing::TestWithParam<WordsCase> {};
TEST_P(SpelledWords, AreThoseOfTheTable) {
  std::vector<std::size_t> letters;
  for (const SpelledWord& word : spelled_words({GetParam().expression})) {
    letters.push_back(word.letters.size());
    EXPECT_EQ(word.between.size(), word.letters.size());
  }
  EXPECT_EQ(letters, GetParam().letters);
}
INSTANTIATE_TEST_SUITE_P(Table, SpelledWords, testing::ValuesIn(kWords),
                         [](const auto& row) { return std::string(row.param.name); });

struct FindCase {
  const char* name;
  const char* expression;
  const char* text;
  bool found;
};

constexpr FindCase kFinds[] = {
    {"plain", "[pP][i1!][l|][l|]", "a P1|l here", true},
    {"one_letter_off", "[pP][i1!][l|][l|]", "a P1x|l here", false},
    {"gap", "[vV]\\W{0,3}[i1]\\W?[a@][g9]", "v _*i- @9", false},
    {"gap_taken", "[vV]\\W{0,3}[i1]\\W?[a@][g9]", "v-*i @9", true},
    {"several_octets", "(?:a|\\xc3[\\xa0-\\xa5])[b][c][d]",
     "\xc3\xa1"
     "bcd",
     true},
    {"repeat", "[v]{1,2}[i1]+[a]{2}[g9]", "vviiiaag", true},
    {"entity", "(?:o|&#(?:4[78]|x[0-9a-f]{2});)[kK][aA][yY]", "&#x6f;kay", true},
    {"at_the_end", "[ab][ab][ab][ab]", "xxabab", true},
    {"empty", "[ab][ab][ab][ab]", "", false},
};

TEST(LetterScan, FindsWhatTheTableSays) {
  for (const FindCase& c : kFinds) {
    const auto words = spelled_words({c.expression});
    ASSERT_FALSE(words.empty()) << c.name;
    EXPECT_EQ(scan_finds(words, c.text), c.found) << c.name;
  }
}

TEST(LetterScan, OfManyRulesNamesEachThatIsThere) {
  LetterScan scan;
  constexpr std::uint32_t kRules = 200;  // several blocks
  const auto word_of = [](std::uint32_t rule) {
    std::string out = "q";
    for (int i = 0; i < 5; ++i, rule /= 4) out += "bcdf"[rule % 4];
    return out;
  };
  for (std::uint32_t rule = 0; rule < kRules; ++rule)
    scan.add(rule, spelled_words({word_of(rule)}));
  for (const std::uint32_t rule : {0U, 31U, 32U, 63U, 64U, 199U}) {
    std::vector<std::uint32_t> found;
    scan.find("text with " + word_of(rule) + " in it", found);
    EXPECT_EQ(found, std::vector<std::uint32_t>{rule});
  }
  EXPECT_EQ(scan.rules().size(), kRules);
}

// ---- the tree ----

struct TreeCase {
  const char* expression;
  const char* written;  // null: not followed
};

constexpr TreeCase kTrees[] = {
    {"a(?:b|c)d", "a(?:b|c)d"},
    {"a(?i)b|c(?-i:d)", "a(?:)[Bb]|[Cc](?:d)"},
    {"a(?i:b)c", "a(?:[Bb])c"},
    {"a{2}{3}", "(?:a{2}){3}"},
    {"a?b*?c++d{2,}e{3}f{0,2}", "a{0,1}b{0,}c{1,}d{2,}e{3}f{0,2}"},
    {"a{x}b", "a\\x7bx\\x7db"},
    {"[^\\n]|[a-c\\d]|[]x]|[a-\\d]", "[\\x00-\\x09\\x0b-\\xff]|[0-9a-c]|[\\x5dx]|[\\x2d0-9a]"},
    {"[[:digit:]_][[:^print:]]", "[0-9\\x5f][\\x00-\\x1f\\x7f-\\xff]"},
    {"\\Qa.b\\Ec", "a\\x2ebc"},
    {"\\x41\\x{42}\\101", "AB[\\x00-\\xff]{0,}"},
    {"\\x41\\x{42}\\012", "AB\\x0a"},
    {"x(?=y)z(?!a)(?<=b)(?<!c)$\\z\\Z\\B", "x(?:)z(?:)(?:)(?:)(?:)(?:)(?:)(?:)"},
    {"^a\\bb", "^a\\bb"},
    {"(?m)^a", "(?:)(?:)a"},
    {"(?<n>a)(?P<m>b)", "(?:a)(?:b)"},
    {"(?>a)", "(?:a)"},
    {"(a)\\1{2}\\12", "(?:a)(?:[\\x00-\\xff]{0,}){2}[\\x00-\\xff]{0,}"},
    {"(?<n>a)\\k<n>", nullptr},
    {"(?1)(a)", nullptr},
    {"a(?#c)*", nullptr},
    {"\\Qab\\E*", nullptr},
    {"a\\E*", nullptr},
    {"(?|a|b)", nullptr},
    {"(?x)a b", nullptr},
    {"\\pL", nullptr},
    {"a{,3}", nullptr},
    {"a(*SKIP)b", nullptr},
};

TEST(PatternTree, IsWrittenAsTheTableSays) {
  for (const TreeCase& c : kTrees) {
    const auto tree = read_pattern({c.expression}, false);
    EXPECT_EQ(tree.has_value(), c.written != nullptr) << c.expression;
    if (!tree || c.written == nullptr) continue;
    EXPECT_EQ(write_pattern(*tree), c.written) << c.expression;
  }
}

TEST(PatternTree, KnowsItsSizeAndWhetherItMayBeEmpty) {
  const auto states = [](const char* text) { return states_of(*read_pattern({text}, false)); };
  EXPECT_EQ(states("abc"), 3U);
  EXPECT_EQ(states("(?:ab|c){10}"), 30U);
  EXPECT_EQ(states("(?:ab)*c"), 5U);
  EXPECT_EQ(states("(?:(?:a{1000}){1000}){1000}"), 1000000U) << "not more is counted";
  const auto empty = [](const char* text) { return may_be_empty(*read_pattern({text}, false)); };
  EXPECT_TRUE(empty("") && empty("a*") && empty("a|") && empty("^\\b") && empty("(?:a?){3}"));
  EXPECT_FALSE(empty("a") || empty("a+") || empty("a|b") || empty("^a"));
}

TEST(PatternTree, OfAnyOctetsEnds) {
  EXPECT_FALSE(read_pattern({std::string(5000, '(')}, false));
  for (const char* text :
       {"(", ")", "[", "[a-", "[[:", "\\", "\\x{", "(?", "(?<", "(?i", "\\Q", "a{9"})
    (void)read_pattern({text}, false);
}

// ---- nothing that PCRE2 finds is missed ----

// Letters in sets, repeated, with gaps, of several octets.
std::string random_spelling(RandomPattern& generate) {
  static constexpr const char* kLetters[] = {
      "[ab]",       "a",         "[aA]",    "(?:a|\xc3[\xbc\xbd])",
      "(?:b|bc)",   "[bc]{1,2}", "c+",      "(?:\xc3\xbc)",
      "[\xc3\xbc]", "(?:a|b|x)", "[^c]{2}", "(?:(?:a|b){1,2})"};
  static constexpr const char* kBetween[] = {"", "", "", "\\s?", "[. ]*", "\\b", "(?=[abc])", "c?"};
  std::string out;
  const int letters = 4 + generate.below(4);
  for (int i = 0; i < letters; ++i) {
    out += kLetters[generate.below(std::size(kLetters))];
    out += kBetween[generate.below(std::size(kBetween))];
  }
  return out;
}

class NeverMisses : public testing::TestWithParam<unsigned> {};

TEST_P(NeverMisses, WhatPcreFinds) {
  RandomPattern generate(GetParam());
  int found = 0;
  for (int i = 0; i < 300; ++i) {
    const bool spelled = generate.below(2) == 0;
    const Expression e{spelled ? random_spelling(generate) : generate.pattern(),
                       generate.below(3) == 0, generate.below(3) == 0, generate.below(3) == 0,
                       false};
    const auto words = spelled_words(e);
    const auto guard = RegexGuard::make(e, 0);
    const auto tree = read_pattern(e, false);
    for (int round = 0; round < 30; ++round) {
      const std::string text = generate.text() + generate.text();
      if (!matches(e, text)) continue;
      ++found;
      EXPECT_TRUE(words.empty() || scan_finds(words, text)) << e.text << " on " << text;
      EXPECT_TRUE(!guard || guard->may_match(text)) << e.text << " on " << text;
      if (!tree) continue;
      const Expression written{write_pattern(*tree), false, e.multiline, false, false};
      EXPECT_TRUE(matches(written, text)) << e.text << " as " << written.text << " on " << text;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(found, 300);
}

INSTANTIATE_TEST_SUITE_P(Seeds, NeverMisses, testing::Range(1U, 9U));

// ---- RE2 before PCRE2 ----

std::string large(const std::string& tail) {
  std::string out = "(?:";
  for (int i = 0; i < 100; ++i) out += "word" + std::to_string(i) + "(?:ing|ed)?\\s|";
  return out + "x){1,2}" + tail;
}

TEST(RegexGuard, StandsBeforeLargeExpressionsAlone) {
  EXPECT_FALSE(RegexGuard::make({"abc"}));
  EXPECT_TRUE(RegexGuard::make({large("y")}));
  EXPECT_FALSE(RegexGuard::make({large("(?1)(y)")})) << "recursion is not followed";
  EXPECT_FALSE(RegexGuard::make({"(?:" + large("y") + ")?"})) << "it matches the empty text";
}

TEST(RegexGuard, LetsThroughWhatMayMatch) {
  const auto guard = RegexGuard::make({large("[yz](?!q)$"), true});
  ASSERT_TRUE(guard);
  EXPECT_TRUE(guard->may_match("a WORD17ed word3 Z"));
  EXPECT_TRUE(guard->may_match("xyq")) << "look-ahead is PCRE2's";
  EXPECT_FALSE(guard->may_match("word17 a y"));
  EXPECT_FALSE(guard->may_match(""));
}

TEST(RegexGuard, OfAnyTextTakesLinearTime) {
  // Each octet makes new states until there is no room; then the answer is that it may match.
  const auto guard = RegexGuard::make({"(?:[ab]{0,90}c[ab]{90}d|" + large("y") + ")z"});
  ASSERT_TRUE(guard);
  std::mt19937 random(1);
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "abc"[random() % 3];
  (void)guard->may_match(text);
  EXPECT_TRUE(guard->may_match("xyz"));
}

}  // namespace
}  // namespace gatepost::rules::test
