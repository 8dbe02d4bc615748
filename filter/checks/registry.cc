#include "filter/checks/registry.h"

namespace gatepost {

Result<std::vector<CheckInfo>> all_checks() {
  using Scope = CheckInfo::Scope;
  return order_checks({
      {"client_lists", Scope::connection, {}, make_client_lists},
      {"client_rules", Scope::connection, {}, make_client_rules},
      {"iprev", Scope::connection, {}, make_iprev},
      {"dnsbl", Scope::connection, {}, make_dns_lists},
      {"spf", Scope::transaction, {}, make_spf},
      {"lists", Scope::transaction, {"spf"}, make_envelope_lists},
      {"greylist",
       Scope::transaction,
       {"client_lists", "iprev", "dnsbl", "spf", "lists"},
       make_greylist},
      {"message", Scope::transaction, {}, make_author},
      {"dkim", Scope::transaction, {}, make_dkim},
      {"relayed", Scope::transaction, {}, make_relayed},
      {"arc", Scope::transaction, {}, make_arc},
      {"dmarc", Scope::transaction, {"spf", "dkim", "message", "arc"}, make_dmarc},
      {"submission", Scope::transaction, {}, make_submission},
      {"signing", Scope::transaction, {}, make_sign},
      {"sealing", Scope::transaction, {"arc"}, make_sealing},
      {"envelope_rules", Scope::transaction, {}, make_envelope_rules},
      {"rules", Scope::transaction, {}, make_rules},
  });
}

}  // namespace gatepost
