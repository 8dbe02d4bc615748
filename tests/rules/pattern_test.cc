#include "rules/pattern.h"

#include <gtest/gtest.h>

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
    {"keep_out", R"(foo\Kbar)", Route::pcre_only, Route::pcre_only},
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

}  // namespace
}  // namespace gatepost::rules
