#pragma once
// Relative addresses.

#include <string>
#include <string_view>

namespace gatepost::mail {

/// `reference` seen from `base` (RFC 3986 section 5.2, and what SpamAssassin adds: a reference with
/// the scheme of the base is relative; without any scheme "//www.…" is http, "//ftp.…" ftp).
/// Dot segments go; an empty base leaves the rest as it is. Linear.
std::string resolve_reference(std::string_view base, std::string_view reference);

}  // namespace gatepost::mail
