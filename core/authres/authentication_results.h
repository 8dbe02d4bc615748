#pragma once
// The Authentication-Results header field (RFC 8601): strict out, tolerant in.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace gatepost::authres {

/// "smtp.mailfrom=user@example.com": ptype "smtp", property "mailfrom", and the value unquoted.
struct Property {
  std::string ptype;     ///< lower case; empty only when parsed from "action=none" and its like
  std::string property;  ///< lower case
  std::string value;     ///< any text; quoting is format()'s work

  bool operator==(const Property&) const = default;
};

/// "dkim=pass (good signature) header.d=example.com"
struct AuthResult {
  std::string method;  ///< lower case: "spf", "dkim", "dmarc", "iprev", "auth", "arc"…
  std::string result;  ///< lower case: "pass", "fail"…
  std::string reason;  ///< text for machines, may be empty
  std::vector<Property> properties;
  std::string comment;  ///< text for people, without its parentheses, may be empty
  std::string version;  ///< of the method, digits; empty means 1 (RFC 8601 section 2.2)

  bool operator==(const AuthResult&) const = default;
};

struct AuthenticationResults {
  /// Who says so. Empty only when parsed from a field without one (Microsoft 365 writes such): it
  /// is nobody's and must not be trusted.
  std::string authserv_id;
  std::string version;              ///< of the field, digits; empty means 1
  std::vector<AuthResult> results;  ///< empty is "none": nothing was checked

  bool operator==(const AuthenticationResults&) const = default;
};

/// Comments, reasons and values are written with at most this many octets, so that no line can
/// reach the 998 of RFC 5322 section 2.1.1; what is longer is cut.
constexpr std::size_t kMaxText = 480;
/// parse() refuses more than this.
constexpr std::size_t kMaxFieldOctets = std::size_t{64} << 10;
constexpr std::size_t kMaxResults = 200;
constexpr std::size_t kMaxProperties = 200;  ///< of one result

/// The value of the field, without its name, in the syntax of RFC 8601 section 2.2: every result on
/// a line of its own, lines below 78 columns where a word is not longer by itself, what is no token
/// and no address in double quotes (so an id that holds '/'). Whatever is put in, it cannot end the
/// field, a comment or a quoted string: controls and octets that are no UTF-8 are dropped (line
/// breaks in comments and reasons become a blank), other characters escaped; names are reduced to
/// letters, digits, '-' and '_', and what has no name left is left out. UTF-8 may appear
/// (RFC 8601 section 5 with RFC 6532).
/// @param fold the line break: "\n\t" for libmilter, "\r\n\t" for a message, " " for one line.
/// parse(format(x)) == x for an x of clean text in lower-case names. Pure, any thread.
std::string format(const AuthenticationResults& results, std::string_view fold = "\n\t");

/// Reads what others wrote: comments and folds anywhere, letter case, quotes or none, versions, a
/// missing id, missing or needless semicolons, parts that are no result (skipped). The comment of a
/// result is the first one behind its '='. Pure, any thread.
/// @return a permanent error for comments or quotes that are not closed, controls inside quotes, a
/// NUL, and what exceeds the budgets above.
Result<AuthenticationResults> parse(std::string_view value);

}  // namespace gatepost::authres
