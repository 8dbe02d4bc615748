#pragma once
// Where DNS answers come from: an interface, so that tests and `--zone` need no network.

#include <functional>
#include <vector>

#include "core/base/clock.h"
#include "core/dns/answer.h"

namespace gatepost::dns {

/// Implementations: UnboundResolver (the network), ZoneResolver (master files), FakeResolver
/// (tests). All pass tests/core/dns/resolver_contract.h. Thread rule: both functions from any
/// thread.
class Resolver {
 public:
  /// Called once for each query of a batch.
  using Callback = std::function<void(const Query&, AnswerPtr)>;

  virtual ~Resolver() = default;

  /// The answer when it is known already (cache, zone file); null when it must be asked. Never
  /// blocks, costs about 0.1 µs: callers try this first on their own thread.
  virtual AnswerPtr cached(const Query& query) = 0;

  /// Asks all at once. `done` is called exactly once for each query, by the deadline at the latest
  /// (then with Status::timeout), from any thread, possibly before ask() returns. Equal questions
  /// in flight are asked once. `done` must not block.
  virtual void ask(std::vector<Query> batch, Deadline deadline, Callback done) = 0;
};

}  // namespace gatepost::dns
