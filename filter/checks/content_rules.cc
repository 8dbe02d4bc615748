#include "filter/checks/content_rules.h"

#include <utility>

namespace gatepost {

namespace {

using rules::RuleAction;
using rules::RuleType;

Action action_of(RuleAction action, const Policy& policy) {
  switch (action) {
    case RuleAction::none:
      return Action::none;
    case RuleAction::tag:
      return Action::tag;
    case RuleAction::hold:
      return Action::hold;
    case RuleAction::store:
      return Action::store;
    case RuleAction::quarantine:
      return policy.quarantine_as;
    case RuleAction::tempfail:
      return Action::tempfail;
    case RuleAction::reject:
      return Action::reject;
  }
  return Action::none;
}

FindingRule own_meaning(const Policy& policy, const rules::Rule& rule) {
  return {rule.scores[kRuleScoreSet], action_of(rule.action, policy)};
}

// What the client is told instead of "message looks like spam". No rule names.
std::string_view reply_of(RuleType type, Action action) {
  if (action == Action::tempfail) return "mail cannot be accepted now, try again later";
  switch (type) {
    case RuleType::connect:
      return "client is refused by local policy";
    case RuleType::helo:
      return "HELO name is refused by local policy";
    case RuleType::mail:
      return "sender is refused by local policy";
    case RuleType::rcpt:
      return "recipient is refused by local policy";
    default:
      return {};
  }
}

std::optional<Stage> stage_of(RuleType type) {
  switch (type) {
    case RuleType::connect:
      return Stage::connect;
    case RuleType::helo:
      return Stage::helo;
    case RuleType::mail:
      return Stage::mail;
    case RuleType::rcpt:
      return Stage::rcpt;
    default:
      return std::nullopt;
  }
}

bool is_counted(const rules::Rule& rule) {
  return !rule.is_subrule() && rule.runs(kRuleScoreSet);
}

}  // namespace

void set_rules(Policy& policy, std::shared_ptr<const rules::RuleSet> set,
               RuleStatistics* statistics, std::int64_t unix_time) {
  policy.rules = std::move(set);
  policy.stage_rules = false;
  policy.stage_rules_refuse.clear();
  policy.rule_counters = nullptr;
  const std::span<const rules::Rule> all =
      policy.rules ? policy.rules->rules() : std::span<const rules::Rule>();
  for (const rules::Rule& rule : all) {
    const auto stage = stage_of(rule.type);
    if (!stage) continue;
    policy.stage_rules = true;
    const Action action = meaning_of(policy, rule).action;
    if (!rule.shadow && (action == Action::reject || action == Action::tempfail))
      policy.stage_rules_refuse.insert(*stage);
  }
  policy.finish();
  if (statistics == nullptr) return;
  std::vector<RuleStatistics::Rule> counted(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (is_counted(all[i])) counted[i] = {all[i].name, all[i].category, all[i].shadow};
  }
  policy.rule_counters = statistics->begin(std::move(counted), unix_time);
}

FindingRule meaning_of(const Policy& policy, const rules::Rule& rule) {
  Finding finding;
  finding.name = rule.name;
  finding.rule = own_meaning(policy, rule);
  return policy.rule(finding);
}

void count_hit(const CheckContext& context, const rules::Hit& hit) {
  const Policy& policy = context.policy();
  if (policy.rule_counters == nullptr || hit.rule->is_subrule()) return;
  policy.rule_counters->count(static_cast<std::size_t>(hit.rule - policy.rules->rules().data()),
                              hit.rule->shadow, context.unix_time());
}

void state_hit(CheckContext& context, const rules::Hit& hit) {
  const rules::Rule& rule = *hit.rule;
  if (rule.is_subrule()) return;
  // A rule that asks for a finding of ours has its name: that finding is there already.
  if (find_finding(rule.name) != nullptr) return;
  Finding finding;
  finding.name = rule.name;
  finding.rule = own_meaning(context.policy(), rule);
  const FindingRule meaning = context.policy().rule(finding);
  // A score of 0 switches a rule off, unless the configuration gives it a meaning.
  if (meaning == FindingRule{}) return;
  finding.detail = hit.matched;
  if (hit.count > 1) finding.detail += " (" + std::to_string(hit.count) + " times)";
  finding.description = rule.description;
  finding.reply = reply_of(rule.type, meaning.action);
  finding.shadow = rule.shadow;
  finding.category = rule.category;
  context.add(std::move(finding));
}

SmtpView::SmtpView(const Connection& connection, const Envelope& envelope,
                   std::span<const Recipient> recipients)
    : ip_(connection.client ? connection.client->text() : "") {
  recipients_.reserve(recipients.size());
  for (const Recipient& recipient : recipients) recipients_.push_back(recipient.address);
  texts_ = {.ip = ip_,
            .host = connection.client_name,
            .daemon = connection.daemon_name,
            .helo = connection.helo,
            .sender = envelope.mail_from,
            .login = envelope.auth_authen,
            .recipients = recipients_};
}

}  // namespace gatepost
