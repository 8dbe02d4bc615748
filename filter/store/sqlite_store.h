#pragma once
// The Store of one machine: one SQLite file.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/store/store.h"

namespace gatepost::store {

struct SqliteOptions {
  /// The file's greatest size; when it is reached writes fail until entries have expired.
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  /// Writes that wait to be committed; beyond either bound they are temporary Errors.
  std::size_t max_pending = 100000;
  std::size_t max_pending_bytes = std::size_t{32} << 20;
  /// How long the writer collects before it commits: what a kill -9 may lose.
  std::chrono::milliseconds commit_delay{20};
  /// How long it waits after a commit that failed.
  std::chrono::milliseconds retry_delay{1000};
  /// Told when the store degrades (problem) and recovers, by the writer's thread or open().
  std::function<void(bool problem, const std::string& line)> say;
};

/// Reads are answered on the calling thread: from what is not committed yet, then from the file.
/// Writes go to a thread of its own. Its destruction commits what is left, once.
class SqliteStore final : public Store {
 public:
  /// @return a config Error naming the path when the file cannot be opened or written by us, is
  /// another program's or a newer version's, or is damaged and cannot be moved aside. A disk that
  /// is full or fails is no Error: the store begins degraded and recovers by itself.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path, const Clock& clock,
                                                   SqliteOptions options = {});
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;

  std::optional<Answer> now(const Question& question) override;
  void ask(std::vector<Question> batch, Deadline deadline, Callback done) override;
  Result<void> apply(std::span<const Write> writes) override;
  Result<Page> scan(std::string_view space, std::string_view prefix, std::string_view after,
                    std::size_t limit) override;
  /// Waits for a commit.
  Result<void> flush() override;
  Health health() const override;

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gatepost::store
