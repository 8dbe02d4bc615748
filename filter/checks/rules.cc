// Content rules: the message is read once and matched against the rule set of the policy that its
// transaction has pinned, so that all its hits are of one generation.
//
// All mail is looked at, also that of logins and own networks: a stolen account sends spam, too.
// What may come of it there is decided by decide(): it is tagged, never refused.

#include <optional>

#include "core/mail/content.h"
#include "core/mail/message.h"
#include "filter/checks/content_rules.h"
#include "filter/checks/registry.h"
#include "filter/policy/finding.h"
#include "rules/rule_set.h"

namespace gatepost {

namespace {

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
    rules::Subject subject{context.message()->fields(), *content,
                           std::string_view(context.envelope().mail_from)};
    std::optional<SmtpView> smtp;
    if (context.policy().stage_rules) {
      const Envelope& envelope = context.envelope();
      subject.smtp = &smtp.emplace(context.connection(), envelope, envelope.recipients).texts();
    }
    const rules::MatchOutcome outcome = set->match(subject);
    for (const rules::Hit& hit : outcome.hits) take_hit(context, hit);
    if (context.policy().rule_counters != nullptr) context.policy().rule_counters->count_message();
    if (outcome.budget_exceeded) context.add("RULES_LIMIT");
  }

 private:
  // What stages have found is counted, and stated but for recipients, where they found it.
  static void take_hit(CheckContext& context, const rules::Hit& hit) {
    if (!rules::is_stage(hit.rule->type)) count_hit(context, hit);
    if (!rules::is_stage(hit.rule->type) || hit.rule->type == rules::RuleType::rcpt)
      state_hit(context, hit);
  }

  static void state_defects(CheckContext& context, const mail::ContentDefects& defects) {
    if (defects.truncated) context.add("RULES_TRUNCATED");
    if (defects.too_deep || defects.too_many_parts)
      context.add("MIME_LIMIT", defects.too_deep ? "content.max_depth" : "content.max_parts");
  }
};

}  // namespace

std::unique_ptr<Check> make_rules() {
  return std::make_unique<Rules>();
}

}  // namespace gatepost
