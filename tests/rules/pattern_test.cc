#include "rules/pattern.h"

#include <gtest/gtest.h>
#include <hs/hs.h>

#include "rules/needed_text.h"
#include "rules/regex.h"
#include "rules/shared_groups.h"

namespace gatepost::rules {
namespace {

Expression expression(const char* text, bool extended = false) {
  Expression e;
  e.text = text;
  e.extended = extended;
  return e;
}

struct RouteCase {
  const char* name;
  const char* expression;
  Route whole;   // one subject
  Route pieces;  // many in one buffer
};

constexpr RouteCase kRoutes[] = {
    {"literal", "foo", Route::exact, Route::exact},
    {"word_boundary", R"(\bfoo\b)", Route::exact, Route::exact},
    {"dot_never_takes_a_line_end", "a.{1,9}b", Route::exact, Route::exact},
    {"blank_class_may_cross", R"(foo\s+bar)", Route::exact, Route::confirm},
    {"negated_class_may_cross", "foo[^x]bar", Route::exact, Route::confirm},
    {"negated_class_without_line_end", R"(foo[^\nx]bar)", Route::exact, Route::exact},
    {"dot_with_option_s_may_cross", "(?s)foo.bar", Route::exact, Route::confirm},
    {"line_end_in_hex", R"(foo\x0abar)", Route::exact, Route::confirm},
    {"range_across_line_end", R"(foo[\t-\r]bar)", Route::exact, Route::confirm},
    {"begin", "^foo", Route::exact, Route::confirm},
    {"end", "foo$", Route::exact, Route::confirm},
    {"absolute_begin", R"(\Afoo)", Route::exact, Route::confirm},
    {"absolute_end", R"(foo\z)", Route::exact, Route::confirm},
    {"multiline_switched_off", "(?-m)^foo", Route::exact, Route::pcre_only},
    {"look_ahead", "foo(?=bar)", Route::confirm, Route::confirm},
    {"look_behind", "(?<!x)foo", Route::confirm, Route::confirm},
    {"back_reference", R"((ab+)c\1)", Route::confirm, Route::confirm},
    {"named_back_reference", R"((?<n>ab+)c\k<n>)", Route::confirm, Route::confirm},
    {"possessive", "ab++c", Route::confirm, Route::confirm},
    {"atomic", "(?>ab+)c", Route::confirm, Route::confirm},
    {"conditional", "(x)?(?(1)a|b)cde", Route::confirm, Route::confirm},
    {"keep_out", R"(foo\Kbar)", Route::confirm, Route::confirm},
    {"recursion", R"(\((?:[^()]|(?R))*\))", Route::pcre_only, Route::pcre_only},
    {"verb", "a(*SKIP)b", Route::pcre_only, Route::pcre_only},
    {"empty_match", "a*", Route::pcre_only, Route::pcre_only},
    {"catastrophic_is_linear_there", "(a+)+$", Route::exact, Route::confirm},
    {"unbalanced", "(foo", Route::invalid, Route::invalid},
    {"wrapping_trick", "a)(b", Route::invalid, Route::invalid},
    {"bad_range", "[z-a]", Route::invalid, Route::invalid},
    {"nothing_to_repeat", "*foo", Route::invalid, Route::invalid},
    {"code", "(?{ system('x') })", Route::unsupported, Route::unsupported},
    {"character_above_ff", R"(\x{20ac})", Route::unsupported, Route::unsupported},
};

class Routes : public testing::TestWithParam<RouteCase> {};

TEST_P(Routes, AreThoseOfTheTable) {
  const RouteCase& c = GetParam();
  const PatternPlan whole = plan_pattern({expression(c.expression), false, false});
  const PatternPlan pieces = plan_pattern({expression(c.expression), true, false});
  EXPECT_EQ(whole.route, c.whole) << whole.problem;
  EXPECT_EQ(pieces.route, c.pieces) << pieces.problem;
  EXPECT_EQ(whole.problem.empty(), c.whole != Route::invalid && c.whole != Route::unsupported);
}

INSTANTIATE_TEST_SUITE_P(Table, Routes, testing::ValuesIn(kRoutes),
                         [](const auto& row) { return std::string(row.param.name); });

struct TraitCase {
  const char* expression;
  bool extended;
  bool may_match_lf;
  bool has_anchor;
  bool has_wide_repeat;
  const char* rewritten;
};

constexpr TraitCase kTraits[] = {
    {R"(\Afoo\z)", false, false, true, false, "^foo$"},
    {R"(\\Afoo)", false, false, false, false, R"(\\Afoo)"},
    {R"([\Afoo])", false, true, false, false, R"([\Afoo])"},
    {R"(\Q\Afoo$\E.*)", false, false, false, true, R"(\Q\Afoo$\E.*)"},
    {"foo # ^ \\A is a comment\nbar", true, false, false, false, "foo # ^ \\A is a comment\nbar"},
    {"foo(?#^)bar", false, false, false, false, "foo(?#^)bar"},
    {"[]a]b", false, false, false, false, "[]a]b"},
    {"[^]a]b", false, true, false, false, "[^]a]b"},
    {"[[:alpha:]-]+", false, false, false, true, "[[:alpha:]-]+"},
    {"[[:space:]]", false, true, false, false, "[[:space:]]"},
    {"[^\\s]{1,3}", false, false, false, false, "[^\\s]{1,3}"},
    {"x{3,}a+", false, false, false, false, "x{3,}a+"},
    {".{0,30}", false, false, false, true, ".{0,30}"},
    {"a\\$b\\^", false, false, false, false, "a\\$b\\^"},
    {"(?s:a.b)", false, true, false, false, "(?s:a.b)"},
    {"\\cJ", false, true, false, false, "\\cJ"},
    {"\\c[x]", false, true, false, false, "\\c[x]"},
};

TEST(PatternTraits, AreThoseOfTheTable) {
  for (const TraitCase& c : kTraits) {
    const PatternTraits traits = traits_of(expression(c.expression, c.extended));
    EXPECT_EQ(traits.may_match_lf, c.may_match_lf) << c.expression;
    EXPECT_EQ(traits.has_anchor, c.has_anchor) << c.expression;
    EXPECT_EQ(traits.has_wide_repeat, c.has_wide_repeat) << c.expression;
    EXPECT_EQ(traits.with_line_anchors, c.rewritten) << c.expression;
  }
  EXPECT_EQ(traits_of(expression(R"(^a\$b$|c\z[$])")).without_end_anchors, R"(^a\$b(?:)|c(?:)[$])");
}

TEST(PatternTraits, OfAnyOctetsEnd) {
  for (const char* text :
       {"\\", "[", "[\\", "(?", "(?#", "\\Q", "{", "x{", "[[:", "[^", "\\x{", "(?s"})
    EXPECT_FALSE(traits_of(expression(text)).with_line_anchors.size() > 64) << text;
}

TEST(CheckRegex, SaysWhere) {
  const auto fault = check_regex(expression("abc[z-a]"));
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->offset, 6U);
  EXPECT_NE(fault->what.find("range out of order"), std::string::npos);
  EXPECT_TRUE(check_regex(expression(std::string(kMaxExpression + 1, 'a').c_str())));
}

// ---- expressions that are too large for PCRE2 ----

struct SharedCase {
  const char* name;
  const char* expression;
  const char* rewritten;  // null: nothing to share
};

// Calls of a group that begins with f, s or x.
#define CALL0 R"((?:(?=[\x66\x73\x78])(?&shared0)))"
#define CALL1 R"((?:(?=[\x66\x73\x78])(?&shared1)))"

constexpr SharedCase kShared[] = {
    {"twice", "(?:first|second|x)y(?:first|second|x)",
     "(?:" CALL0 "y" CALL0 ")(?(DEFINE)(?<shared0>first|second|x))"},
    {"counted", "(?:first|second|x){3}z", "(?:" CALL0 "{3}z)(?(DEFINE)(?<shared0>first|second|x))"},
    {"one_in_another", "(?:(?:first|second|x)a){2}",
     "(?:" CALL0 "{2})(?(DEFINE)(?<shared0>(?:first|second|x)a))"},
    {"both", "(?:(?:first|second|x)a){2}(?:first|second|x)",
     "(?:" CALL0 "{2}" CALL1 ")(?(DEFINE)(?<shared1>first|second|x)(?<shared0>" CALL1 "a))"},
    {"may_be_empty", "(?:first|second|x?)y(?:first|second|x?)",
     "(?:(?&shared0)y(?&shared0))(?(DEFINE)(?<shared0>first|second|x?))"},
    {"not_followed", "(?:first|\\second|x)y(?:first|\\second|x)",
     "(?:(?&shared0)y(?&shared0))(?(DEFINE)(?<shared0>first|\\second|x))"},
    {"once", "(?:first|second|x)y", nullptr},
    {"short", "(?:a|b)(?:a|b)", nullptr},
    {"with_a_capture_inside", "(?:first(second)|x)(?:first(second)|x)", nullptr},
    {"parenthesis_in_a_class", "(?:[()]first|second)(?:[()]first|second)",
     R"((?:(?:(?=[\x28-\x29\x73])(?&shared0))(?:(?=[\x28-\x29\x73])(?&shared0)))(?(DEFINE)(?<shared0>[()]first|second)))"},
    {"escaped_parenthesis", "(?:\\(first|second\\)x)(?:\\(first|second\\)x)",
     R"((?:(?:(?=[\x28\x73])(?&shared0))(?:(?=[\x28\x73])(?&shared0)))(?(DEFINE)(?<shared0>\(first|second\)x)))"},
    {"option_in_the_middle", "(?:first|second|x)(?i)(?:first|second|x)", nullptr},
    {"back_reference", "(a)(?:first|second|x)(?:first|second|x)\\1", nullptr},
    {"unbalanced", "(?:first|second|x)(?:first|second|x))", nullptr},
};

TEST(SharedGroups, AreThoseOfTheTable) {
  for (const SharedCase& c : kShared) {
    const auto shared = with_shared_groups(c.expression);
    ASSERT_EQ(shared.has_value(), c.rewritten != nullptr) << c.name;
    if (shared) {
      EXPECT_EQ(*shared, c.rewritten) << c.name;
    }
  }
}

TEST(SharedGroups, MakeLargeExpressionsFit) {
  std::string tag = "(?:[aA@]";
  for (int i = 0; i < 40; ++i) tag += "|[\\xc3][\\x80-\\x8" + std::to_string(i % 10) + "]";
  tag += ')';
  std::string word = "^(x)?";
  for (int i = 0; i < 60; ++i) word += tag + "+b";
  const Expression large = expression((word + '$').c_str());
  EXPECT_FALSE(check_regex(large)) << check_regex(large)->what;
  const auto regex = Regex::compile(large);
  ASSERT_TRUE(regex);
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += i % 2 == 0 ? "ab"
                       : "\xc3\x81"
                         "Ab";
  RegexRunner runner;
  runner.start({});
  EXPECT_EQ(runner.find(*regex, text), RegexRunner::Found::yes);
  EXPECT_EQ(runner.find(*regex, "b" + text), RegexRunner::Found::no);
}

// ---- words that a match needs ----

struct NeededCase {
  const char* name;
  const char* expression;
  const char* words;  // "a|b" in their order; "-" when the expression is not followed
  std::size_t least = 1;
};

constexpr NeededCase kNeeded[] = {
    {"literal", "Foobar", "foobar"},
    {"optional_part", "colou?rs", "colors|colours"},
    {"behind_an_optional_part", "(?:dear )?friend", "dear friend|friend"},
    {"behind_any_number", "x*friend", "friend"},
    {"star_is_not_once", "fx*oobar", "oobar"},
    {"open_count_from_nothing", "fx{0,}oobar", "oobar"},
    {"one_or_more", "ter+itory", "ritory"},
    {"counted", "(?:abcd){2}", "abcd", 2},
    {"counted_group", "(?:(?:name|phone)\\W{0,9}){3}", "name|phone", 3},
    {"counts_in_counts", "(?:(?:name\\W){2}x?){3}", "name", 6},
    {"open_count", "(?:name\\W){2,}", "name", 2},
    {"fewest_of_alternatives", "(?:name\\W){4}|phone\\d", "name|phone"},
    {"count_that_may_be_none", "(?:(?:name\\W){3})?quux", "quux"},
    {"alternatives", "one two|three", "one two|three"},
    {"alternative_without_a_word", "one two|\\w+", ""},
    {"empty_alternative", "(?:friend|)x", ""},
    {"longest_of_a_sequence", "foo\\s+barbaz\\s+qux", "barbaz"},
    {"too_short", "ab\\s+cd", ""},
    {"class_of_few", "[vw]iagra", "viagra|wiagra"},
    {"class_range", "[a-c]foobar", "afoobar|bfoobar|cfoobar"},
    {"class_of_many", "[a-g]foobar", "foobar"},
    {"negated_class", "[^a]foobar", "foobar"},
    {"dot", "foo.barb", "barb"},
    {"hex", "\\x66oobar", "foobar"},
    {"look_around_is_not_there", "(?<!x)foobar(?=quux)(?!y)", "foobar"},
    {"back_reference", "(foo)\\1barb", "barb"},
    {"options", "(?i)foobar", "foobar"},
    {"brace_that_is_none", "foo{x}", "foo{x}"},
    {"zero_times", "(?:foobar){0}quux", "quux"},
    {"recursion", "foobar(?R)?", "-"},
    {"condition", "(x)?(?(1)foobar|quux)", "-"},
    {"quoted", "\\Qfoo.bar\\E", "foo.bar"},
    {"verb", "foobar(*SKIP)x", "-"},
    {"octal", "\\055foobar", "-foobar"},
    {"octal_or_group", "\\12foobar", "foobar"},
    {"group_name_again", "(?<n>foo)\\k<n>barb", "-"},
    {"open", "(foobar", "-"},
};

TEST(NeededText, IsThatOfTheTable) {
  for (const NeededCase& c : kNeeded) {
    const auto needed = needed_text(expression(c.expression));
    std::string words = needed ? "" : "-";
    if (needed) {
      for (const std::string& word : needed->words) words += (words.empty() ? "" : "|") + word;
    }
    EXPECT_EQ(words, c.words) << c.name;
    if (needed) {
      EXPECT_EQ(needed->least, c.least) << c.name;
    }
  }
  EXPECT_FALSE(needed_text(expression(std::string(5000, '(').c_str())));
  EXPECT_GT(needed_text(expression("(?:(?:ab|cd){1,30}x){100}"))->states, 10000U);
}

// What is too much for Hyperscan is found by its words.
TEST(PatternPlan, LargeOnesAreFoundByTheirWords) {
  const PatternPlan plan =
      plan_pattern({expression("(?:(?:one|two)+[\\w ]{0,40}three.?){90}"), true, false});
  EXPECT_EQ(plan.route, Route::confirm);
  EXPECT_EQ(plan.hs_expression, "three");
  EXPECT_EQ(plan.least_reports, 90U);
}

// In a text of pieces PCRE2 may say no to the first report and yes to a later one.
TEST(PatternPlan, WhatIsConfirmedInPiecesIsReportedEachTime) {
  const PatternPlan exact = plan_pattern({expression("three +words"), true, false});
  ASSERT_EQ(exact.route, Route::exact);
  EXPECT_NE(exact.hs_flags & HS_FLAG_SINGLEMATCH, 0U) << "one hit is enough";
  for (void (*weaker)(PatternPlan&) : {use_words, use_approximation}) {
    PatternPlan plan = exact;
    weaker(plan);
    EXPECT_EQ(plan.route, Route::confirm);
    EXPECT_EQ(plan.hs_flags & HS_FLAG_SINGLEMATCH, 0U);
    plan = plan_pattern({expression("three +words"), false, false});
    weaker(plan);
    EXPECT_NE(plan.hs_flags & HS_FLAG_SINGLEMATCH, 0U) << "PCRE2 looks at the whole anyway";
  }
}

// ---- long subjects are searched in windows ----

TEST(RegexRunner, FindsTheSameInLongTexts) {
  struct Case {
    const char* expression;
    std::size_t begin;  // of the match behind 1,000 octets of "-"; npos: none
  };
  constexpr std::size_t kNone = std::string::npos;
  const std::string text = std::string(1000, '-') + "foo bar" + std::string(1000, '-') + "\n";
  const Case cases[] = {
      {"foo", 1000},
      {"-+foo", 0},
      {"(?<=-)foo bar(?=-)", 1000},
      {"^foo", kNone},
      {"^-+foo", 0},
      {"\\Afoo", kNone},
      {"\\Gfoo", kNone},
      {"(?:\\G|x)-", 0},
      {"(?:\\G|x)foo", kNone},
      {"bar-{1000}$", 1004},
      {"(o)\\1", 1001},
      {"(f)(o)(o)(?= )", 1000},
      {"x*$", text.size() - 1},
      {"[^-\\n]{7}", 1000},
      {"(?m)^$", kNone},
  };
  RegexRunner runner;
  for (const Case& c : cases) {
    const auto regex = Regex::compile(expression(c.expression));
    ASSERT_TRUE(regex) << c.expression;
    runner.start({});
    const auto found = runner.find(*regex, text);
    EXPECT_EQ(found == RegexRunner::Found::yes, c.begin != kNone) << c.expression;
    if (found == RegexRunner::Found::yes) {
      EXPECT_EQ(runner.begin(), c.begin) << c.expression;
    }
  }
}

}  // namespace
}  // namespace gatepost::rules
