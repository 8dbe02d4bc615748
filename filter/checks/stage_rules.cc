// Content rules of SMTP's stages: connect, helo, mail and rcpt are matched when SMTP says what they
// look at, so that they can refuse there. At the end of the message all of them are matched once
// more, with the message, for metas and for the score of what recipients hit (rules.cc).

#include <algorithm>

#include "filter/checks/content_rules.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

using rules::RuleType;

/// The rules of `stage` that hit, without an allocation when the policy has none.
rules::MatchOutcome match_stage(CheckContext& context, RuleType stage,
                                std::span<const Recipient> recipients = {}) {
  const Policy& policy = context.policy();
  const rules::RuleSet* set = policy.rules.get();
  if (set == nullptr || !set->has_stage_rules(stage) || !policy.enabled("rules")) return {};
  const SmtpView view(context.connection(), context.envelope(), recipients);
  rules::MatchOutcome outcome = set->match_stage(stage, view.texts());
  if (outcome.budget_exceeded) context.add("RULES_LIMIT");
  return outcome;
}

class ClientRules final : public Check {
 public:
  void connect(CheckContext& context) override { run(context, RuleType::connect); }
  void helo(CheckContext& context) override { run(context, RuleType::helo); }

 private:
  void run(CheckContext& context, RuleType stage) {
    for (const rules::Hit& hit : match_stage(context, stage).hits) {
      // The second EHLO of a client, behind STARTTLS, is none more.
      if (std::find(counted_.begin(), counted_.end(), hit.rule) == counted_.end()) {
        counted_.push_back(hit.rule);
        count_hit(context, hit);
      }
      state_hit(context, hit);
    }
  }

  std::vector<const rules::Rule*> counted_;
};

class EnvelopeRules final : public Check {
 public:
  void mail(CheckContext& context) override {
    // Rules that were loaded after the client had come have not seen it: a message is judged by
    // one set alone. It is no new client, so nothing is counted.
    if (context.policy().rules != context.connected_policy().rules) {
      for (const RuleType stage : {RuleType::connect, RuleType::helo}) {
        for (const rules::Hit& hit : match_stage(context, stage).hits) state_hit(context, hit);
      }
    }
    for (const rules::Hit& hit : match_stage(context, RuleType::mail).hits) {
      count_hit(context, hit);
      state_hit(context, hit);
    }
  }

  void rcpt(CheckContext& context, const Recipient& recipient) override {
    for (const rules::Hit& hit :
         match_stage(context, RuleType::rcpt, std::span(&recipient, 1)).hits) {
      count_hit(context, hit);
      // What refuses nobody counts for the message, once, at its end.
      const Action action = meaning_of(context.policy(), *hit.rule).action;
      if (!hit.rule->shadow && (action == Action::reject || action == Action::tempfail))
        state_hit(context, hit);
    }
  }
};

}  // namespace

std::unique_ptr<Check> make_client_rules() {
  return std::make_unique<ClientRules>();
}

std::unique_ptr<Check> make_envelope_rules() {
  return std::make_unique<EnvelopeRules>();
}

}  // namespace gatepost
