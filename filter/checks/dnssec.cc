#include "filter/checks/dnssec.h"

namespace gatepost {

void add_dnssec(CheckContext& context, const dns::Query& query, authres::AuthResult& result) {
  if (!context.policy().report_dnssec) return;
  const auto answer = context.flows().answer(query);
  if (answer == nullptr || dns::is_temporary(answer->status)) return;
  result.properties.push_back({"dns", "sec", answer->secure ? "yes" : "no"});
}

}  // namespace gatepost
