#pragma once
// What we do with a message that failed, as opposed to what its owner asks.

#include <string>

#include "dmarc/evaluate.h"

namespace gatepost::dmarc {

/// `dmarc.enforce`.
enum class Enforcement { off, standard, strict };
/// "off", "standard", "strict".
const char* to_string(Enforcement enforcement);

enum class Action { none, quarantine, reject };
/// "none", "quarantine", "reject".
const char* to_string(Action action);

/// Why the action differs from the published policy: the words of aggregate reports (RFC 9990).
enum class Override { none, policy_test_mode, local_policy, trusted_forwarder };
/// "", "policy_test_mode", "local_policy", "trusted_forwarder".
const char* to_string(Override override_reason);

struct Disposition {
  Action action = Action::none;
  Override override_reason = Override::none;
  std::string reason;  ///< one sentence for people, always set
};

/// What a failed message gets, from the policy that applies to it (after t=). Pure.
Action enforced_action(Policy applied, Enforcement enforcement, bool another_finding_agrees);

/// The same with its reason. Pure. `another_finding_agrees`: something besides DMARC speaks against
/// the message. RFC 9989 section 7.4 forbids refusing on p=reject alone: `standard` then
/// quarantines. Only a `fail` is acted on: temperror and permerror are the caller's policy.
Disposition decide_disposition(const Outcome& outcome, Enforcement enforcement,
                               bool another_finding_agrees);

}  // namespace gatepost::dmarc
