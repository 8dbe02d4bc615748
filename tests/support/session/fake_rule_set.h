#pragma once
// Rules without an engine: each hits where its pattern stands as a plain text.

#include <string>
#include <utility>
#include <vector>

#include "rules/rule_set.h"

namespace gatepost::test {

/// header rules look for their text in the whole header, body and rawbody rules in the pieces, full
/// rules in the message; meta rules always hit.
class FakeRuleSet final : public rules::RuleSet {
 public:
  explicit FakeRuleSet(std::vector<rules::Rule> rules, std::string hash = "fa4e")
      : rules_(std::move(rules)), hash_(std::move(hash)) {}

  rules::MatchOutcome match(const rules::Subject& subject) const override {
    rules::MatchOutcome outcome;
    outcome.budget_exceeded = budget_exceeded;
    for (const rules::Rule& rule : rules_) {
      rules::Hit hit{&rule, count(rule, subject), rule.pattern.expression};
      if (hit.count > 0) outcome.hits.push_back(std::move(hit));
    }
    return outcome;
  }
  rules::PartialMatch scan(const rules::Subject& subject) const override {
    rules::PartialMatch partial;
    for (const rules::Hit& hit : match(subject).hits) {
      partial.values.push_back({static_cast<std::uint32_t>(hit.rule - rules_.data()),
                                static_cast<double>(hit.count), hit.matched});
    }
    partial.limited = budget_exceeded ? 1 : 0;
    return partial;
  }
  rules::MatchOutcome conclude(const rules::Subject&, rules::PartialMatch scanned) const override {
    rules::MatchOutcome outcome;
    outcome.budget_exceeded = scanned.limited != 0;
    for (rules::PartialMatch::Value& value : scanned.values)
      outcome.hits.push_back(
          {&rules_[value.rule], static_cast<int>(value.value), std::move(value.matched)});
    return outcome;
  }
  std::span<const rules::Rule> rules() const override { return rules_; }
  const std::string& hash() const override { return hash_; }

  bool budget_exceeded = false;

 private:
  static int count_in(std::string_view text, std::string_view word) {
    int count = 0;
    for (std::size_t at = text.find(word); at != std::string_view::npos;
         at = text.find(word, at + 1))
      ++count;
    return count;
  }
  static int count(const rules::Rule& rule, const rules::Subject& subject) {
    switch (rule.type) {
      case rules::RuleType::header:
        return count_in(
            std::string_view(subject.content.full).substr(0, subject.content.full.find("\n\n")),
            rule.pattern.expression);
      case rules::RuleType::body:
        return count_in(subject.content.body.text, rule.pattern.expression);
      case rules::RuleType::rawbody:
        return count_in(subject.content.rawbody.text, rule.pattern.expression);
      case rules::RuleType::full:
        return count_in(subject.content.full, rule.pattern.expression);
      case rules::RuleType::meta:
        return 1;
      default:
        return 0;
    }
    return 0;
  }

  std::vector<rules::Rule> rules_;
  std::string hash_;
};

/// A body rule with this score in all score sets.
inline rules::Rule body_rule(std::string name, std::string text, double score,
                             std::string description = {}) {
  rules::Rule rule;
  rule.name = std::move(name);
  rule.pattern.expression = std::move(text);
  rule.scores = {score, score, score, score};
  rule.description = std::move(description);
  return rule;
}

}  // namespace gatepost::test
