#pragma once
// How a DMARC result came about, in sentences for a postmaster and the owner of the domain.

#include <string>
#include <vector>

#include "core/flow/flow.h"
#include "dmarc/disposition.h"

namespace gatepost::command {

/// One line of a trace. `step` is one word: "author", "spf", "dkim", "query", "record", "walk",
/// "alignment", "policy", "result", "disposition".
struct TraceLine {
  std::string step;
  std::string text;  ///< one sentence; holds foreign text: escape before showing
};

/// Every question with its answer, why this record, how each identifier is aligned, what the policy
/// is and what comes of it. `request` and `outcome` of one evaluation, `answers` what it was given.
std::vector<TraceLine> dmarc_trace(const dmarc::Request& request, const dmarc::Outcome& outcome,
                                   const dmarc::Disposition& disposition, const Answers& answers);

}  // namespace gatepost::command
