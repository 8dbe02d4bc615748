// Content rules: the message is read once and matched against the rule set of the policy that its
// transaction has pinned, so that all its hits are of one generation.
//
// The message itself is matched as soon as it is complete, while DNS still answers other checks;
// rules that ask for what these find, and metas, are computed when they have concluded.
//
// All mail is looked at, also that of logins and own networks: a stolen account sends spam, too.
// What may come of it there is decided by decide(): it is tagged, never refused.

#include "core/mail/message.h"
#include "core/mail/view.h"
#include "filter/checks/registry.h"
#include "filter/checks/rule_answers.h"
#include "filter/policy/finding.h"
#include "rules/rule_set.h"

namespace gatepost {

namespace {

// SpamAssassin's score sets: with network tests and without Bayes. Ours always have DNS.
constexpr std::size_t kScoreSet = 1;

class Rules final : public Check {
 public:
  void end_of_message(CheckContext& context) override {
    const rules::RuleSet* set = context.policy().rules.get();
    if (set == nullptr || set->rules().empty()) return;
    auto opened = context.view();
    if (!opened.ok()) return context.add("CHECK_ERROR", "rules: " + opened.error().text());
    mail::MessageView& view = **opened;
    rules::Subject subject{view.fields(), view.content(), context.envelope().mail_from};
    if (set->needs_urls()) subject.urls = view.urls(set->url_settings());
    subject.html = view.html();
    subject.now = context.unix_time();
    partial_ = set->scan(subject);
    state_defects(context, view.defects());
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
    const rules::MatchOutcome outcome = set.conclude(subject, std::move(*partial_));
    partial_.reset();
    for (const rules::Hit& hit : outcome.hits) state_hit(context, hit);
    if (outcome.budget_exceeded) context.add("RULES_LIMIT");
    return true;
  }

 private:
  static void state_defects(CheckContext& context, const mail::ContentDefects& defects) {
    if (defects.truncated) context.add("RULES_TRUNCATED");
    if (defects.part_cut) context.add("PART_TRUNCATED");
    if (defects.too_deep || defects.too_many_parts)
      context.add("MIME_LIMIT", defects.too_deep ? "content.max_depth" : "content.max_parts");
    if (defects.too_much_html) context.add("HTML_LIMIT");
    if (defects.too_many_urls) context.add("URL_LIMIT");
    if (defects.unknown_charset) context.add("CHARSET_UNKNOWN");
    if (defects.bad_encoding) context.add("ENCODING_BROKEN");
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

  std::optional<rules::PartialMatch> partial_;
};

}  // namespace

std::unique_ptr<Check> make_rules() {
  return std::make_unique<Rules>();
}

}  // namespace gatepost
