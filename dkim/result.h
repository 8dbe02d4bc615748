#pragma once
// What became of one signature.

#include <string>

namespace gatepost::dkim {

/// The result words of RFC 8601 section 2.7.1 (none: a message without signatures).
enum class Outcome { none, pass, fail, policy, neutral, temperror, permerror };

/// "none", "pass", …
const char* to_string(Outcome outcome);

/// One DKIM-Signature field and its result. Texts come from the message: strings may be empty when
/// the field was malformed, and hold no control characters.
struct SignatureResult {
  Outcome outcome = Outcome::neutral;
  std::string reason;     ///< one sentence for people; empty with pass
  std::string domain;     ///< d= as A-labels (header.d)
  std::string selector;   ///< s= as A-labels (header.s)
  std::string identity;   ///< i=, or "@" + domain (header.i)
  std::string algorithm;  ///< a=: "rsa-sha256" … (header.a)
  std::string b_prefix;   ///< the first 8 characters of b= (header.b, RFC 6008)
  int key_bits = 0;       ///< of the public key; 0 when it was not seen
  bool testing = false;   ///< the key says t=y: never treat a failure worse than no signature
  bool secure = false;    ///< the key's answer was validated by DNSSEC

  bool operator==(const SignatureResult&) const = default;
};

}  // namespace gatepost::dkim
