#pragma once
// Received fields: which client a mail server took a message from, as that server wrote it.

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/ip.h"
#include "core/base/result.h"
#include "core/mail/header_field.h"

namespace gatepost::mail {

constexpr std::size_t kMaxReceivedValue = 4096;  ///< octets of one field; longer is an error
constexpr std::size_t kMaxReceivedFields = 50;   ///< that are looked at on the way down

/// The client of one hop.
struct ReceivedClient {
  IpAddress address;
  std::string helo;            ///< what the client said, untrusted; empty when the field has none
  bool authenticated = false;  ///< "with ESMTPA", "ESMTPSA", … (RFC 3848, RFC 6531): a login

  bool operator==(const ReceivedClient&) const = default;
};

/// Reads the value of one Received field (RFC 5321 section 4.4) as Postfix, Sendmail, Exim,
/// Exchange, qmail, Courier, OpenSMTPD and CommuniGate write it. Strict: the address is taken only
/// from the place where the server writes what it saw, never from what the client said; what fits
/// no known form is an error.
/// @return no value for qmail's own step, "(qmail 7 invoked from network)": the field below it is
/// of
///         the same server. A permanent Error when no client can be told. Linear. Pure.
Result<std::optional<ReceivedClient>> parse_received(std::string_view value);

/// The first client that is not `trusted`, from the top of the header down. The topmost field must
/// have been written by a trusted server; each trusted client vouches for the field below.
/// Loopback clients are the server itself.
/// @return a permanent Error that says why there is none: no field left, one that cannot be read, a
///         login, a private address, more than kMaxReceivedFields. Pure.
Result<ReceivedClient> first_outside_client(std::span<const HeaderField> fields,
                                            const std::function<bool(const IpAddress&)>& trusted);

}  // namespace gatepost::mail
