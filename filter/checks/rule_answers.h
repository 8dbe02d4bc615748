#pragma once
// What this filter found out, in the words of SpamAssassin's eval functions.

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "filter/session/facts.h"
#include "rules/rule_set.h"

namespace gatepost {

/// For rules that ask for SPF, DKIM, DMARC, ARC and DNS lists. Valid as long as what it is made of.
///
/// - check_for_spf_*, check_for_spf_helo_*: the result of that word; of the null path there
///   is that of HELO alone (RFC 7208 section 2.4).
/// - check_dkim_signed, _valid, _valid_author_sig, _valid_envelopefrom, _testing: the signatures by
///   their d=; with domains of one of these, ".d" and "*.d" with subdomains.
/// - check_dkim_dependable: DKIM was looked at.
/// - check_dkim_adsp, _signall, _signsome: never, ADSP is historic (RFC 5617).
/// - check_arc_signed, check_arc_valid: a chain is there, it is valid.
/// - check_dmarc_pass, _reject, _quarantine, _none, _missing: result and published policy.
/// - check_rbl, check_rbl_txt, check_rbl_sub: the list is one of dns_lists and lists the client of
///   this hop.
/// - check_rbl_envfrom, _from_host, _from_domain, _ns_from, _headers, _rcvd, check_dns_sender:
///   never, these are not asked.
/// - check_finding, ours: a finding of that name stands.
class RuleAnswers final : public rules::FindingAnswers {
 public:
  /// @param found  whether a finding of that name was stated
  RuleAnswers(const Facts& transaction, const Facts& connection, std::string_view mail_from,
              const rules::RuleSet& set, std::function<bool(std::string_view)> found);

  bool holds(std::string_view function, std::span<const std::string> arguments) const override;
  bool is_signed_by(std::string_view domain) const override;

 private:
  bool spf(std::string_view word, bool of_helo) const;
  bool dkim(std::string_view what, std::span<const std::string> domains) const;
  bool dmarc(std::string_view what) const;
  bool listed(std::string_view function, std::span<const std::string> arguments) const;
  std::string zone_of(std::string_view set_name) const;

  const Facts& facts_;
  const Facts& connected_;
  std::string_view mail_from_;
  const rules::RuleSet& set_;
  std::function<bool(std::string_view)> found_;
};

}  // namespace gatepost
