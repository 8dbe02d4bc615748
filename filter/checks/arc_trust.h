#pragma once
// Whether an ARC chain may stand in for a DMARC pass.

#include <optional>
#include <string>

#include "dkim/arc/chain.h"
#include "dmarc/evaluate.h"
#include "filter/policy/match_list.h"

namespace gatepost {

struct ArcTrust {
  enum class Answer {
    no,       ///< the failure stands
    yes,      ///< it does not count
    unknown,  ///< the chain could not be checked now
  };
  Answer answer = Answer::no;
  std::string detail;   ///< one sentence for people
  std::string comment;  ///< with yes: for reports, in the form of RFC 8617 section 7.2.2
};

/// For a message that failed DMARC. Nothing when it has no chain or its newest sealer is none of
/// `sealers`. Yes when
/// - the chain passes and its newest message signature covers From,
/// - and one of the sets from the newest on down, as long as their sealers are all trusted, says
///   that the message as it came there had dmarc=pass for the author domain, or SPF or DKIM that
///   passed for a domain aligned with it.
/// Behind a sealer that is not trusted nothing counts: it could have changed all. Pure.
std::optional<ArcTrust> arc_trust(const arc::ChainResult& chain, const MatchList& sealers,
                                  const dmarc::Outcome& outcome);

}  // namespace gatepost
