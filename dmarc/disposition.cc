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
    case Override::local_policy:
      return "local_policy";
    case Override::mailing_list:
      return "mailing_list";
    case Override::other:
      return "other";
    case Override::policy_test_mode:
      return "policy_test_mode";
    case Override::trusted_forwarder:
      return "trusted_forwarder";
  }
  return "";
}

Disposition decide_disposition(const Outcome& outcome, const Circumstances& circumstances) {
  Disposition disposition;
  if (outcome.result != ResultCode::fail) {
    disposition.reason = std::string("DMARC result is ") + to_string(outcome.result);
    return disposition;
  }
  disposition.reason = published(outcome);
  // Section 7.4: p=none changes nothing, ever.
  if (outcome.policy == Policy::none) return disposition;
  if (outcome.testing) {
    disposition.overrides.push_back({Override::policy_test_mode, "t=y"});
    disposition.reason += ", one lower by t=y";
  }
  if (!circumstances.trusted_path.empty()) {
    disposition.overrides.push_back({Override::trusted_forwarder, circumstances.trusted_path});
    disposition.reason += " is not enforced: " + circumstances.trusted_path;
    return disposition;
  }
  if (circumstances.enforcement == Enforcement::off) {
    disposition.overrides.push_back({circumstances.off_reason, circumstances.setting + " = off"});
    disposition.reason += " is not enforced (" + circumstances.setting + " = \"off\")";
    return disposition;
  }
  disposition.action = enforced_action(outcome.applied_policy, circumstances.enforcement,
                                       circumstances.another_finding_agrees);
  if (outcome.applied_policy != Policy::reject) return disposition;
  if (disposition.action == Action::reject) {
    if (circumstances.enforcement != Enforcement::strict)
      disposition.reason += ", and another finding agrees";
    return disposition;
  }
  if (!circumstances.list.empty()) {
    disposition.overrides.push_back({Override::mailing_list, circumstances.list});
    disposition.reason += ", but the mailing list " + circumstances.list + " handed it on";
  } else {
    disposition.overrides.push_back({Override::local_policy, "RFC 9989 section 7.4"});
    disposition.reason += " alone does not refuse mail (RFC 9989 section 7.4)";
  }
  return disposition;
}

Action enforced_action(Policy applied, Enforcement enforcement, bool another_finding_agrees) {
  if (enforcement == Enforcement::off || applied == Policy::none) return Action::none;
  if (applied == Policy::quarantine) return Action::quarantine;
  // Section 7.4: p=reject alone must not refuse.
  const bool refuse = enforcement == Enforcement::strict || another_finding_agrees;
  return refuse ? Action::reject : Action::quarantine;
}

}  // namespace gatepost::dmarc
