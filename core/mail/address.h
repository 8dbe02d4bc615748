#pragma once
// Envelope addresses (RFC 5321 section 4.1.2, RFC 6531) and the one form a domain is kept in.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace gatepost::mail {

/// Budgets, in octets. RFC 5321 section 4.5.3.1 allows a sender 64 for the local part, 255 for the
/// domain and 256 for a path; real senders (VERP, SRS, BATV) write longer local parts, so the room
/// is larger. What exceeds it is a permanent error.
constexpr std::size_t kMaxPath = 2048;      ///< a whole path with its source route
constexpr std::size_t kMaxLocalPart = 512;  ///< unquoted
constexpr std::size_t kMaxDomain = 253;     ///< as A-labels (RFC 1035 section 2.3.4)
constexpr std::size_t kMaxLabel = 63;

struct Address {
  std::string local_part;  ///< unquoted, letter case kept, UTF-8
  std::string domain;      ///< lower-case A-labels; or a literal with its brackets, "[192.0.2.1]";
                           ///< empty only for the bare "postmaster" of parse_forward_path

  /// local_part@domain, the local part quoted where it must be; no angle brackets.
  std::string text() const;

  bool operator==(const Address&) const = default;
};

/// A domain in the form all of the project compares: lower-case A-labels (IDNA 2008 by way of
/// UTS 46), no dot at its end. Letters, digits, '-' and '_' only, labels of 1 to kMaxLabel octets;
/// "_" is no host name (RFC 1123) but common and harmless. ASCII labels that start with "xn--" are
/// kept as they are. Pure, any thread. @return a permanent error for what cannot be a domain.
Result<std::string> normalize_domain(std::string_view domain);

/// What stands between '[' and ']', both included: an IPv4 address, "IPv6:" and an address, or
/// another tag (RFC 5321 section 4.1.3). @return it in lower case, or a permanent error.
Result<std::string> normalize_literal(std::string_view literal);

/// The argument of MAIL FROM, with or without angle brackets, without ESMTP parameters. A source
/// route is checked and dropped (RFC 5321 appendix F.2). Empty atoms in a local part ("a..b", sent
/// by some carriers) are accepted: the MTA took it and the domain is not in doubt.
/// @return no value for the null path "<>"; a permanent error that says what is wrong.
Result<std::optional<Address>> parse_reverse_path(std::string_view path);

/// The argument of RCPT TO; also the bare "postmaster" in any letter case (RFC 5321
/// section 4.1.1.3), whose domain is empty.
Result<Address> parse_forward_path(std::string_view path);

}  // namespace gatepost::mail
