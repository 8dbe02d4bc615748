#pragma once
// DKIM key records: what stands in DNS at SELECTOR._domainkey.DOMAIN.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/flow/flow.h"

namespace gatepost::dkim {

enum class KeyType { rsa, ed25519 };

/// @return "rsa" or "ed25519", as in k=.
const char* to_string(KeyType type);

/// The largest record that is read, in octets: an RSA key of 16,384 bits takes 2,800.
constexpr std::size_t kMaxKeyRecord = 4096;

/// A usable key record (RFC 6376 section 3.6.1). Tags that are not known are ignored, the g= of
/// RFC 4871 too.
struct KeyRecord {
  KeyType type = KeyType::rsa;        ///< k=
  std::string key;                    ///< p=, decoded: DER for rsa, 32 octets for ed25519
  std::vector<std::string> hashes;    ///< h=; empty means all
  std::vector<std::string> services;  ///< s=; empty means all
  std::string notes;                  ///< n= as written, for people
  bool testing = false;               ///< t=y: the domain is testing
  bool strict_identity = false;       ///< t=s: i= must have exactly the domain of d=

  /// Whether h= lets signatures with this hash ("sha256") be verified.
  bool allows_hash(std::string_view hash) const;
  /// Whether s= names e-mail: absent, "*" or "email".
  bool allows_email() const;

  bool operator==(const KeyRecord&) const = default;
};

/// Parses one TXT record whose character-strings are already joined.
/// @param txt  up to 4096 bytes of `tag=value` pairs separated by ';'; longer is a permanent error.
/// @return     the record, or a permanent Error: bad tag syntax, v= is not DKIM1, k= is unknown, p=
///             missing or not base64, or p= empty ("key revoked").
/// RFC 6376 section 3.6.1. Pure: no I/O, no locale, safe from any thread.
Result<KeyRecord> parse_key_record(std::string_view txt);

/// What DNS says about the key of one signature.
struct KeyAnswer {
  /// The record; a temporary Error when DNS failed (servfail, timeout, bogus, …), a permanent one
  /// when there is no key, it is revoked or cannot be used.
  Result<KeyRecord> record;
  bool secure = false;  ///< the answer was validated by DNSSEC
};

/// Reads the answer to a key query. Of several TXT records, which RFC 6376 section 3.6.2.2 leaves
/// undefined, the first usable one is taken, else the error of the first that looks like a key.
KeyAnswer read_key_answer(const dns::Answer& answer);

/// Fetches the key of one signature: a single TXT question (RFC 6376 section 3.6.2).
class KeyFlow final : public Flow<KeyAnswer> {
 public:
  explicit KeyFlow(dns::Query key_query) : query_(std::move(key_query)) {}
  Step<KeyAnswer> step(const Answers& answers) override;

 private:
  dns::Query query_;
};

}  // namespace gatepost::dkim
