#pragma once
// How DMARC's result becomes an action: dmarc.enforce with its exceptions. Pure; any thread.

#include <span>
#include <string_view>

#include "dmarc/disposition.h"
#include "filter/policy/envelope.h"
#include "filter/policy/finding.h"
#include "filter/policy/policy.h"
#include "filter/policy/verdict.h"

namespace gatepost {

/// What holds for a message of this author domain (empty: none), from this client: enforcement with
/// the setting that gives it, the mailing list (finding LIST_COPY), whether something else speaks
/// against the message. What is said of the client counts before what is said of the list, that
/// before the author domain's entry, that before dmarc.enforce.
dmarc::Circumstances dmarc_circumstances(std::string_view author_domain,
                                         std::span<const Finding> findings, const Policy& policy,
                                         const Connection& connection);

/// What a finding of the check "dmarc" asks for unless [findings] gives it an action.
Action dmarc_action(const Finding& finding, std::span<const Finding> findings, const Policy& policy,
                    const Connection& connection);

/// What was done by DMARC in the end, for reports: decide_disposition(), and local_policy where the
/// verdict differs from it (observe mode, allow lists, [findings], recipients that are exempt).
dmarc::Disposition dmarc_disposition(const dmarc::Outcome& outcome,
                                     std::span<const Finding> findings, const Policy& policy,
                                     const Connection& connection, const Verdict& verdict);

}  // namespace gatepost
