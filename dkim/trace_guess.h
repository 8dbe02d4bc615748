#pragma once
// What may have happened to a message behind its signer, found out by trying. Private to this room.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dkim/header_hash.h"

namespace gatepost::dkim {

/// A field as z= has kept it (RFC 6376 section 3.5).
struct CopiedField {
  std::string name;   ///< as written
  std::string value;  ///< decoded
};

/// The copied fields of the value of z=; empty when it is malformed. At most 100.
std::vector<CopiedField> read_copied_fields(std::string_view z);

/// White space runs as one blank, none at the ends: two values that differ only there are the same.
std::string one_line(std::string_view value);

/// Whether this body has the hash that was signed.
using BodyTest = std::function<bool(std::string_view)>;
/// What was done to the body when undoing it makes `same` true, as a sentence.
std::optional<std::string> guess_body_change(std::string_view body, const BodyTest& same);

/// Whether the signature matches these fields. The signature's own field keeps its index.
using HeaderTest = std::function<bool(const std::vector<KeptField>&)>;
/// The same for the header.
/// @param names   h=, lower case
/// @param copied  what z= says
std::optional<std::string> guess_header_change(const std::vector<KeptField>& fields,
                                               std::size_t own,
                                               const std::vector<std::string>& names,
                                               const std::vector<CopiedField>& copied,
                                               const HeaderTest& same);

}  // namespace gatepost::dkim
