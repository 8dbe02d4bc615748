// Content rules: the message is read once and matched against the rule set of the policy that its
// transaction has pinned, so that all its hits are of one generation.
//
// All mail is looked at, also that of logins and own networks: a stolen account sends spam, too.
// What may come of it there is decided by decide(): it is tagged, never refused.

#include "core/mail/content.h"
#include "core/mail/message.h"
#include "filter/checks/registry.h"
#include "filter/policy/finding.h"
#include "rules/rule_set.h"

namespace gatepost {

namespace {

// SpamAssassin's score sets: with network tests and without Bayes. Ours always have DNS.
constexpr std::size_t kScoreSet = 1;

class Rules final : public Check {
 public:
  // DNS answers of other checks arrive meanwhile.
  void end_of_message(CheckContext& context) override {
    const rules::RuleSet* set = context.policy().rules.get();
    if (set == nullptr || set->rules().empty()) return;
    const auto content = mail::read_content(*context.message(), context.policy().content);
    if (!content.ok()) {
      context.add("CHECK_ERROR", "rules: " + content.error().text());
      return;
    }
    state_defects(context, content->defects);
    const rules::MatchOutcome outcome = set->match(
        {context.message()->fields(), *content, std::string_view(context.envelope().mail_from)});
    for (const rules::Hit& hit : outcome.hits) state_hit(context, hit);
    if (outcome.budget_exceeded) context.add("RULES_LIMIT");
  }

 private:
  static void state_defects(CheckContext& context, const mail::ContentDefects& defects) {
    if (defects.truncated) context.add("RULES_TRUNCATED");
    if (defects.too_deep || defects.too_many_parts)
      context.add("MIME_LIMIT", defects.too_deep ? "content.max_depth" : "content.max_parts");
  }

  static void state_hit(CheckContext& context, const rules::Hit& hit) {
    if (hit.rule->is_subrule()) return;
    // A rule that asks for a finding of ours has its name: that finding is there already.
    if (find_finding(hit.rule->name) != nullptr) return;
    Finding finding;
    finding.name = hit.rule->name;
    finding.rule = FindingRule{hit.rule->scores[kScoreSet], Action::none};
    // A score of 0 switches a rule off, unless the configuration gives it a meaning.
    if (context.policy().rule(finding) == FindingRule{}) return;
    finding.detail = hit.matched;
    if (hit.count > 1) finding.detail += " (" + std::to_string(hit.count) + " times)";
    finding.description = hit.rule->description;
    context.add(std::move(finding));
  }
};

}  // namespace

std::unique_ptr<Check> make_rules() {
  return std::make_unique<Rules>();
}

}  // namespace gatepost
