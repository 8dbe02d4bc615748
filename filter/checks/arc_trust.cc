#include "filter/checks/arc_trust.h"

#include "core/authres/authentication_results.h"
#include "core/base/text.h"
#include "dmarc/domain.h"

namespace gatepost {

namespace {

constexpr std::size_t kMaxComment = 300;

/// The value of a property such as "header.from"; null when there is none.
const std::string* property(const authres::AuthResult& result, std::string_view ptype,
                            std::string_view name) {
  for (const authres::Property& each : result.properties) {
    if (each.ptype == ptype && each.property == name) return &each.value;
  }
  return nullptr;
}

/// The domain of an address, or the domain itself.
std::optional<std::string> domain_of(const std::string* value) {
  if (value == nullptr) return std::nullopt;
  return dmarc::canonical_domain(std::string_view(*value).substr(value->rfind('@') + 1));
}

// RFC 9989 section 3.2.10: relaxed alignment is to have the same Organizational Domain.
bool is_aligned(const std::optional<std::string>& domain, dmarc::AlignmentMode mode,
                const dmarc::Outcome& outcome) {
  if (!domain || outcome.author_domain.empty()) return false;
  if (*domain == outcome.author_domain) return true;
  return mode == dmarc::AlignmentMode::relaxed && !outcome.org_domain.empty() &&
         dmarc::is_at_or_below(*domain, outcome.org_domain);
}

/// Whether the result says that the author domain was authenticated.
bool proves_author(const authres::AuthResult& result, const dmarc::Outcome& outcome) {
  if (result.result != "pass") return false;
  if (result.method == "dmarc") {
    const auto from = domain_of(property(result, "header", "from"));
    return from && *from == outcome.author_domain;
  }
  if (result.method == "spf") {
    return is_aligned(domain_of(property(result, "smtp", "mailfrom")), outcome.spf.mode, outcome);
  }
  if (result.method != "dkim") return false;
  const std::string* domain = property(result, "header", "d");
  if (domain == nullptr) domain = property(result, "header", "i");
  return is_aligned(domain_of(domain), outcome.dkim.mode, outcome);
}

/// The result of a set that proves the author, as "dmarc=pass"; empty without one.
std::string evidence(const arc::SetResult& set, const dmarc::Outcome& outcome) {
  const auto results = authres::parse(set.results);
  if (!results) return {};
  for (const authres::AuthResult& result : results->results) {
    if (proves_author(result, outcome)) return result.method + "=pass";
  }
  return {};
}

// "arc=pass as[2].d=list.example as[2].s=s1 as[1].d=…", the newest first.
std::string report_comment(const arc::ChainResult& chain) {
  std::string comment = "arc=pass";
  for (std::size_t i = chain.sets.size(); i-- > 0;) {
    const arc::SetResult& set = chain.sets[i];
    const std::string as = " as[" + std::to_string(set.instance) + "].";
    if (comment.size() + set.seal.domain.size() + set.seal.selector.size() > kMaxComment)
      return comment + " ...";
    comment += as + "d=" + set.seal.domain + as + "s=" + set.seal.selector;
  }
  return comment;
}

}  // namespace

std::optional<ArcTrust> arc_trust(const arc::ChainResult& chain, const MatchList& sealers,
                                  const dmarc::Outcome& outcome) {
  if (chain.sets.empty() || !sealers.match_name(chain.sets.back().seal.domain)) return std::nullopt;
  const std::string& sealer = chain.sets.back().seal.domain;
  if (chain.status != arc::ChainStatus::pass) {
    return ArcTrust{chain.temporary ? ArcTrust::Answer::unknown : ArcTrust::Answer::no,
                    "sealed by " + sealer + ", but " + chain.reason, ""};
  }
  if (!chain.author_signed)
    return ArcTrust{ArcTrust::Answer::no, sealer + " did not sign the From field", ""};
  for (std::size_t i = chain.sets.size(); i-- > 0;) {
    const arc::SetResult& set = chain.sets[i];
    if (!sealers.match_name(set.seal.domain)) break;
    const std::string proof = evidence(set, outcome);
    if (proof.empty()) continue;
    return ArcTrust{ArcTrust::Answer::yes,
                    set.seal.domain + " (set " + std::to_string(set.instance) + ") says " + proof +
                        " for " + outcome.author_domain,
                    report_comment(chain)};
  }
  return ArcTrust{ArcTrust::Answer::no,
                  "no trusted set says that " + outcome.author_domain + " was authenticated", ""};
}

}  // namespace gatepost
