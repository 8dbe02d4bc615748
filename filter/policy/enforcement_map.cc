#include "filter/policy/enforcement_map.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/address.h"

namespace gatepost {

Result<void> EnforcementMap::add(std::string_view entry, dmarc::Enforcement enforcement,
                                 bool networks) {
  const std::string_view word = trim(entry);
  if (const auto network = IpNetwork::parse(word)) {
    if (!networks)
      return permanent_error("expected names (bank.example, .bank.example), not an address");
    networks_.emplace_back(*network, enforcement);
    std::stable_sort(networks_.begin(), networks_.end(),
                     [](const auto& a, const auto& b) { return a.first.prefix > b.first.prefix; });
    return {};
  }
  const bool suffix = word.starts_with('.');
  const auto name = mail::normalize_domain(suffix ? word.substr(1) : word);
  if (!name.ok()) {
    return permanent_error(networks ? "expected an address, network (192.0.2.0/24), name "
                                      "(mail.example) or suffix (.mail.example)"
                                    : "expected a name (bank.example) or suffix (.bank.example)");
  }
  names_.insert_or_assign((suffix ? "." : "") + *name, enforcement);
  return {};
}

std::optional<EnforcementMap::Match> EnforcementMap::of_name(std::string_view name) const {
  if (names_.empty() || name.empty()) return std::nullopt;
  if (const auto at = names_.find(name); at != names_.end()) return Match{at->first, at->second};
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    if (const auto at = names_.find(name.substr(dot)); at != names_.end())
      return Match{at->first, at->second};
  }
  return std::nullopt;
}

std::optional<EnforcementMap::Match> EnforcementMap::of_address(const IpAddress& address) const {
  for (const auto& [network, enforcement] : networks_) {
    if (network.contains(address)) return Match{network.text(), enforcement};
  }
  return std::nullopt;
}

}  // namespace gatepost
