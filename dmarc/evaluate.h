#pragma once
// The DMARC result of one message (RFC 9989 sections 4.4, 4.10, 5.3), as a flow.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/flow/flow.h"
#include "dmarc/discovery.h"
#include "dmarc/record.h"

namespace gatepost::dmarc {

/// What was found in the From field: DMARC needs exactly one author domain (section 5.3.1).
enum class AuthorStatus {
  single,
  missing,
  several,
  malformed,
  /// From is broken, yet every reader of mail would show an author at this one domain: the message
  /// can fail for it, so that a broken From is no way around p=reject; it never passes (permerror).
  doubtful,
};

/// How the authentication of an identifier ended. `temperror` matters: had it passed, the message
/// might have too.
enum class Authentication { pass, fail, temperror };

/// The SPF result for the MAIL FROM identity (section 4.4.2). For a null reverse-path that is
/// postmaster at the HELO name (RFC 7208 section 2.4); the HELO identity alone never counts.
struct SpfIdentity {
  std::string domain;
  Authentication result = Authentication::fail;
};

/// One DKIM signature: d= and s=.
struct DkimIdentity {
  std::string domain;
  std::string selector;
  Authentication result = Authentication::fail;
};

struct Request {
  AuthorStatus author_status = AuthorStatus::single;
  std::string author_domain;  ///< A-labels, any letter case; read when it is single or doubtful
  std::optional<SpfIdentity> spf;
  std::vector<DkimIdentity> dkim;
  DiscoveryMode mode = DiscoveryMode::treewalk;
  /// For DiscoveryMode::psl; null means the list built into libpsl.
  std::shared_ptr<const PublicSuffixList> public_suffixes;
};

/// The words of RFC 8601 section 2.7 as RFC 9989 section 9.1 registers them.
enum class ResultCode {
  none,       ///< no policy applies, or there is no author domain
  pass,       ///< an authenticated identifier is aligned
  fail,       ///< none is
  temperror,  ///< an answer is missing that could change the result; a retry may help
  permerror,  ///< several or malformed author domains, or a record beyond our limits
};
/// "none", "pass", …
const char* to_string(ResultCode code);

/// The tag the policy was taken from.
enum class PolicyTag { p, sp, np };
/// "p", "sp", "np".
const char* to_string(PolicyTag tag);

/// How one authentication method stands to the author domain.
struct Alignment {
  bool aligned = false;  ///< passed and aligned
  bool unknown = false;  ///< a temporary error keeps us from knowing
  AlignmentMode mode = AlignmentMode::relaxed;
  std::string domain;    ///< of the aligned identifier, else of the first one; empty without any
  std::string selector;  ///< DKIM only
  std::string reason;    ///< for people, when not aligned
};

struct Outcome {
  ResultCode result = ResultCode::none;
  std::string reason;         ///< one sentence for people, always set
  std::string author_domain;  ///< canonical; empty without one
  std::string org_domain;     ///< of the author domain; empty when unknown
  RecordLocation location = RecordLocation::none;
  std::string record_domain;     ///< where the record is; empty without one
  std::optional<Record> record;  ///< with text, rua and ruf, also when the result is temperror
  Policy policy = Policy::none;  ///< published for this author domain: p=, sp= or np=
  PolicyTag policy_tag = PolicyTag::p;
  bool testing = false;  ///< t=y
  /// What the owner asks to be done with this message: `policy` after t=y, only when it failed.
  Policy applied_policy = Policy::none;
  Alignment spf;
  Alignment dkim;
  std::size_t queries = 0;  ///< questions this evaluation needed
};

/// No message makes us ask more: 8 for the author domain, one for its existence, the rest for the
/// identifiers, in order; those beyond it count as not aligned.
inline constexpr std::size_t kMaxQueries = 40;
/// Signatures of more different domains than this are not looked at.
inline constexpr std::size_t kMaxIdentifiers = 100;

/// One lower: reject gives quarantine, quarantine gives none (section 4.7, t=).
Policy lower_policy(Policy policy);

/// Asks the author domain's walk at once, together with the walks of identifiers that look related;
/// other walks only when the policy makes them matter. Two rounds at most.
class Evaluate final : public Flow<Outcome> {
 public:
  explicit Evaluate(Request request);
  Step<Outcome> step(const Answers& answers) override;

 private:
  Request request_;
};

}  // namespace gatepost::dmarc
