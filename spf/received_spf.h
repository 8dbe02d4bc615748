#pragma once
// The Received-SPF header field (RFC 7208 section 9.1).

#include <string>

#include "spf/evaluate.h"

namespace gatepost::spf {

/// The field's value, without name and final line end; folded with "\n\t" as milters want it.
/// Hostile octets in addresses and names are escaped; it is ASCII. Pure.
std::string received_spf_value(const Request& request, const Outcome& outcome);

}  // namespace gatepost::spf
