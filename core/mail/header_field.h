#pragma once
// One header field with its exact white space.

#include <string>

namespace gatepost::mail {

/// A header field as it stood in the message: `name` + ':' + `value` + CRLF is the field again,
/// octet for octet (DKIM's simple canonicalisation needs that, RFC 6376 section 3.4.1).
struct HeaderField {
  std::string name;  ///< as written; may end in white space ("Subject : x")
  std::string
      value;  ///< everything behind the colon, with its leading blank; folds are CRLF + blank

  bool operator==(const HeaderField&) const = default;
};

}  // namespace gatepost::mail
