#pragma once
// Segments of a flattened record as records to publish. Private to the room.

#include <string>
#include <vector>

#include "spf/flatten.h"
#include "spf/networks.h"
#include "spf/record.h"

namespace gatepost::spf {

/// Terms of one qualifier that stand together: their order is free.
struct FlatSegment {
  Qualifier qualifier = Qualifier::pass;
  std::vector<IpNetwork> networks;
  std::vector<std::string> kept;  ///< without qualifier
};

/// Merges the networks, drops those that an earlier segment covers, and writes the records; over
/// 450 octets the networks of the longest segments move to records of their own. Fills records,
/// networks and warnings. @param tail  modifiers, and a redirect that was kept
void write_records(std::vector<FlatSegment> segments, const std::vector<std::string>& tail,
                   Flattening& out);

}  // namespace gatepost::spf
