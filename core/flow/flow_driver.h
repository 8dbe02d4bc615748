#pragma once
// Runs the flows of one transaction: what the cache knows is answered on the calling thread without
// a hand-off, what is missing is asked in one batch, and the flows go on where the answers arrive.

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/clock.h"
#include "core/base/executor.h"
#include "core/base/result.h"
#include "core/dns/resolver.h"
#include "core/flow/flow.h"
#include "core/flow/pending.h"
#include "core/store/store.h"

namespace gatepost {

/// Told of each DNS answer that a flow gets, for metrics.
class AnswerObserver {
 public:
  virtual ~AnswerObserver() = default;
  /// @param kind  as given to FlowDriver::start() by the flow that asked first
  /// @param took  from the first asking to the answer; nothing: known without asking
  /// From any thread, under a lock of the driver: to be quick, and not to call the driver.
  virtual void answered(std::string_view kind, const dns::Query& query, const dns::Answer& answer,
                        std::optional<Duration> took) = 0;
};

struct FlowOptions {
  /// One question waits no longer than this, and no longer than the deadline of its flow.
  Duration query_timeout = std::chrono::seconds(5);
  /// Budgets of one flow; beyond them it ends with an internal Error ("too many questions").
  int max_rounds = 40;
  int max_questions = 300;
  AnswerObserver* observer = nullptr;  ///< must outlive the driver
};

namespace flow_internal {

/// A flow and its Pending without their type. step() and fail() are called under the driver's lock.
class Task {
 public:
  using Callbacks = std::vector<std::function<void()>>;
  virtual ~Task() = default;
  /// Fulfils the Pending and appends its callbacks, or gives the questions; throws what the step
  /// throws.
  virtual std::vector<Question> step(const Answers& answers, Callbacks& callbacks) = 0;
  virtual void fail(Error error, Callbacks& callbacks) = 0;
  bool done() const { return done_; }

  Deadline deadline;
  std::string_view kind;
  int rounds = 0;
  int questions = 0;
  std::size_t unanswered = 0;  ///< questions of the last step that are in flight

 protected:
  bool done_ = false;
};

template <class R>
class FlowTask final : public Task {
 public:
  explicit FlowTask(std::unique_ptr<Flow<R>> flow) : flow_(std::move(flow)) {}
  Pending<R> pending() const { return promise_.pending(); }

  std::vector<Question> step(const Answers& answers, Callbacks& callbacks) override {
    Step<R> next = flow_->step(answers);
    if (next.index() == 1) return std::get<1>(std::move(next));
    finish(Result<R>(std::get<0>(std::move(next))), callbacks);
    return {};
  }
  void fail(Error error, Callbacks& callbacks) override { finish(std::move(error), callbacks); }

 private:
  void finish(Result<R> result, Callbacks& callbacks) {
    done_ = true;
    for (auto& callback : promise_.fulfil_quietly(std::move(result))) {
      callbacks.push_back(std::move(callback));
    }
  }

  std::unique_ptr<Flow<R>> flow_;
  Promise<R> promise_;
};

Error too_many_questions(const FlowOptions& options);
Error step_threw(const char* what);

/// Asks and waits for all answers.
void answer_all(const std::vector<Question>& questions, dns::Resolver& resolver,
                store::Store* store, Deadline deadline, Answers& answers);

/// The question as a store knows it; nothing for DNS.
std::optional<store::Question> store_question(const Question& question);
/// What is known of it without waiting: also when there is no store.
std::optional<store::Answer> store_now(store::Store* store, const store::Question& question);

}  // namespace flow_internal

/// One per transaction. The resolver (and the store) must outlive its own callbacks; resolver,
/// store, clock and home must outlive the driver. Thread rule: its functions are for the
/// transaction's threads, one at a time; steps also run on the resolver's thread, under the
/// driver's lock, one at a time. Destruction with answers in flight is safe: they are dropped, no
/// flow is stepped or alive and no `then` is called afterwards. Not to be destroyed from within a
/// step.
class FlowDriver {
 public:
  /// unix_time of the Answers is that of construction. Without a store its questions are answered
  /// `unavailable`.
  FlowDriver(dns::Resolver& resolver, const Clock& clock, Executor& home, FlowOptions options = {},
             store::Store* store = nullptr);
  ~FlowDriver();
  FlowDriver(const FlowDriver&) = delete;
  FlowDriver& operator=(const FlowDriver&) = delete;

  /// Steps the flow as far as resolver.cached(), store.now() and the answers had so far allow, on
  /// this thread; the result may be ready on return. What is missing is sent by the next flush().
  /// The Pending holds the flow's result, or an internal Error: a step threw, or asked too much.
  /// Past the deadline the resolver answers timeout, so the flow concludes by itself.
  /// @param kind  for the observer; what it views must outlive the driver
  template <class R>
  Pending<R> start(std::unique_ptr<Flow<R>> flow, Deadline deadline, std::string_view kind = {}) {
    auto task = std::make_unique<flow_internal::FlowTask<R>>(std::move(flow));
    auto pending = task->pending();
    task->kind = kind;
    start_task(std::move(task), deadline);
    return pending;
  }

  /// Sends all questions of the flows started since the last flush as one batch (several only when
  /// their deadlines are more than 50 ms apart).
  void flush();

  /// Calls `then` exactly once through home.post() when all are ready, also when they are already.
  /// Flushes first. The handles may come from other drivers and promises.
  void when_ready(const std::vector<PendingHandle>& pendings, std::function<void()> then);

  /// A copy of what was answered so far, for records.
  Answers answers() const;
  /// The one answer; null when it was not asked or has not come yet.
  dns::AnswerPtr answer(const dns::Query& query) const;

 private:
  class State;
  void start_task(std::unique_ptr<flow_internal::Task> task, Deadline deadline);

  std::shared_ptr<State> state_;
};

/// Runs one flow to its end and waits for its answers on this thread: for the command line and
/// tests. `answers` keeps what was asked and may hold answers beforehand.
template <class R>
Result<R> run_flow(Flow<R>& flow, dns::Resolver& resolver, const Clock& clock, Deadline deadline,
                   Answers& answers, const FlowOptions& options = {},
                   store::Store* store = nullptr) {
  int questions = 0;
  try {
    for (int round = 0; round <= options.max_rounds; ++round) {
      Step<R> next = flow.step(answers);
      if (next.index() == 0) return Result<R>(std::get<0>(std::move(next)));
      const auto& missing = std::get<1>(next);
      questions += static_cast<int>(missing.size());
      if (missing.empty() || round == options.max_rounds || questions > options.max_questions) {
        break;
      }
      flow_internal::answer_all(missing, resolver, store,
                                Deadline::after(clock, options.query_timeout).earlier(deadline),
                                answers);
    }
  } catch (const std::exception& error) {
    return flow_internal::step_threw(error.what());
  } catch (...) {
    return flow_internal::step_threw("an unknown exception");
  }
  return flow_internal::too_many_questions(options);
}

}  // namespace gatepost
