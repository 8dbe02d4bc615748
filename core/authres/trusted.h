#pragma once
// The results of those whom we believe.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/authres/authentication_results.h"
#include "core/mail/header_field.h"

namespace gatepost::authres {

/// At most this many fields of a message are believed: the first ones, which are the newest.
constexpr std::size_t kMaxTrustedFields = 20;

/// The Authentication-Results fields among `fields` (top first) that parse() reads and whose
/// authserv-id is one of `ids`. The opposite of claims_authserv_id(): here only the plain reading
/// counts. ASCII case does not count, U-labels and A-labels of a name are the same, versions other
/// than 1 are not understood (RFC 8601 section 2.2) and left out.
/// The caller vouches for the hop: from an untrusted client all of them may be forged.
/// Pure, any thread.
std::vector<AuthenticationResults> trusted_results(std::span<const mail::HeaderField> fields,
                                                   std::span<const std::string> ids);

}  // namespace gatepost::authres
