#pragma once
// Which key signs the mail of which author domain, and how.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "dkim/private_key.h"
#include "dkim/signature.h"
#include "dkim/signing_table.h"

namespace gatepost::dkim {

/// The selectors in use, as the file `current` in a folder of keys has them: one a line, '#' begins
/// a comment. @return at most SigningKeys::kMaxKeys, at least one; or a permanent Error.
Result<std::vector<std::string>> parse_selectors(std::string_view text);

struct SigningKey {
  std::string domain;    ///< d=: lower-case A-labels
  std::string selector;  ///< s=: lower-case A-labels
  std::shared_ptr<const PrivateKey> key;
  bool subdomains = false;    ///< also signs for authors below `domain`
  std::string identity = {};  ///< i=, without need of encoding; empty: none
};

/// The fields that are signed where present. All that say who wrote what to whom and how to read
/// it; what lists rewrite by design (Subject tags, footers) breaks any signature. Received,
/// Return-Path and what filters add (X-Spam-*, Authentication-Results) are left out (RFC 6376
/// section 5.4.1).
const std::vector<std::string>& list_safe_headers();

/// Which fields h= names once more than they are present, so that another one cannot be added
/// (RFC 6376 section 8.15).
enum class Oversign {
  none,
  /// Those present that readers see or act on (list_safe_oversigned()). Never an absent field, so
  /// that lists and MTAs may add what is missing.
  list_safe,
  /// All signed fields, absent ones too, but for those that an MTA adds when they are missing
  /// (added_by_mtas()). Mailing lists that add Reply-To or List-* break the signature.
  all,
};

/// From, Subject, To, Cc, Date and so on; not what lists set (Sender, the other List-*).
bool list_safe_oversigned(std::string_view name);
/// Date, Message-ID, Sender, To and Resent-*: a signature that named them while they are absent
/// would break behind the next MTA.
bool added_by_mtas(std::string_view name);

struct SignOptions {
  Canonicalization header_form = Canonicalization::relaxed;
  Canonicalization body_form = Canonicalization::relaxed;
  /// x= is this many seconds after t=; 0: no x=.
  std::int64_t lifetime = 0;
  std::vector<std::string> headers = list_safe_headers();  ///< as written into h=
  Oversign oversign = Oversign::list_safe;
};

/// opendkim's two tables with their keys decoded.
struct SigningTables {
  KeyTable keys;
  SigningTable senders;
  bool multiple = false;  ///< all senders that fit, opendkim's MultipleSignatures
  /// By KeyTable::Entry::key, in paths with the author's domain for "%".
  std::map<std::string, std::shared_ptr<const PrivateKey>, std::less<>> decoded;
};

/// Immutable; from any thread.
class SigningKeys {
 public:
  /// More keys sign no message.
  static constexpr std::size_t kMaxKeys = 10;

  SigningKeys(std::vector<SigningKey> keys, SignOptions options, SigningTables tables = {});

  /// The keys for an author, USER@DOMAIN or only DOMAIN (lower-case A-labels): those that the
  /// tables name, else all keys of the domain in the order of the configuration, else those of the
  /// closest domain above it that signs for subdomains.
  std::vector<SigningKey> keys_for(std::string_view author) const;
  const std::vector<SigningKey>& keys() const { return keys_; }
  const SignOptions& options() const { return options_; }

 private:
  std::vector<SigningKey> from_tables(std::string_view local, const std::string& domain) const;

  std::vector<SigningKey> keys_;
  SignOptions options_;
  SigningTables tables_;
};

}  // namespace gatepost::dkim
