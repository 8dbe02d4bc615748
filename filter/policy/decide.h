#pragma once
// The one function that turns facts into an answer.

#include <span>

#include "filter/policy/envelope.h"
#include "filter/policy/policy.h"
#include "filter/policy/verdict.h"

namespace gatepost {

/// Pure: the same input gives the same verdict, at any time and on any thread.
/// @param findings   all known so far, of connection and transaction
/// @param recipient  at Stage::rcpt the recipient asked for (not yet in envelope.recipients), else
/// null
/// @return the verdict without header edits and without a reference in its reply.
Verdict decide(std::span<const Finding> findings, const Policy& policy, Stage stage,
               const Connection& connection, const Envelope& envelope,
               const Recipient* recipient = nullptr);

}  // namespace gatepost
