// The engine against PCRE2 alone, rule by rule and piece by piece: hits and counts must be equal.

#include <gtest/gtest.h>

#include "rules/regex.h"
#include "tests/rules/engine.h"
#include "tests/rules/random_pattern.h"

namespace gatepost::rules::test {
namespace {

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
  RandomPattern generate(GetParam());
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
