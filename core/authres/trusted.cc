#include "core/authres/trusted.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/fields.h"

namespace gatepost::authres {
namespace {

// One form for a name, however it is written; what is no domain name stays as it is.
std::string one_form(std::string_view id) {
  const std::string_view name = trim(id);
  auto domain = mail::normalize_domain(name);
  return domain ? *std::move(domain) : to_lower(name);
}

}  // namespace

std::vector<AuthenticationResults> trusted_results(std::span<const mail::HeaderField> fields,
                                                   std::span<const std::string> ids) {
  std::vector<std::string> known;
  for (const std::string& id : ids) {
    if (!trim(id).empty()) known.push_back(one_form(id));
  }
  std::vector<AuthenticationResults> found;
  if (known.empty()) return found;
  for (const mail::HeaderField* field : mail::find_fields(fields, "Authentication-Results")) {
    if (found.size() == kMaxTrustedFields) break;
    auto results = parse(field->value);
    if (!results || !(results->version.empty() || results->version == "1")) continue;
    // An empty id is nobody's.
    if (results->authserv_id.empty()) continue;
    if (std::find(known.begin(), known.end(), one_form(results->authserv_id)) == known.end())
      continue;
    found.push_back(*std::move(results));
  }
  return found;
}

}  // namespace gatepost::authres
