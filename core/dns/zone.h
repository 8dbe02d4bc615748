#pragma once
// DNS data from master files, for `--zone` and tests.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/result.h"
#include "core/dns/answer.h"

namespace gatepost::dns {

/// Names and records of any number of zones or parts of zones. Immutable once filled, then safe
/// from any thread.
class Zone {
 public:
  /// What lookup() found.
  struct Found {
    Answer answer;
    /// Not empty: a CNAME leads to this name, of which the zone knows nothing; then `answer` is
    /// nxdomain with the TTL of the chain.
    std::string outside;
  };

  /// Adds the records of a master file (RFC 1035 section 5.1, $TTL of RFC 2308): $ORIGIN, $TTL, @,
  /// relative names (to the root until $ORIGIN says otherwise), omitted owners, parentheses,
  /// comments, quoted strings with \" and \DDD, TTL (also 1h30m) and class in either order. A,
  /// AAAA, TXT, MX, PTR, NS, CNAME and SOA are kept; records of other types make their name exist.
  /// TTL 3600 when none is said.
  /// @param file  how messages name the text.
  /// @return      a config Error with `where` = file:line; then the zone is half filled: drop it.
  Result<void> add_text(std::string_view text, std::string_view file = "zone");
  /// Reads the file. One that cannot be read is a config Error.
  Result<void> add_file(const std::string& path);

  /// CNAMEs followed (at most 16, then servfail), wildcards by RFC 4592, no_data for an empty
  /// non-terminal, nxdomain for everything else. Negative TTL by the SOA above, else 300.
  Found lookup(const Query& query) const;

  /// Whether the zone speaks for the name: it exists (also as empty non-terminal or by a
  /// wildcard), or is at or below a name with an SOA.
  bool covers(std::string_view name) const;

 private:
  friend class ZoneParser;
  struct Node {
    std::map<RrType, Answer> sets;
    std::uint32_t minimum = 0;  ///< of the SOA: seconds for negative answers
  };

  Node& make_node(const std::string& name);
  /// The node itself or the wildcard that stands for it; null when the name does not exist.
  const Node* find_node(std::string_view name) const;
  std::uint32_t negative_ttl(std::string_view name) const;

  std::unordered_map<std::string, Node> nodes_;
};

}  // namespace gatepost::dns
