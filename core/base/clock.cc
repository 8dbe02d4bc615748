#include "core/base/clock.h"

namespace gatepost {

std::int64_t SystemClock::unix_time() const {
  if (override_ >= 0) return override_;
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t FakeClock::unix_time() const {
  return start_ +
         std::chrono::duration_cast<std::chrono::seconds>(Duration(elapsed_.load())).count();
}

SteadyTime FakeClock::steady() const {
  return SteadyTime(Duration(elapsed_.load()) + std::chrono::hours(1));
}

}  // namespace gatepost
