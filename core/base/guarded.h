#pragma once
// A lock and its data are one object: the data can only be reached while the lock is held.

#include <mutex>
#include <utility>

namespace gatepost {

template <class T>
class Guarded {
 public:
  template <class... Args>
  explicit Guarded(Args&&... args) : data_(std::forward<Args>(args)...) {}

  /// Runs `use(T&)` with the lock held and returns what it returns. Must not be nested.
  template <class Use>
  auto with(Use&& use) {
    std::lock_guard lock(mutex_);
    return std::forward<Use>(use)(data_);
  }
  template <class Use>
  auto with(Use&& use) const {
    std::lock_guard lock(mutex_);
    return std::forward<Use>(use)(data_);
  }

 private:
  mutable std::mutex mutex_;
  T data_;
};

}  // namespace gatepost
