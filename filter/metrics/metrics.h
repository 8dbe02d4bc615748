#pragma once
// Counters with names, read by `gatepost stats`.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace gatepost {

/// Thread rule: everything from any thread. add() is one relaxed atomic addition; counter() takes a
/// lock, so callers on the hot path keep the reference, which stays valid as long as the Metrics.
class Metrics {
 public:
  class Counter {
   public:
    void add(std::int64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
    std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<std::int64_t> value_{0};
  };

  /// The counter of this name, made at first use. Names are words joined with '.',
  /// "verdict.reject".
  Counter& counter(std::string_view name);
  /// Adds one to each of `names` under one lock: what a message counts at its end.
  void count(std::span<const std::string> names);
  /// All names and values, sorted.
  std::map<std::string, std::int64_t> read() const;

 private:
  Counter& find_or_make(std::string_view name);  // with the lock held

  mutable std::mutex mutex_;
  std::map<std::string, Counter, std::less<>> counters_;
};

}  // namespace gatepost
