#pragma once
// The header hash of a signature, made by ourselves (RFC 6376 section 3.7): for the few signatures
// that libopendkim cannot hold. Its own hashes are the oracle of a test.

#include <cstddef>
#include <string>
#include <vector>

#include "core/mail/header_field.h"
#include "dkim/signature.h"

namespace gatepost::dkim {

/// A field as the room keeps it.
struct KeptField {
  std::string text;   ///< name, colon and value; bare LF became CRLF; no CRLF at its end
  std::string name;   ///< lower case, without white space at its end
  std::size_t colon;  ///< where the colon stands in text
};

/// @return the field for hashing; a bare LF in the value becomes CRLF, as it is sent on the wire.
KeptField keep_field(const mail::HeaderField& field);

/// Canonicalises the signed fields and the signature's own field without its b=, and hashes them.
/// @param fields  all fields of the message, in order
/// @param own     index of the signature's own DKIM-Signature field
/// @return        32 octets of SHA-256
std::string header_hash(const std::vector<KeptField>& fields, std::size_t own,
                        const Signature& signature);

}  // namespace gatepost::dkim
