#pragma once
// Where state is kept between messages: an interface, so that tests need no file and several
// machines may share one.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/store/value.h"

namespace gatepost::store {

/// How a store is doing, for `gatepost stats`.
struct Health {
  bool degraded = false;  ///< writes are not kept, or not for long
  std::string why;        ///< of degraded
  /// "writes", "failed_commits", …: what was counted since the start.
  std::map<std::string, std::int64_t> counters;
};

struct Entry {
  std::string name;
  Value value;
};

/// A part of a space in the order of names.
struct Page {
  std::vector<Entry> entries;
  /// To be given as `after` for the next part; nothing at the end. A page may be short, even empty,
  /// and still have a next one.
  std::optional<std::string> next;
};

/// Implementations: MemoryStore, SqliteStore (filter/store). All pass
/// tests/core/store/store_contract.h. Thread rule: everything from any thread.
class Store {
 public:
  /// Called once for each question of a batch.
  using Callback = std::function<void(const Question&, Answer)>;

  virtual ~Store() = default;

  /// The answer when it can be had on this thread without asking another machine: always with an
  /// embedded store. Nothing: it must be asked. An Add is done when it is answered.
  virtual std::optional<Answer> now(const Question& question) = 0;

  /// Asks all at once. `done` is called exactly once for each question, by the deadline at the
  /// latest (then with Status::unavailable), from any thread, possibly before ask() returns. It
  /// must not block.
  virtual void ask(std::vector<Question> batch, Deadline deadline, Callback done) = 0;

  /// Does these writes in order, as soon as may be; who reads afterwards in this process sees them.
  /// Does not wait for a disk or another machine. The Error is that of the first that could not be
  /// taken; the others are done: temporary (the store is down or full) or permanent (outside of the
  /// budgets).
  virtual Result<void> apply(std::span<const Write> writes) = 0;

  /// The live entries of a space whose names start with `prefix` and stand behind `after` (empty:
  /// from the first). For commands, not for sessions: it may take its time.
  /// @param limit  1 to 10,000
  virtual Result<Page> scan(std::string_view space, std::string_view prefix, std::string_view after,
                            std::size_t limit) = 0;

  /// Waits until what was written before is kept as well as this store can, or that has failed
  /// (then a temporary Error). For the end of the process.
  virtual Result<void> flush() { return {}; }

  virtual Health health() const = 0;
};

inline constexpr std::size_t kMaxPage = 10000;

}  // namespace gatepost::store
