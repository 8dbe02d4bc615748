#pragma once
// Which key signs the mail of which author domain, and how.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dkim/private_key.h"
#include "dkim/signature.h"

namespace gatepost::dkim {

struct SigningKey {
  std::string domain;    ///< d=: lower-case A-labels
  std::string selector;  ///< s=: lower-case A-labels
  std::shared_ptr<const PrivateKey> key;
  bool subdomains = false;  ///< also signs for authors below `domain`
};

/// The fields that are signed where present. All that say who wrote what to whom and how to read
/// it; what lists rewrite by design (Subject tags, footers) breaks any signature. Received,
/// Return-Path and what filters add (X-Spam-*, Authentication-Results) are left out (RFC 6376
/// section 5.4.1).
const std::vector<std::string>& list_safe_headers();

struct SignOptions {
  Canonicalization header_form = Canonicalization::relaxed;
  Canonicalization body_form = Canonicalization::relaxed;
  /// x= is this many seconds after t=; 0: no x=.
  std::int64_t lifetime = 0;
  std::vector<std::string> headers = list_safe_headers();  ///< as written into h=
  /// Named in h= once more than present, so that another cannot be added (RFC 6376 section 8.15).
  /// Never a field that an MTA adds later when it is missing: Date, Message-ID, Sender.
  std::vector<std::string> oversigned = {"From"};
};

/// Immutable; from any thread.
class SigningKeys {
 public:
  SigningKeys(std::vector<SigningKey> keys, SignOptions options);

  /// All keys of the author domain, in the order of the configuration: those of the domain itself,
  /// else those of the closest domain above it that signs for subdomains. Valid as long as this.
  std::vector<const SigningKey*> keys_for(std::string_view author_domain) const;
  const std::vector<SigningKey>& keys() const { return keys_; }
  const SignOptions& options() const { return options_; }

 private:
  std::vector<SigningKey> keys_;
  SignOptions options_;
};

}  // namespace gatepost::dkim
