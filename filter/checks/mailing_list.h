#pragma once
// Whether a mailing list handed a message on, and whether it is who it says.

#include <string>
#include <vector>

#include "core/mail/header_field.h"
#include "filter/session/facts.h"

namespace gatepost {

/// Reads List-Id (RFC 2919) and List-Post (RFC 2369) as they arrive. One message, one thread.
class MailingList {
 public:
  void read(const mail::HeaderField& field);
  /// The domain that SPF or DKIM authenticates and that stands for the list: it, one above or one
  /// below the domain that the fields name. Empty: no list, or one that proves nothing.
  std::string authenticated_by(const Facts& facts) const;

 private:
  static constexpr std::size_t kMaxDomains = 4;
  void add(std::string_view domain);

  std::vector<std::string> domains_;
};

/// Whether a signature for the author's domain, or one above or below it, is there and did not
/// verify: what a list leaves of honest mail.
bool author_signature_failed(const Facts& facts);

}  // namespace gatepost
