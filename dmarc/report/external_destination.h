#pragma once
// May reports about a domain go to an address elsewhere? (RFC 9990, "Verifying External
// Destinations".) Pure: the caller asks the question and gives the answer.

#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/dns/answer.h"
#include "dmarc/record.h"

namespace gatepost::dmarc::report {

/// Whether the permission must be asked for: the Organizational Domains differ.
bool needs_permission(std::string_view policy_org_domain, std::string_view destination_org_domain);

/// Steps 1 to 5: the TXT question `POLICY-DOMAIN._report._dmarc.HOST`.
/// @return a permanent Error when a name is invalid or the result too long for the DNS: no report.
Result<dns::Query> permission_query(std::string_view policy_domain, std::string_view host);

/// Steps 6 to 9: where the report for `published` goes by the answer: to it, to the addresses the
/// consumer names instead (of the same host only), or nowhere (empty).
/// @return a temporary Error when the answer is one: try again later.
Result<std::vector<ReportUri>> permitted_destinations(const ReportUri& published,
                                                      const dns::Answer& answer);

}  // namespace gatepost::dmarc::report
