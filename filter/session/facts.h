#pragma once
// What the checks of one transaction found out, in the words of their protocols: the input of
// checks that come later, of header fields and of the record.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/authres/authentication_results.h"
#include "core/base/ip.h"
#include "core/mail/from_field.h"
#include "dkim/arc/seal.h"
#include "dkim/sign.h"
#include "dkim/verify.h"
#include "dmarc/disposition.h"
#include "filter/policy/verdict.h"
#include "spf/evaluate.h"

namespace gatepost {

struct DnsListHit {
  std::string zone;
  std::string answer;  ///< the address it answered with, or why it counts as an error
  bool error = false;
  std::vector<std::string> addresses = {};  ///< all it answered with
};

struct Facts {
  std::optional<spf::Outcome>
      spf_mail_from;                     ///< of MAIL FROM, or of postmaster@HELO for the null path
  std::string spf_domain;                ///< the domain that was checked for it
  std::optional<spf::Outcome> spf_helo;  ///< of the HELO name, where MAIL FROM is another identity
  /// The client from outside that SPF speaks of when a trusted relay brought the message.
  std::optional<IpAddress> spf_client;
  std::vector<std::string> received_spf;  ///< values of our Received-SPF fields, MAIL FROM's first
  std::vector<dkim::SignatureResult> dkim;
  /// What a trusted relay says in fields of ids that we believe, from the top.
  std::vector<authres::AuthenticationResults> relayed;
  std::vector<dkim::NewSignature> signatures;  ///< ours, to be added
  std::optional<mail::AuthorIdentity> author;
  std::optional<dmarc::Outcome> dmarc;
  /// What came of it: known with the verdict at the end of the message.
  std::optional<dmarc::Disposition> dmarc_disposition;
  std::optional<arc::ChainResult> arc;  ///< of mail from outside, also when it has no chain
  std::optional<arc::NewSet> arc_set;   ///< ours, to be added
  std::vector<DnsListHit> dns_lists;
  /// Seconds that greylisting delayed the message, the longest of its recipients; nothing: not.
  std::optional<std::int64_t> greylist_delay;
  /// Names of subrules that hit, as far as a header field of the policy shows them.
  static constexpr std::size_t kMaxSubrules = 1000;
  std::vector<std::string> subrules;
  /// What rule files change in Subject, From and To of this message: what is signed and sealed is
  /// the changed header.
  std::vector<HeaderEdit> rewrites;
  std::vector<authres::AuthResult>
      results;  ///< for our Authentication-Results field, in check order
};

}  // namespace gatepost
