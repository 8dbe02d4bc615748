#include "spf/networks.h"

#include <algorithm>
#include <utility>

namespace gatepost::spf {

bool covers(const IpNetwork& outer, const IpNetwork& inner) {
  return outer.prefix <= inner.prefix && outer.contains(inner.base);
}

std::vector<IpNetwork> merge_networks(std::vector<IpNetwork> networks) {
  std::sort(networks.begin(), networks.end(), [](const IpNetwork& a, const IpNetwork& b) {
    if (a.base.is_v4() != b.base.is_v4()) return a.base.is_v4();
    if (a.base.octets() != b.base.octets()) return a.base.octets() < b.base.octets();
    return a.prefix < b.prefix;
  });
  // In this order a block is covered by the last one kept or by none, and two halves are
  // neighbours.
  std::vector<IpNetwork> merged;
  for (IpNetwork& network : networks) {
    if (!merged.empty() && covers(merged.back(), network)) continue;
    merged.push_back(std::move(network));
    while (merged.size() >= 2) {
      const IpNetwork& last = merged.back();
      IpNetwork& before = merged[merged.size() - 2];
      if (last.prefix == 0 || before.prefix != last.prefix ||
          before.base.is_v4() != last.base.is_v4())
        break;
      const IpNetwork both{last.base.masked(last.prefix - 1), last.prefix - 1};
      if (!(before.base == both.base)) break;
      before = both;
      merged.pop_back();
    }
  }
  return merged;
}

}  // namespace gatepost::spf
