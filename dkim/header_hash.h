#pragma once
// The header hash of a signature, made by ourselves (RFC 6376 section 3.7): of what we sign, and of
// the few signatures that libopendkim cannot hold. Its own hashes are the oracle of a test.

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

/// Stands for "none of the fields".
constexpr std::size_t kNoField = static_cast<std::size_t>(-1);

/// One canonical field, without a line end.
std::string canonical_field(const KeptField& field, Canonicalization form);

/// The signature field itself as it ends what is hashed: canonical, without the value of its b=,
/// and without a line end (RFC 6376 section 3.7).
std::string canonical_own_field(const KeptField& field, Canonicalization form);

/// The canonical fields that an h= names, each with its CRLF: the n-th mention of a name stands for
/// the n-th field of that name from the bottom; one too many for nothing (RFC 6376 section 5.4.2).
/// @param own    index of a field that is left out, or kNoField
/// @param names  lower case
std::string canonical_fields(const std::vector<KeptField>& fields, std::size_t own,
                             const std::vector<std::string>& names, Canonicalization form);

/// Canonicalises the signed fields and the signature's own field without its b=, and hashes them.
/// @param fields  all fields of the message, in order
/// @param own     index of the signature's own DKIM-Signature field
/// @return        32 octets of SHA-256
std::string header_hash(const std::vector<KeptField>& fields, std::size_t own,
                        const Signature& signature);

}  // namespace gatepost::dkim
