#pragma once
// The three header fields of ARC as data (RFC 8617 section 4.1).

#include <optional>
#include <string>
#include <string_view>

#include "dkim/signature.h"

namespace gatepost::arc {

/// RFC 8617 section 4.2.1: instances are 1 to 50.
constexpr int kMaxInstance = 50;

enum class FieldKind { authentication_results, message_signature, seal };
constexpr int kFieldKinds = 3;

/// "ARC-Authentication-Results", …
const char* to_string(FieldKind kind);
/// Which of the three a field name means, in any letter case; nothing for other fields.
std::optional<FieldKind> field_kind(std::string_view name);

/// One of the three. `problem` is empty when the field is well formed, else one sentence; then all
/// else is what could be read.
struct Field {
  FieldKind kind = FieldKind::seal;
  int instance = 0;  ///< i=; 0 when it has none that counts
  std::string problem;
  dkim::ParsedSignature signature;  ///< of message signatures and seals
  std::string cv;                   ///< of seals: "none", "pass", "fail"
  std::string
      payload;  ///< of authentication results: the value behind "i=1;", for authres::parse()

  bool ok() const { return problem.empty(); }
};

/// Reads the value of a field (all behind the colon, folds allowed). A problem is: i= missing or
/// not 1 to 50, whatever parse_signature() objects to, a cv= that is missing or none of the three
/// words, an ARC-Authentication-Results that does not begin with "i=N;". What stands in the payload
/// is not judged. Values above dkim::kMaxSignatureField octets are a problem. Pure; safe from any
/// thread.
Field parse_field(FieldKind kind, std::string_view value);

}  // namespace gatepost::arc
