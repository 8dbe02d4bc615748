#pragma once
// A store that ends with the process: tests, `gatepost scan`, and machines without a disk to keep
// state on.

#include <map>
#include <mutex>

#include "core/store/store.h"

namespace gatepost::store {

/// Bounded: at `max_entries` what has expired goes; when that is not enough, new keys are refused
/// with a temporary Error and counted ("store.refused_full"). A lock for a map operation.
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const Clock& clock, std::size_t max_entries = 100000)
      : clock_(clock), max_entries_(max_entries) {}

  std::optional<Answer> now(const Question& question) override;
  void ask(std::vector<Question> batch, Deadline deadline, Callback done) override;
  Result<void> apply(std::span<const Write> writes) override;
  Result<Page> scan(std::string_view space, std::string_view prefix, std::string_view after,
                    std::size_t limit) override;
  Health health() const override;

 private:
  using Space = std::map<std::string, Value, std::less<>>;

  Answer answer(const Question& question);  // mutex_ held
  Result<void> write(const Write& write);   // mutex_ held
  Answer add(const Add& add);               // mutex_ held
  Result<Value*> slot(const Key& key);      // mutex_ held
  void sweep();                             // mutex_ held

  const Clock& clock_;
  const std::size_t max_entries_;
  mutable std::mutex mutex_;
  std::map<std::string, Space, std::less<>> spaces_;
  std::size_t entries_ = 0;
  std::int64_t next_sweep_ = 0;  ///< a full store is not swept for each of many writes
  std::int64_t reads_ = 0, writes_ = 0, refused_full_ = 0;
};

}  // namespace gatepost::store
