#include "dmarc/disposition.h"

namespace gatepost::dmarc {
namespace {

// "p=reject of example.com"
std::string published(const Outcome& outcome) {
  return std::string(to_string(outcome.policy_tag)) + "=" + to_string(outcome.policy) + " of " +
         outcome.record_domain;
}

}  // namespace

const char* to_string(Enforcement enforcement) {
  switch (enforcement) {
    case Enforcement::off:
      return "off";
    case Enforcement::standard:
      return "standard";
    case Enforcement::strict:
      return "strict";
  }
  return "off";
}

const char* to_string(Action action) {
  switch (action) {
    case Action::none:
      return "none";
    case Action::quarantine:
      return "quarantine";
    case Action::reject:
      return "reject";
  }
  return "none";
}

const char* to_string(Override override_reason) {
  switch (override_reason) {
    case Override::none:
      return "";
    case Override::policy_test_mode:
      return "policy_test_mode";
    case Override::local_policy:
      return "local_policy";
    case Override::trusted_forwarder:
      return "trusted_forwarder";
  }
  return "";
}

Disposition decide_disposition(const Outcome& outcome, Enforcement enforcement,
                               bool another_finding_agrees) {
  if (outcome.result != ResultCode::fail) {
    return {Action::none, Override::none,
            std::string("DMARC result is ") + to_string(outcome.result)};
  }
  // Section 7.4: p=none changes nothing, ever.
  if (outcome.policy == Policy::none) return {Action::none, Override::none, published(outcome)};
  if (enforcement == Enforcement::off) {
    return {Action::none, Override::local_policy,
            published(outcome) + " is not enforced (dmarc.enforce = \"off\")"};
  }
  const Override testing = outcome.testing ? Override::policy_test_mode : Override::none;
  const std::string as = published(outcome) + (outcome.testing ? ", one lower by t=y" : "");
  const Action action =
      enforced_action(outcome.applied_policy, enforcement, another_finding_agrees);
  if (outcome.applied_policy != Policy::reject) return {action, testing, as};
  if (action == Action::quarantine) {
    return {action, Override::local_policy,
            as + " alone does not refuse mail (RFC 9989 section 7.4)"};
  }
  const bool agreed = enforcement != Enforcement::strict;
  return {action, Override::none, agreed ? as + ", and another finding agrees" : as};
}

Action enforced_action(Policy applied, Enforcement enforcement, bool another_finding_agrees) {
  if (enforcement == Enforcement::off || applied == Policy::none) return Action::none;
  if (applied == Policy::quarantine) return Action::quarantine;
  // Section 7.4: p=reject alone must not refuse.
  const bool refuse = enforcement == Enforcement::strict || another_finding_agrees;
  return refuse ? Action::reject : Action::quarantine;
}

}  // namespace gatepost::dmarc
