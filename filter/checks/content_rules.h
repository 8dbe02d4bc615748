#pragma once
// What the checks of content rules share: from a hit to a finding, and from a rule set to a policy.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filter/metrics/rule_counters.h"
#include "filter/session/check.h"
#include "rules/rule_set.h"

namespace gatepost {

/// SpamAssassin's score sets: with network tests and without Bayes. Ours always have DNS.
constexpr std::size_t kRuleScoreSet = 1;

/// Gives a policy its content rules and what follows from them. To be called when its [findings]
/// are set and before it is shared; calls Policy::finish().
/// @param statistics  where hits are counted from `unix_time` on; null: nowhere
void set_rules(Policy& policy, std::shared_ptr<const rules::RuleSet> rules,
               RuleStatistics* statistics = nullptr, std::int64_t unix_time = 0);

/// What a rule of the policy's set means when it hits: its score and action, or what the
/// configuration makes of them.
FindingRule meaning_of(const Policy& policy, const rules::Rule& rule);

/// Counts the hit for the statistics: once for each thing that the rule looks at.
void count_hit(const CheckContext& context, const rules::Hit& hit);
/// States the hit as a finding, unless it means nothing: a subrule, a score of 0 without an action.
/// That of a rule in shadow decides nothing.
void state_hit(CheckContext& context, const rules::Hit& hit);

/// What SMTP has said so far, for rules. Views into what it was made of.
class SmtpView {
 public:
  SmtpView(const Connection& connection, const Envelope& envelope,
           std::span<const Recipient> recipients);
  SmtpView(const SmtpView&) = delete;
  const rules::SmtpTexts& texts() const { return texts_; }

 private:
  std::string ip_;
  std::vector<std::string_view> recipients_;
  rules::SmtpTexts texts_;
};

}  // namespace gatepost
