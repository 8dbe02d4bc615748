#pragma once
// Whether a result stands on signed DNS data, for Authentication-Results.

#include "core/authres/authentication_results.h"
#include "core/dns/answer.h"
#include "filter/session/check.h"

namespace gatepost {

/// Adds dns.sec=yes or dns.sec=no to `result`, for the answer that it was made from, when
/// dns.dnssec = "report". Nothing when `query` was not asked or failed. ptype, property and values
/// are those that RFC 8904 registers (for dnswl); RFC 8601 section 2.2 lets consumers pass over
/// what they do not know.
void add_dnssec(CheckContext& context, const dns::Query& query, authres::AuthResult& result);

}  // namespace gatepost
