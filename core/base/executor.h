#pragma once
// Where work continues: a session's stages end on the Executor it was given, never on the DNS
// thread.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "core/base/clock.h"

namespace gatepost {

class Executor {
 public:
  virtual ~Executor() = default;
  /// Takes the task and returns at once. From any thread. Tasks run one after another, in order.
  virtual void post(std::function<void()> task) = 0;
};

/// Runs its tasks on the thread that waits: the front end's callback thread lends itself to the
/// session until the stage is done. Tasks that nobody waits for stay queued until the next wait.
class WaitingExecutor final : public Executor {
 public:
  void post(std::function<void()> task) override;
  /// Runs tasks until `finished()` is true or the deadline passes (real time).
  /// @return whether finished() was true.
  bool run_until(const std::function<bool()>& finished, SteadyTime deadline);
  /// Runs what is queued now, without waiting.
  void run_ready();

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
};

/// Runs each task at once on the posting thread: for tests and one-shot tools.
class InlineExecutor final : public Executor {
 public:
  void post(std::function<void()> task) override { task(); }
};

}  // namespace gatepost
