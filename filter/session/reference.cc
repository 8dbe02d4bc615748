#include "filter/session/reference.h"

#include <algorithm>
#include <utility>

#include "core/base/encoding.h"

namespace gatepost {

namespace {
constexpr char kSymbols[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::int64_t kEpoch = 1735689600;  // 2025-01-01
}  // namespace

ReferenceMaker::ReferenceMaker(const Clock& clock, std::string node)
    : clock_(clock), node_(std::move(node)) {}

std::string ReferenceMaker::next() {
  const auto now =
      static_cast<std::uint64_t>(std::max<std::int64_t>(clock_.unix_time() - kEpoch, 0)) << 10;
  std::uint64_t last = last_.load();
  std::uint64_t mine = 0;
  do {
    mine = std::max(now, last + 1);
  } while (!last_.compare_exchange_weak(last, mine));
  std::string text(8, '0');
  for (int i = 7; i >= 0; --i, mine >>= 5) text[static_cast<std::size_t>(i)] = kSymbols[mine & 31];
  return text + "-" + node_;
}

std::string ReferenceMaker::node_from(const std::string& host_name) {
  const std::string digest = sha256(host_name);
  return {kSymbols[digest[0] & 31], kSymbols[digest[1] & 31]};
}

}  // namespace gatepost
