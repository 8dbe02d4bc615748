#pragma once
// Which header fields are removed and added at the end of a message.

#include <span>
#include <string>
#include <vector>

#include "core/mail/header_field.h"
#include "filter/policy/policy.h"
#include "filter/policy/verdict.h"
#include "filter/session/header_sources.h"

namespace gatepost {

/// Pure. Forged fields go, from the last index backwards so that indices stay right; ours come
/// first: the ARC set, DKIM-Signature, Authentication-Results, Received-SPF, X-Spam-* (those of
/// rule files above our own). A field of ours that a rule file names for this kind of mail is the
/// rule file's: it is there once, or not at all.
std::vector<HeaderEdit> header_edits(const HeaderSources& sources);

/// The fields as they are with these edits: folds as CRLF, one blank behind each colon of a new
/// value.
std::vector<mail::HeaderField> edited(std::span<const mail::HeaderField> fields,
                                      std::span<const HeaderEdit> edits);

/// policy.authserv_id, else the MTA's {j}, else "localhost".
std::string authserv_id(const Policy& policy, const Connection& connection);

/// That one, own_authserv_ids and trusted_authserv_ids: names that are believed from a trusted
/// relay and that nobody else may use.
std::vector<std::string> believed_authserv_ids(const Policy& policy, const Connection& connection);

}  // namespace gatepost
