#pragma once
// What we do with a message that failed, as opposed to what its owner asks.

#include <string>
#include <vector>

#include "dmarc/evaluate.h"

namespace gatepost::dmarc {

/// `dmarc.enforce`.
enum class Enforcement { off, standard, strict };
/// "off", "standard", "strict".
const char* to_string(Enforcement enforcement);

enum class Action { none, quarantine, reject };
/// "none", "quarantine", "reject".
const char* to_string(Action action);

/// Why the action differs from the published policy: the words of aggregate reports (RFC 9990,
/// PolicyOverrideType).
enum class Override {
  none,
  local_policy,       ///< the operator says so
  mailing_list,       ///< a mailing list handed it on, which breaks signatures
  other,              ///< none of these
  policy_test_mode,   ///< t=y
  trusted_forwarder,  ///< came over a path that the operator trusts, or with a trusted ARC seal
};
/// "", "local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder".
const char* to_string(Override override_reason);

/// One reason with what it is about, a few words of printable ASCII.
struct OverrideReason {
  Override type = Override::none;
  std::string comment;
  bool operator==(const OverrideReason&) const = default;
};

struct Disposition {
  Action action = Action::none;
  std::vector<OverrideReason> overrides;  ///< empty: as published
  std::string reason;                     ///< one sentence for people, always set
};

/// What besides the outcome decides.
struct Circumstances {
  Enforcement enforcement = Enforcement::standard;
  /// The setting that gives `enforcement`, for people: "dmarc.domains \"bank.example\"".
  std::string setting = "dmarc.enforce";
  /// What is reported when `enforcement` is `off`.
  Override off_reason = Override::local_policy;
  /// What a path that the operator trusts says of the message, such as an ARC chain: then it is
  /// off, whatever `enforcement` says, and trusted_forwarder. Empty: none.
  std::string trusted_path;
  /// Something besides DMARC speaks against the message.
  bool another_finding_agrees = false;
  /// The authenticated domain of the mailing list that handed the message on; empty: none did.
  std::string list;
};

/// What a failed message gets, from the policy that applies to it (after t=). Pure.
Action enforced_action(Policy applied, Enforcement enforcement, bool another_finding_agrees);

/// The same with its reason. Pure. RFC 9989 section 7.4 forbids refusing on p=reject alone:
/// `standard` then quarantines. Only a `fail` is acted on: temperror and permerror are the caller's
/// policy.
Disposition decide_disposition(const Outcome& outcome, const Circumstances& circumstances);

}  // namespace gatepost::dmarc
