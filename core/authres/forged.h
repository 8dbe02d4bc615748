#pragma once
// Which Authentication-Results fields of an arriving message pretend to be ours.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/header_field.h"

namespace gatepost::authres {

/// True when some reader of the field `value` could take one of `ids` for its authserv-id
/// (RFC 8601 section 5: such fields must not get in from outside). Conservative: any letter case,
/// A-labels for U-labels, quotes, comments read in every known way, folds, blanks around dots,
/// controls, encoded words, versions, any rest. It may be wrong in one direction only: a field of
/// someone else with a strange beginning that names one of `ids`, or with more than 4096 octets
/// before its first semicolon, counts as ours too. An id in a property
/// ("smtp.helo=mail.example.com") is none. Pure, any thread, the cost is bounded.
bool claims_authserv_id(std::string_view value, std::span<const std::string> ids);

/// The Authentication-Results fields among `fields` (all fields of the message, top first) that
/// claim one of `ids`: their 1-based numbers among the Authentication-Results fields, from the last
/// one to the first, so that removing one (smfi_chgheader) does not move those still to go.
std::vector<int> forged_indices(std::span<const mail::HeaderField> fields,
                                std::span<const std::string> ids);

}  // namespace gatepost::authres
