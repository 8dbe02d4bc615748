#pragma once
// From the results of SPF, DKIM and the From field to DMARC's own plain values.

#include <vector>

#include "core/mail/from_field.h"
#include "dkim/result.h"
#include "dmarc/evaluate.h"
#include "spf/evaluate.h"

namespace gatepost {

/// `strict`: only one well-formed mailbox is an author (dmarc.author).
void set_author(const mail::AuthorIdentity& author, bool strict, dmarc::Request& request);
void set_spf(const spf::Outcome& outcome, dmarc::Request& request);
void add_signatures(const std::vector<dkim::SignatureResult>& signatures, dmarc::Request& request);

}  // namespace gatepost
