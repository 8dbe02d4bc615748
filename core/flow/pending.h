#pragma once
// A result that comes later: made by FlowDriver::start() or by a Promise, read when ready().

#include <atomic>
#include <cassert>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace gatepost {

/// The part of a Pending that does not depend on its type. Thread rule: any thread.
class PendingState {
 public:
  virtual ~PendingState() = default;

  bool ready() const { return ready_.load(std::memory_order_acquire); }

  /// Calls `callback` once: at once when it is ready, else on the thread that fulfils it.
  void on_ready(std::function<void()> callback) {
    {
      std::lock_guard lock(mutex_);
      if (!ready()) {
        callbacks_.push_back(std::move(callback));
        return;
      }
    }
    callback();
  }

 protected:
  /// @return the callbacks, to be called by the caller when it holds no lock.
  std::vector<std::function<void()>> set_ready() {
    std::lock_guard lock(mutex_);
    ready_.store(true, std::memory_order_release);
    return std::exchange(callbacks_, {});
  }

 private:
  std::mutex mutex_;
  std::atomic<bool> ready_{false};
  std::vector<std::function<void()>> callbacks_;
};

/// A Pending of any type, for joins. Never null.
using PendingHandle = std::shared_ptr<PendingState>;

template <class R>
class Promise;

/// The reading end: a small value that shares its state with all its copies. One that nobody
/// fulfils (its driver was destroyed first) stays unready.
template <class R>
class Pending {
 public:
  /// One that is ready already.
  explicit Pending(Result<R> result) : Pending(std::make_shared<State>()) {
    state_->set(std::move(result));
  }

  bool ready() const { return state_->ready(); }
  /// May be called only when ready() said so; it asserts. The reference lives as long as any copy.
  const Result<R>& get() const {
    assert(ready());
    return *state_->result;
  }
  PendingHandle handle() const { return state_; }
  operator PendingHandle() const { return state_; }  // NOLINT: implicit, for lists of handles

 private:
  friend class Promise<R>;
  struct State final : PendingState {
    std::optional<Result<R>> result;
    std::vector<std::function<void()>> set(Result<R> value) {
      assert(!ready());
      result.emplace(std::move(value));
      return set_ready();
    }
  };
  explicit Pending(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

/// The writing end. Fulfilled at most once, by one thread.
template <class R>
class Promise {
 public:
  Promise() : pending_(std::make_shared<typename Pending<R>::State>()) {}

  Pending<R> pending() const { return pending_; }
  /// Makes it ready and runs what waits for it on this thread.
  void fulfil(Result<R> result) {
    for (const auto& callback : fulfil_quietly(std::move(result))) callback();
  }
  /// Makes it ready; the caller runs the callbacks returned when it holds no lock.
  std::vector<std::function<void()>> fulfil_quietly(Result<R> result) {
    return pending_.state_->set(std::move(result));
  }

 private:
  Pending<R> pending_;
};

}  // namespace gatepost
