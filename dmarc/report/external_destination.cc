#include "dmarc/report/external_destination.h"

#include <algorithm>

#include "core/base/text.h"
#include "dmarc/domain.h"

namespace gatepost::dmarc::report {

bool needs_permission(std::string_view policy_org_domain, std::string_view destination_org_domain) {
  return !iequals(policy_org_domain, destination_org_domain);
}

Result<dns::Query> permission_query(std::string_view policy_domain, std::string_view host) {
  const auto policy = canonical_domain(policy_domain);
  const auto destination = canonical_domain(host);
  if (!policy || !destination) {
    return permanent_error("cannot ask " + printable(host, 80) + " about " +
                           printable(policy_domain, 80) + ": not a domain name");
  }
  const std::string name = *policy + "._report._dmarc." + *destination;
  if (!canonical_domain(name)) {
    return permanent_error(name + " is too long for the DNS");  // step 4
  }
  return dns::make_query(name, dns::RrType::txt);
}

Result<std::vector<ReportUri>> permitted_destinations(const ReportUri& published,
                                                      const dns::Answer& answer) {
  if (dns::is_temporary(answer.status)) {
    return temporary_error(std::string("permission to report: ") + dns::to_string(answer.status),
                           published.host);
  }
  bool permitted = false;
  std::vector<ReportUri> instead;
  for (const std::string& text : answer.texts) {
    const auto record = parse_record(text);  // step 6; p= is not looked at (RFC 9989 section 4.7)
    if (!record.ok()) continue;
    permitted = true;
    for (const ReportUri& uri : record->rua) {
      // Another host: neither the original nor the override gets a report.
      if (uri.host != published.host) return std::vector<ReportUri>{};
      if (std::find(instead.begin(), instead.end(), uri) == instead.end() &&
          instead.size() < kMaxReportUris) {
        instead.push_back(uri);
      }
    }
  }
  if (!permitted) return std::vector<ReportUri>{};
  if (instead.empty()) instead.push_back(published);
  return instead;
}

}  // namespace gatepost::dmarc::report
