#pragma once
// Sets of networks as CIDR blocks.

#include <vector>

#include "core/base/ip.h"

namespace gatepost::spf {

/// The smallest list of blocks that covers the same addresses, IPv4 first, by address. Bases must
/// be masked. n log n. Pure.
std::vector<IpNetwork> merge_networks(std::vector<IpNetwork> networks);

/// Whether `outer` covers all of `inner`.
bool covers(const IpNetwork& outer, const IpNetwork& inner);

}  // namespace gatepost::spf
