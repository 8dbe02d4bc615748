#pragma once
// Which header fields are removed and added at the end of a message.

#include <span>
#include <string>
#include <vector>

#include "core/mail/header_field.h"
#include "filter/policy/envelope.h"
#include "filter/policy/policy.h"
#include "filter/policy/verdict.h"
#include "filter/session/facts.h"

namespace gatepost {

/// Pure. Forged fields go, from the last index backwards so that indices stay right; ours come
/// first: the ARC set, DKIM-Signature, Authentication-Results, Received-SPF, X-Spam-*.
std::vector<HeaderEdit> header_edits(std::span<const mail::HeaderField> fields,
                                     const Policy& policy, const Connection& connection,
                                     const Verdict& verdict, const Facts& facts);

/// policy.authserv_id, else the MTA's {j}, else "localhost".
std::string authserv_id(const Policy& policy, const Connection& connection);

/// That one, own_authserv_ids and trusted_authserv_ids: names that are believed from a trusted
/// relay and that nobody else may use.
std::vector<std::string> believed_authserv_ids(const Policy& policy, const Connection& connection);

}  // namespace gatepost
