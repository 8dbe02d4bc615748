// The engine against PCRE2 alone, rule by rule and piece by piece: hits and counts must be equal.

#include <random>

#include <gtest/gtest.h>

#include "rules/regex.h"
#include "tests/rules/engine.h"

namespace gatepost::rules::test {
namespace {

// Small alphabets on both sides, so that matches, near misses and matches across pieces are common.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  std::string pattern(int depth = 3) {
    std::string out;
    const int items = 1 + below(4);
    for (int i = 0; i < items; ++i) out += item(depth);
    if (below(6) == 0) out += "|" + item(depth);
    return out;
  }

  std::string modifiers() {
    std::string out;
    for (const char c : {'i', 'm', 's'}) {
      if (below(3) == 0) out += c;
    }
    return out;
  }

  std::string text() {
    static constexpr char kLetters[] = "aabbcAB x\n .\xc3\xbc";
    std::string out;
    const int size = below(24);
    for (int i = 0; i < size; ++i) out += kLetters[below(sizeof kLetters - 1)];
    return out;
  }

 private:
  std::string item(int depth) {
    static constexpr const char* kAtoms[] = {
        "a",     "b",    "c",      "ab",     "a b",    ".",   "\\s",   "\\w",     "\\W",
        "\\S",   "[ab]", "[^a]",   "[^\\n]", "\\n",    "x",   "\\xc3", "[\\t-c]", "[^\\w]",
        "\\b",   "^",    "$",      "\\A",    "\\z",    "\\Z", "\\B",   "(?i:A)",  "[[:space:]]",
        "\\x0a", "\\d",  "[a-c ]", "\\.",    "(?s:.)", "\\h", "\\R",   "\\x{62}", "[\\w\\s]"};
    std::string out;
    const int kind = depth > 0 ? below(12) : 0;
    if (kind < 8) {
      out = kAtoms[below(std::size(kAtoms))];
      if (out == "^" || out == "$") return out;
      const bool no_width =
          out[0] == '\\' && std::string_view("bABzZ").find(out[1]) != std::string_view::npos;
      if (no_width) return out;
    } else if (kind == 8) {
      out = "(" + pattern(depth - 1) + ")";
    } else if (kind == 9) {
      out = "(?:" + pattern(depth - 1) + ")";
    } else if (kind == 10) {
      static constexpr const char* kLooks[] = {"(?=", "(?!"};
      return kLooks[below(2)] + pattern(depth - 1) + ")";
    } else {
      static constexpr const char* kBehind[] = {"(?<=a)", "(?<!b)", "(?<!\\n)",
                                                "(?>a+)", "a++",    "(a|b)\\1"};
      return below(2) == 0 ? kBehind[below(5)] : std::string("(?:") + "(?<q>a|b)\\k<q>" + ")";
    }
    static constexpr const char* kRepeats[] = {"",  "",   "",    "*",     "+",
                                               "?", "+?", "{2}", "{1,3}", "{0,2}?"};
    return out + kRepeats[below(std::size(kRepeats))];
  }

  std::mt19937 random_;
};

int expected_count(const Rule& rule, const mail::Content& content) {
  if (rule.type == RuleType::full) return oracle_count(rule.pattern, content.full);
  const mail::PieceText& text = rule.type == RuleType::body ? content.body : content.rawbody;
  int count = 0;
  for (std::size_t i = 0; i < text.pieces.size(); ++i) {
    const int here = oracle_count(rule.pattern, std::string(text.piece(i)) + '\n');
    if (here < 0) return -1;
    count += here;
  }
  return count;
}

void compare(const RuleFile& file, const RuleSet& set, const mail::Content& content) {
  std::vector<int> got(file.rules.size());
  for (const Hit& hit : set.match({{}, content, "", false}).hits)
    got[static_cast<std::size_t>(hit.rule - set.rules().data())] = hit.count;
  for (std::size_t i = 0; i < file.rules.size(); ++i) {
    const Rule& rule = file.rules[i];
    int expected = expected_count(rule, content);
    if (expected < 0) continue;
    if (!rule.flags.multiple) expected = std::min(expected, 1);
    ASSERT_EQ(got[i], expected) << to_string(rule.type) << " /" << rule.pattern.expression << "/"
                                << (rule.pattern.caseless ? "i" : "")
                                << (rule.pattern.multiline ? "m" : "")
                                << (rule.pattern.dotall ? "s" : "") << " on "
                                << testing::PrintToString(rule.type == RuleType::full ? content.full
                                                          : rule.type == RuleType::body
                                                              ? content.body.text
                                                              : content.rawbody.text);
  }
}

class Differential : public testing::TestWithParam<unsigned> {};

TEST_P(Differential, RandomPatternsAndTexts) {
  Generator generate(GetParam());
  std::vector<Rule> rules;
  for (int i = 0; rules.size() < 150; ++i) {
    const std::string pattern = "/" + generate.pattern() + "/" + generate.modifiers();
    const Rule probe = make_rule("P", RuleType::body, pattern);
    if (check_regex({probe.pattern.expression, false, false, false, false})) continue;
    const auto type =
        std::array{RuleType::body, RuleType::rawbody, RuleType::full}[generate.below(3)];
    Rule rule = make_rule("R" + std::to_string(i), type, pattern);
    rules.push_back(generate.below(2) == 0 ? rule : multiple(rule));
  }
  const RuleFile file = file_of(rules);
  MatchLimits limits;
  limits.pcre_match_limit = 10000000;
  limits.pcre_time = std::chrono::seconds(60);
  const auto set = compile_here(file, limits);
  ASSERT_TRUE(set);
  for (int round = 0; round < 60; ++round) {
    mail::Content content;
    std::vector<std::string> body(static_cast<std::size_t>(generate.below(6)));
    for (std::string& piece : body) piece = generate.text();
    std::vector<std::string> rawbody(static_cast<std::size_t>(generate.below(4)));
    for (std::string& piece : rawbody) piece = generate.text();
    content.body = pieces_of(body);
    content.rawbody = pieces_of(rawbody);
    content.full = generate.text() + generate.text();
    compare(file, *set, content);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Differential, testing::Range(1U, 13U));

}  // namespace
}  // namespace gatepost::rules::test
