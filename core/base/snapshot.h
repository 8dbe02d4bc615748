#pragma once
// A value that is immutable and swapped whole; readers keep the one they took.

#include <memory>
#include <mutex>
#include <utility>

namespace gatepost {

/// Thread rule: both functions from any thread; the lock is held for one pointer copy.
template <class T>
class Snapshot {
 public:
  explicit Snapshot(std::shared_ptr<const T> first) : current_(std::move(first)) {}

  std::shared_ptr<const T> get() const {
    std::lock_guard lock(mutex_);
    return current_;
  }
  /// @return the one that was replaced, so that it is destroyed outside the lock.
  std::shared_ptr<const T> swap(std::shared_ptr<const T> next) {
    std::lock_guard lock(mutex_);
    current_.swap(next);
    return next;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
};

}  // namespace gatepost
