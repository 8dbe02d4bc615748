#pragma once
// The log of DMARC, written.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "filter/metrics/metrics.h"
#include "filter/session/record.h"

namespace gatepost::dmarc_log {

struct Options {
  std::string folder;
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  std::int64_t retention_days = 90;
  /// Of lines that wait for the disk; more are dropped.
  std::size_t queue_bytes = std::size_t{16} << 20;
  std::chrono::milliseconds sync_interval{1000};
  /// How long a line may wait for others, so that a busy filter does not wake the thread for each.
  std::chrono::milliseconds gather{20};
  std::chrono::milliseconds retry_interval{1000};
  /// Told when the disk takes nothing any more (problem) and when it does again. Any thread.
  std::function<void(bool problem, const std::string& line)> say;
};

/// Makes a line of each record that is_kept() and hands it to one thread that appends it to the
/// file of the day. `clock` and `metrics` must outlive it.
class DmarcLog final : public RecordSink {
 public:
  DmarcLog(Options options, const Clock& clock, Metrics& metrics);
  /// Writes what waits, once, and ends.
  ~DmarcLog() override;

  /// Makes the folder (0750) and starts the thread: as the user that is to own the files. An Error
  /// is no reason not to start: it is tried again, meanwhile lines wait in the queue.
  Result<void> start();
  /// Never blocks for the disk; any thread. Before start() lines wait.
  void record(const Record& record) override;
  /// Waits until everything recorded before is written and synced, or for `limit`. @return whether
  /// it is.
  bool flush(std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gatepost::dmarc_log
