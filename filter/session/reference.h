#pragma once
// Short names for sessions and messages that people can read out on the telephone.

#include <atomic>
#include <cstdint>
#include <string>

#include "core/base/clock.h"

namespace gatepost {

/// Makes references such as "5KX7Q2M0-Q2": eight symbols of time and count, then the node. Symbols
/// are Crockford's base 32 (no I, L, O, U). Unique on a node for 1,024 references a second, for 34
/// years; a burst beyond that borrows from the seconds to come. Safe from any thread.
class ReferenceMaker {
 public:
  /// @param node  two symbols; made from the host name by node_from()
  ReferenceMaker(const Clock& clock, std::string node);
  std::string next();
  const std::string& node() const { return node_; }

  static std::string node_from(const std::string& host_name);

 private:
  const Clock& clock_;
  std::string node_;
  std::atomic<std::uint64_t> last_{0};
};

}  // namespace gatepost
