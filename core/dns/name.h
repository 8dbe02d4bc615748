#pragma once
// Domain names as text: what can be asked, and the ASCII form of international names.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace gatepost::dns {

/// Whether a canonical name (no trailing dot) fits the wire: labels of 1 to 63 octets, at most 253
/// in all (RFC 1035 section 2.3.4). The empty name is the root. Any octets may stand in labels.
bool is_wire_name(std::string_view name);

/// The last `labels` labels: ("a.b.example.org", 2) gives "example.org"; the name itself when it
/// has no more.
std::string_view last_labels(std::string_view name, int labels);

/// Whether `name` is `parent` or below it. Both canonical; the root is the parent of all.
bool is_at_or_below(std::string_view name, std::string_view parent);

/// The canonical ASCII form of a name in UTF-8 (IDNA 2008 with UTS 46 mapping, non-transitional).
/// Names that are ASCII already are only lower-cased, so that "_dmarc" stays possible; a trailing
/// dot goes. Labels that cannot be converted, or a result that does not fit the wire, are a
/// permanent Error. RFC 5891 section 5. Pure, any thread.
Result<std::string> to_ascii_name(std::string_view name);

}  // namespace gatepost::dns
