#pragma once
// The Received field of the hop that is being made now: the MTA writes it when the filters are
// done and shows it to none of them. Rules look for it all the same.

#include <cstdint>
#include <optional>
#include <string>

#include "core/mail/header_field.h"
#include "filter/policy/envelope.h"

namespace gatepost {

/// The field as Postfix writes it (RFC 5321 section 4.4): what the client said and where it came
/// from, that it used TLS or a login (RFC 3848), our name and queue id, the recipient when there is
/// one alone, the time in UTC. Nothing for mail that did not come by SMTP.
///
/// What the client said is untrusted: characters that have a meaning in the field are '?'.
std::optional<mail::HeaderField> received_of(const Connection& connection, const Envelope& envelope,
                                             std::int64_t unix_time);

/// "Thu, 26 Nov 2026 10:00:00 +0000", RFC 5322 section 3.3, in UTC, whatever the locale.
std::string mail_date(std::int64_t unix_time);

}  // namespace gatepost
