// Content rules: the message is read once and matched against the rule set of the policy that its
// transaction has pinned, so that all its hits are of one generation.
//
// The message itself is matched as soon as it is complete, while DNS still answers other checks;
// rules that ask for what these find, and metas, are computed when they have concluded.
//
// All mail is looked at, also that of logins and own networks: a stolen account sends spam, too.
// What may come of it there is decided by decide(): it is tagged, never refused.

#include <optional>

#include "core/mail/message.h"
#include "core/mail/view.h"
#include "filter/checks/content_rules.h"
#include "filter/checks/registry.h"
#include "filter/checks/rule_answers.h"
#include "filter/policy/finding.h"
#include "rules/header_changes.h"
#include "rules/rule_set.h"
#include "rules/subject_of.h"

namespace gatepost {

namespace {

class Rules final : public Check {
 public:
  void end_of_message(CheckContext& context) override {
    const rules::RuleSet* set = context.policy().rules.get();
    state_missing(context);
    if (set == nullptr || set->rules().empty()) return;
    auto opened = context.view();
    if (!opened.ok()) return context.add("CHECK_ERROR", "rules: " + opened.error().text());
    mail::MessageView& view = **opened;
    const Envelope& envelope = context.envelope();
    rules::Subject subject = rules::subject_of(view, *set, envelope.mail_from, context.unix_time());
    subject.want_subrules = keeps_subrules(context.policy());
    std::optional<SmtpView> smtp;
    if (context.policy().stage_rules)
      subject.smtp = &smtp.emplace(context.connection(), envelope, envelope.recipients).texts();
    partial_ = set->scan(subject);
    state_defects(context, view.defects());
    if (context.policy().rule_counters != nullptr) context.policy().rule_counters->count_message();
  }

  bool conclude(CheckContext& context) override {
    if (!partial_) return true;
    const rules::RuleSet& set = *context.policy().rules;
    const std::string& mail_from = context.envelope().mail_from;
    const RuleAnswers answers(context.facts(), context.connected_facts(), mail_from, set,
                              [&](std::string_view name) { return context.found(name); });
    // The texts are gone; nothing that is left to compute looks at them.
    static const mail::Content kNoTexts;
    rules::Subject subject{context.message()->fields(), kNoTexts, mail_from};
    subject.answers = &answers;
    subject.now = context.unix_time();
    subject.want_subrules = keeps_subrules(context.policy());
    const rules::MatchOutcome outcome = set.conclude(subject, std::move(*partial_));
    partial_.reset();
    for (const rules::Hit& hit : outcome.hits) take_hit(context, hit);
    if (keeps_subrules(context.policy())) keep_subrules(outcome.hits, context.facts());
    if (outcome.budget_exceeded) context.add("RULES_LIMIT");
    return true;
  }

 private:
  // What stages have found is counted, and stated but for recipients, where they found it.
  static void take_hit(CheckContext& context, const rules::Hit& hit) {
    if (!rules::is_stage(hit.rule->type)) count_hit(context, hit);
    if (!rules::is_stage(hit.rule->type) || hit.rule->type == rules::RuleType::rcpt)
      state_hit(context, hit);
  }

  // For _SUBTESTS_ in a header field: nobody else asks for them.
  static bool keeps_subrules(const Policy& policy) {
    const rules::HeaderChanges* changes = policy.header_changes.get();
    return changes != nullptr && changes->uses(rules::HeaderTag::subtests);
  }

  static void keep_subrules(std::span<const rules::Hit> hits, Facts& facts) {
    for (const rules::Hit& hit : hits) {
      if (!hit.rule->is_subrule() || hit.rule->shadow) continue;
      if (facts.subrules.size() == Facts::kMaxSubrules) return;
      facts.subrules.push_back(hit.rule->name);
    }
  }

  static void state_missing(CheckContext& context) {
    switch (context.policy().rules_missing) {
      case RulesMissing::no:
        return;
      case RulesMissing::compiling:
        return context.add("RULES_MISSING", "being compiled");
      case RulesMissing::failed:
        return context.add("RULES_MISSING", "could not be compiled, see the log");
    }
  }

  static void state_defects(CheckContext& context, const mail::ContentDefects& defects) {
    if (defects.truncated) context.add("RULES_TRUNCATED");
    if (defects.part_cut) context.add("PART_TRUNCATED");
    if (defects.too_deep || defects.too_many_parts)
      context.add("MIME_LIMIT", defects.too_deep ? "content.max_depth" : "content.max_parts");
    if (defects.too_much_html) context.add("HTML_LIMIT");
    if (defects.too_many_urls) context.add("URL_LIMIT");
    if (defects.unknown_charset) context.add("CHARSET_UNKNOWN");
    if (defects.too_many_conversions) context.add("CHARSET_LIMIT");
    // The end of what was cut off is our doing.
    if (defects.bad_encoding && !defects.truncated) context.add("ENCODING_BROKEN");
  }

  std::optional<rules::PartialMatch> partial_;
};

}  // namespace

std::unique_ptr<Check> make_rules() {
  return std::make_unique<Rules>();
}

}  // namespace gatepost
