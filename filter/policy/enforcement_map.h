#pragma once
// Where DMARC is enforced in another way than everywhere: by author domain, list or client.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/ip.h"
#include "core/base/result.h"
#include "dmarc/disposition.h"

namespace gatepost {

/// Entries with a mode each: "mail.example" (this name), ".example" (every name below it),
/// "192.0.2.0/24" or an address. The closest one holds: the name itself, then the longest suffix;
/// the smallest network. Filled, then only read: safe from any thread.
class EnforcementMap {
 public:
  struct Match {
    std::string entry;
    dmarc::Enforcement enforcement = dmarc::Enforcement::standard;
  };

  /// A permanent Error for what is neither a name nor, with `networks`, an address or network.
  /// Names are taken in any form (U-labels, capitals).
  Result<void> add(std::string_view entry, dmarc::Enforcement enforcement, bool networks);

  /// `name` is in lower-case A-labels.
  std::optional<Match> of_name(std::string_view name) const;
  std::optional<Match> of_address(const IpAddress& address) const;
  bool empty() const { return names_.empty() && networks_.empty(); }

 private:
  std::map<std::string, dmarc::Enforcement, std::less<>> names_;
  std::vector<std::pair<IpNetwork, dmarc::Enforcement>> networks_;  // smallest first
};

}  // namespace gatepost
