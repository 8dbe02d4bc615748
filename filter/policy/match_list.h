#pragma once
// A list of clients, names or addresses that an operator wrote.

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/base/ip.h"
#include "core/base/result.h"

namespace gatepost {

/// Entries, one a string:
///   192.0.2.0/24, 2001:db8::1   a network or address
///   mail.example                a name, exactly; as an address pattern: any local part at it
///   .example                    every name below example, not example itself
///   user@mail.example           an address; its local part is compared without case
///   user@                       this local part at any domain
/// Immutable after construction; safe from any thread. Names are compared without case.
class MatchList {
 public:
  MatchList() = default;
  /// A permanent Error naming the entry that is none of the above.
  static Result<MatchList> parse(const std::vector<std::string>& entries);

  /// The entry that matches, as it was written. O(networks) for addresses, O(labels) for names.
  std::optional<std::string> match(const IpAddress& address) const;
  std::optional<std::string> match_name(std::string_view name) const;
  /// `address` is "user@domain" or "user".
  std::optional<std::string> match_address(std::string_view address) const;
  /// Those of the entries that are addresses or networks.
  const std::vector<IpNetwork>& networks() const { return networks_; }
  bool empty() const { return networks_.empty() && words_.empty(); }

 private:
  std::vector<IpNetwork> networks_;
  std::unordered_set<std::string> words_;  // lower case
};

}  // namespace gatepost
