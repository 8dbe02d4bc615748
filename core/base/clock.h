#pragma once
// Time as an interface, so that flows can be replayed and tests never wait.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace gatepost {

using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// Two clocks in one. Safe from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Seconds since 1970 (UTC): for protocols (t=, x=) and logs. May jump.
  virtual std::int64_t unix_time() const = 0;
  /// Never goes back: for deadlines and durations.
  virtual SteadyTime steady() const = 0;
};

/// The machine's clocks; `unix_time_override` (`--at`) fixes unix_time() when not negative.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(std::int64_t unix_time_override = -1) : override_(unix_time_override) {}
  std::int64_t unix_time() const override;
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }

 private:
  std::int64_t override_;
};

/// A clock that moves when told. Starts at 2026-01-01T00:00:00Z.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(std::int64_t unix_time = 1767225600) : start_(unix_time) {}
  std::int64_t unix_time() const override;
  SteadyTime steady() const override;
  void advance(Duration by) { elapsed_ += by.count(); }

 private:
  std::int64_t start_;
  std::atomic<Duration::rep> elapsed_{0};
};

/// A point on the steady clock. Deadlines nest (query < flow < stage < MTA): the earlier one wins.
struct Deadline {
  SteadyTime at = SteadyTime::max();

  static Deadline never() { return {}; }
  static Deadline after(const Clock& clock, Duration by) { return {clock.steady() + by}; }
  bool passed(const Clock& clock) const { return clock.steady() >= at; }
  Deadline earlier(Deadline other) const { return at < other.at ? *this : other; }
};

}  // namespace gatepost
