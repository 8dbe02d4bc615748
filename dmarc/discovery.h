#pragma once
// Where the record for a domain is and what its Organizational Domain is: the DNS tree walk of RFC
// 9989 section 4.10, and RFC 7489's way with a public suffix list. Pure values; who asks is the
// caller's matter (evaluate.h).

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dns/answer.h"
#include "dmarc/public_suffix.h"
#include "dmarc/record.h"

namespace gatepost::dmarc {

enum class DiscoveryMode { treewalk, psl };

/// A walk never asks for more names (section 4.10).
inline constexpr std::size_t kMaxTreeWalkQueries = 8;

/// The domains of a walk, longest first: `domain`, then its parents, of which those with more than
/// seven labels are skipped. `domain` must be canonical (domain.h).
std::vector<std::string> tree_walk_names(std::string_view domain);

/// The TXT question for the record of a domain: `_dmarc.DOMAIN`.
dns::Query record_query(std::string_view domain);

/// What one name of a walk gave.
struct WalkStep {
  std::string domain;
  dns::Status status = dns::Status::nxdomain;  ///< of `_dmarc.DOMAIN`
  std::optional<Record> record;
  bool too_long = false;  ///< the only record there is longer than kMaxRecordOctets
  int found = 0;          ///< DMARC records there; of several none is used
  std::string failure;    ///< for people, when the status is temporary
  bool failed() const { return dns::is_temporary(status); }
};

WalkStep read_step(std::string_view domain, const dns::Answer& answer);

struct TreeWalk {
  std::string domain;           ///< where it started
  std::vector<WalkStep> steps;  ///< the names examined; the last one may have ended it by psd=y|n
  /// The first name whose answer is missing for a temporary reason, or null.
  const WalkStep* first_failure() const;
};

/// The answer to a question, or null when it is not known yet (it is noted to be asked).
using Lookup = std::function<const dns::Answer*(const dns::Query&)>;

/// Looks up all names at once, then walks. Nothing while an answer is missing that it came to.
std::optional<TreeWalk> walk_tree(std::string_view domain, const Lookup& lookup);

/// Section 4.10.2; the start itself when no record decides. Names that failed count as empty: ask
/// first_failure() whether that is certain.
std::string organizational_domain(const TreeWalk& walk);

/// Whether two walks end at the same Organizational Domain; nothing when names that failed could
/// make it so or not. Whatever a failed name holds, both walks would have seen the same.
std::optional<bool> same_organization(const TreeWalk& a, const TreeWalk& b);

/// Whose record applies.
enum class RecordLocation { none, author_domain, organizational_domain, public_suffix_domain };
/// "none", "author_domain", …
const char* to_string(RecordLocation location);

struct DiscoveredPolicy {
  enum class Kind {
    found,
    absent,     ///< DMARC does not apply
    temporary,  ///< an answer is missing that could change which record applies
    unusable,   ///< the one record there is exceeds our limit
  };
  Kind kind = Kind::absent;
  RecordLocation location = RecordLocation::none;
  std::string domain;  ///< where the record is
  std::optional<Record> record;
  std::string reason;  ///< for people, unless found
};

/// Section 4.10.1 on a walk that started at the author domain.
DiscoveredPolicy discover_policy(const TreeWalk& author_walk);

/// RFC 7489 section 6.6.3: the author domain, then its organizational domain. `organization` may be
/// null when that is the author domain.
DiscoveredPolicy discover_policy_by_suffix(const WalkStep& author, const WalkStep* organization);

/// The organizational domain by the list; the domain itself where the list gives none.
std::string organizational_domain_by_suffix(const PublicSuffixList& list, std::string_view domain);

}  // namespace gatepost::dmarc
