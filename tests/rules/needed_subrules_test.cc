// Without the subrules that change nothing, the other rules hit as with all of them.

#include <random>

#include <gtest/gtest.h>

#include "rules/match_state.h"
#include "rules/regex.h"
#include "tests/rules/engine.h"
#include "tests/rules/random_pattern.h"

namespace gatepost::rules::test {
namespace {

std::string without_subrules(const MatchOutcome& outcome) {
  MatchOutcome out;
  for (const Hit& hit : outcome.hits) {
    if (!hit.rule->is_subrule()) out.hits.push_back(hit);
  }
  return names(out);
}

// At once and in two steps, as the daemon does it.
std::vector<MatchOutcome> with_needed_alone(const RuleSet& set, Subject subject) {
  subject.want_subrules = false;
  std::vector<MatchOutcome> out;
  out.push_back(set.match(subject));
  Subject first = subject;
  first.answers = nullptr;
  out.push_back(set.conclude(subject, set.scan(first)));
  return out;
}

class NeededSubrules : public testing::TestWithParam<unsigned> {};

TEST_P(NeededSubrules, ChangeNoOtherHit) {
  RandomPattern generate(GetParam());
  std::vector<Rule> rules;
  const auto name = [&](std::size_t number) {
    return (number % 3 == 0 ? "R" : "__S") + std::to_string(number);
  };
  // With a word the pattern shares a database, and PCRE2 looks at each piece that has it.
  constexpr const char* kWords[] = {"alpha", "beta", "gamma"};
  const auto word = [&] { return std::string(kWords[generate.below(3)]); };
  const auto text = [&] {
    return generate.below(2) == 0 ? generate.text() : generate.text() + word() + generate.text();
  };
  while (rules.size() < 90) {
    const std::string pattern =
        generate.below(2) == 0
            ? "/" + generate.pattern() + "/" + generate.modifiers()
            : "/(?<![" + std::string(generate.below(2) == 0 ? "a " : "bx") + "])" + word() + "/";
    const Rule probe = make_rule("P", RuleType::body, pattern);
    if (check_regex({probe.pattern.expression, false, false, false, false})) continue;
    if (rules.size() % 15 == 14) {
      Rule eval;
      eval.name = name(rules.size());
      eval.type = RuleType::eval;
      eval.eval = {rules.size() % 2 == 0 ? "check_for_spf_pass" : "check_for_missing_to_header",
                   {},
                   RuleType::header};
      rules.push_back(std::move(eval));
    } else if (rules.size() % 5 == 4) {
      rules.push_back(
          header_rule(name(rules.size()),
                      "Subject " + std::string(generate.below(3) == 0 ? "!~ " : "=~ ") + pattern));
    } else {
      const auto type =
          std::array{RuleType::body, RuleType::rawbody, RuleType::full}[generate.below(3)];
      Rule rule = make_rule(name(rules.size()), type, pattern);
      rules.push_back(generate.below(2) == 0 ? rule : multiple(rule, 1 + generate.below(4)));
    }
  }
  // Of rules and of metas before it.
  const auto operand = [&] {
    const std::string one =
        name(static_cast<std::size_t>(generate.below(static_cast<int>(rules.size()))));
    switch (generate.below(6)) {
      case 0:
        return "!" + one;
      case 1:
        return "(" + one + " > 1)";
      default:
        return one;
    }
  };
  while (rules.size() < 220) {
    constexpr const char* kOperators[] = {" && ", " && ", " && ", " || ", " + ", " - ", " * "};
    std::string meta = operand();
    for (int i = generate.below(4); i >= 0; --i)
      meta = "(" + meta + kOperators[generate.below(7)] + operand() + ")";
    if (generate.below(4) == 0) meta += " > " + std::to_string(generate.below(3));
    rules.push_back(meta_rule(name(rules.size()), meta));
  }
  MatchLimits limits;
  limits.pcre_match_limit = 10000000;
  limits.pcre_time = std::chrono::seconds(60);
  const auto set = compile_here(file_of(rules), limits);
  ASSERT_TRUE(set);
  std::size_t all = 0;
  std::size_t needed = 0;
  for (int round = 0; round < 60; ++round) {
    mail::Content content;
    std::vector<std::string> body(static_cast<std::size_t>(1 + generate.below(6)));
    for (std::string& piece : body) piece = text();
    content.body = pieces_of(body);
    content.rawbody = pieces_of({text(), text()});
    content.full = text() + text();
    const std::vector<mail::HeaderField> fields{{"Subject", " " + text()}};
    const Says says(round % 2 == 0);
    Subject subject{fields, content, "", false};
    subject.answers = &says;
    const MatchOutcome full = set->match(subject);
    for (const MatchOutcome& outcome : with_needed_alone(*set, subject)) {
      ASSERT_EQ(without_subrules(outcome), without_subrules(full)) << "round " << round;
      all += full.hits.size();
      needed += outcome.hits.size();
    }
  }
  EXPECT_LT(needed, all);
}

INSTANTIATE_TEST_SUITE_P(Seeds, NeededSubrules, testing::Range(1U, 13U));

struct Row {
  const char* name;
  const char* meta;
  std::size_t confirmations;  // runs of PCRE2
};

// The subrules A and B are there and need PCRE2, NONE is not there, YES is a rule that hits.
class Confirmations : public testing::TestWithParam<Row> {};

TEST_P(Confirmations, OnlyWhereAMetaCannotBeToldWithout) {
  const auto set = compile_here(
      file_of({make_rule("__A", RuleType::body, "/(?<=x)alpha/"),
               make_rule("__B", RuleType::body, "/(?<=x)beta/"),
               make_rule("__NONE", RuleType::body, "/gamma/"),
               make_rule("YES", RuleType::body, "/delta/"), meta_rule("META", GetParam().meta)}));
  ASSERT_TRUE(set);
  mail::Content content;
  content.body = pieces_of({"", "xalpha xbeta delta"});
  Subject subject{{}, content, "", false};
  EXPECT_EQ(set->match(subject).confirmations, 2U);
  subject.want_subrules = false;
  const MatchOutcome outcome = set->match(subject);
  EXPECT_EQ(outcome.confirmations, GetParam().confirmations);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Confirmations,
    testing::Values(Row{"not_named", "YES", 0}, Row{"named", "__A", 1},
                    Row{"one_side_is_not_there", "__A && __NONE", 0},
                    Row{"one_side_is_not_there_first", "__NONE && __A", 0},
                    Row{"the_other_side_is", "YES || __A", 0},
                    Row{"the_other_side_asks", "YES && __A", 1},
                    Row{"a_sum_that_cannot_be_reached", "__A + __B + __NONE > 2", 0},
                    Row{"a_sum_that_can", "__A + __B + YES > 2", 2},
                    Row{"a_sum_that_is_reached", "__A + YES > 0", 0},
                    Row{"negated", "!__A && __NONE", 0}, Row{"both", "__A && !__B", 2}),
    [](const auto& row) { return std::string(row.param.name); });

// More looks than may wait are made at once, and counted with those that waited.
TEST(NeededSubrules, WhatCannotWaitIsCountedToo) {
  constexpr std::size_t kPieces = kMostWaiting + 1000;
  const std::string count = std::to_string(kPieces);
  const auto set = compile_here(
      file_of({multiple(make_rule("__A", RuleType::body, "/(?<=x)alpha/")),
               meta_rule("ALL_OF_THEM", "__A == " + count), meta_rule("MORE", "__A > " + count),
               make_rule("OTHER", RuleType::body, "/beta/")}));
  ASSERT_TRUE(set);
  mail::Content content;
  content.body = pieces_of(std::vector<std::string>(kPieces, "xalpha beta"));
  Subject subject{{}, content, "", false};
  for (const MatchOutcome& outcome : with_needed_alone(*set, subject))
    EXPECT_EQ(without_subrules(outcome), "ALL_OF_THEM OTHER");
}

// A chain of metas is no chain of calls.
TEST(NeededSubrules, ALongChainOfMetasIsSettled) {
  std::vector<Rule> rules{make_rule("__M0", RuleType::body, "/(?<=x)alpha/")};
  constexpr int kLinks = 20000;
  for (int i = 1; i <= kLinks; ++i)
    rules.push_back(meta_rule("__M" + std::to_string(i), "__M" + std::to_string(i - 1)));
  rules.push_back(meta_rule("END", "__M" + std::to_string(kLinks)));
  const auto set = compile_here(file_of(std::move(rules)));
  ASSERT_TRUE(set);
  mail::Content content;
  content.body = pieces_of({"", "xalpha"});
  Subject subject{{}, content, "", false};
  subject.want_subrules = false;
  EXPECT_EQ(without_subrules(set->match(subject)), "END");
}

}  // namespace
}  // namespace gatepost::rules::test
