#include "core/base/executor.h"

#include <utility>

namespace gatepost {

void WaitingExecutor::post(std::function<void()> task) {
  // Notified under the lock: the waiter may destroy this executor as soon as it sees the task.
  std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  wake_.notify_one();
}

bool WaitingExecutor::run_until(const std::function<bool()>& finished, SteadyTime deadline) {
  while (!finished()) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return !tasks_.empty(); };
      if (deadline == SteadyTime::max()) {
        wake_.wait(lock, ready);
      } else if (!wake_.wait_until(lock, deadline, ready)) {
        return finished();
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
  return true;
}

void WaitingExecutor::run_ready() {
  for (;;) {
    std::function<void()> task;
    {
      std::lock_guard lock(mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace gatepost
