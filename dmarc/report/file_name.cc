#include "dmarc/report/file_name.h"

#include <algorithm>

#include "core/base/text.h"
#include "dmarc/domain.h"

namespace gatepost::dmarc::report {

Result<std::string> file_name(const FileName& parts) {
  const auto receiver = canonical_domain(parts.receiver);
  const auto policy_domain = canonical_domain(parts.policy_domain);
  if (!receiver) return permanent_error("receiver is not a domain name");
  if (!policy_domain) return permanent_error("policy domain is not a domain name");
  if (parts.begin < 0 || parts.end < parts.begin) {
    return permanent_error("the report's time range is not one");
  }
  if (!std::all_of(parts.unique_id.begin(), parts.unique_id.end(), is_alnum)) {
    return permanent_error("unique id may have letters and digits only");
  }
  std::string name = *receiver + "!" + *policy_domain + "!" + std::to_string(parts.begin) + "!" +
                     std::to_string(parts.end);
  if (!parts.unique_id.empty()) name += "!" + std::string(parts.unique_id);
  return name + (parts.compressed ? ".xml.gz" : ".xml");
}

const char* media_type(bool compressed) {
  return compressed ? "application/gzip" : "text/xml";
}

}  // namespace gatepost::dmarc::report
