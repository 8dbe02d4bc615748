#include "rules/sequence_count.h"

#include <iterator>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "rules/lazy_regex.h"
#include "tests/rules/engine.h"

namespace gatepost::rules::test {
namespace {

struct Row {
  const char* name;
  const char* expression;
  bool caseless;
  bool is_counted;
};

const Row kRows[] = {
    {"octet", "e", false, true},
    {"octet_of_either_case", "e", true, true},
    {"class", "[aeiou]", false, true},
    {"octet_or_two", R"((?:e|\xc3[\xa8-\xab]|\xd0\xb5))", false, true},
    {"three_octets", R"(\xe2\x80[\x99\xa6])", false, true},
    {"word", "exit", false, true},
    {"long_word", "abcdef", false, false},
    {"overlapping", "aa", false, false},
    {"begins_within_another", "(?:ab|bc)", false, false},
    {"letter_case_overlaps", "aA", true, false},
    {"line_end", R"([\x09-\x0d])", false, false},
    {"anchor", "^e", false, false},
    {"boundary", R"(\be)", false, false},
    {"look_ahead", "e(?=x)", false, false},
    {"repeat", "e{2}", false, false},
    {"dot", ".", false, false},
    {"negated_class", "[^e]", false, false},
    {"back_reference", R"((e)\1)", false, false},
    {"option", "(?i)e", false, false},
    {"empty", "", false, false},
    {"empty_alternative", "(?:e|)", false, false},
};

class SequenceCounts : public testing::TestWithParam<Row> {};

// Counted as PCRE2 counts with /g.
TEST_P(SequenceCounts, AsPcreDoes) {
  const Row& row = GetParam();
  Pattern pattern;
  pattern.expression = row.expression;
  pattern.caseless = row.caseless;
  const auto counter = SequenceCount::make(expression_of(pattern));
  ASSERT_EQ(counter.has_value(), row.is_counted);
  if (!counter) return;
  std::mt19937 random(17);
  const std::string kPieces[] = {
      "e",        "E",    "a",    "A",        "exit",         "exi",      " ",    "\n",
      "\xc3\xa8", "\xc3", "\xa9", "\xd0\xb5", "\xe2\x80\x99", "\xe2\x80", "\xa6", "aa"};
  std::size_t found = 0;
  for (int turn = 0; turn < 300; ++turn) {
    std::string text;
    const std::size_t size = random() % 600;
    // Some of it long without an octet above 0x7f.
    while (text.size() < size)
      text += random() % 7 == 0 ? std::string(20, 'e') : kPieces[random() % std::size(kPieces)];
    const std::size_t count = counter->count(text);
    ASSERT_EQ(static_cast<int>(count), oracle_count(pattern, text)) << testing::PrintToString(text);
    found += count;
    const std::size_t at = counter->find(text);
    ASSERT_EQ(at == text.size(), count == 0);
    if (count == 0) continue;
    EXPECT_GE(oracle_count(pattern, text.substr(at, counter->size_at(text, at))), 1);
    EXPECT_EQ(oracle_count(pattern, text.substr(0, at)), 0);
  }
  EXPECT_GT(found, 10U);
}

INSTANTIATE_TEST_SUITE_P(Rows, SequenceCounts, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace gatepost::rules::test
