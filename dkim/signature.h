#pragma once
// One DKIM-Signature field as data (RFC 6376 section 3.5).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dns/answer.h"

namespace gatepost::dkim {

/// a=. rsa_sha1 is read so that it can be named; it never verifies (RFC 8301 section 3.1).
enum class Algorithm { rsa_sha1, rsa_sha256, ed25519_sha256 };
enum class Canonicalization { simple, relaxed };

/// "rsa-sha1", "rsa-sha256", "ed25519-sha256".
const char* to_string(Algorithm algorithm);
/// "simple", "relaxed".
const char* to_string(Canonicalization canonicalization);

/// The largest value of a DKIM-Signature field that is read, in octets.
constexpr std::size_t kMaxSignatureField = 32768;
/// The most names that h= may hold.
constexpr std::size_t kMaxSignedHeaders = 1000;

struct Signature {
  Algorithm algorithm = Algorithm::rsa_sha256;
  Canonicalization header_form = Canonicalization::simple;  ///< c=, first part
  Canonicalization body_form = Canonicalization::simple;    ///< c=, second part
  std::string domain;                                       ///< d=: A-labels, lower case
  std::string selector;                                     ///< s=: A-labels, lower case
  std::string identity;  ///< i= decoded, its domain as written; "@" + domain when absent
  bool identity_in_subdomain = false;        ///< the domain of i= is longer than d=
  std::string body_hash;                     ///< bh=, 32 octets (20 for rsa-sha1)
  std::string signature;                     ///< b=, octets
  std::string b_prefix;                      ///< the first 8 characters of b=: header.b of RFC 6008
  std::vector<std::string> signed_headers;   ///< h= in its order, lower case
  std::optional<std::uint64_t> body_length;  ///< l=, octets of the canonical body
  std::optional<std::int64_t> timestamp;     ///< t=, seconds since 1970
  std::optional<std::int64_t> expiration;    ///< x=, seconds since 1970, later than t=

  /// How often h= names the field (lower case).
  std::size_t times_signed(std::string_view name) const;
  /// The TXT question for the key: SELECTOR._domainkey.DOMAIN (RFC 6376 section 3.6.2.1).
  dns::Query key_query() const;
};

/// A signature, or what is wrong with it.
struct ParsedSignature {
  Signature fields;       ///< with a problem: what could be read, for reports
  std::string algorithm;  ///< a= as written, known or not
  std::string problem;    ///< empty when all is well; else one sentence that names the tag

  bool ok() const { return problem.empty(); }
};

/// The fields that share the tags of DKIM-Signature.
enum class SignatureKind {
  dkim,
  /// ARC-Message-Signature (RFC 8617 section 4.1.2): no v=, i= is the chain's. An h= may be empty,
  /// hold empty names and lack From, as other verifiers have it; it must not name ARC-Seal.
  arc_message,
  arc_seal,  ///< ARC-Seal (RFC 8617 section 4.1.3): a=, b=, d=, s=, t=; an h= is a problem
};

/// Parses the value of a DKIM-Signature field (all behind the colon, folds allowed).
/// A problem is a tag that is missing, stands twice or has a value that RFC 6376 section 3.5 does
/// not allow, an i= outside d=, an h= without From, an x= not later than t=. Whether the signature
/// is acceptable (age, algorithm, key) is not judged here.
/// U-labels in d= and s= become A-labels (RFC 8616 section 5). Pure; safe from any thread.
ParsedSignature parse_signature(std::string_view value, SignatureKind kind = SignatureKind::dkim);

/// Whether `domain` is `parent` or a subdomain of it; ASCII case does not count.
bool is_within(std::string_view domain, std::string_view parent);

}  // namespace gatepost::dkim
