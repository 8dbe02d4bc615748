#include "core/flow/flow_driver.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

namespace gatepost {

using flow_internal::Task;

namespace {

/// Flows of one stage get their deadlines a little apart: they still share a batch.
constexpr auto kSameDeadline = std::chrono::milliseconds(50);

/// A question that is to be sent, with the deadline of the flow that asked it first.
struct Unsent {
  dns::Query query;
  Deadline deadline;
};

/// Questions that go out together.
struct Batch {
  Deadline deadline;
  std::vector<dns::Query> queries;
};

/// What is done when the lock is released.
struct Effects {
  std::vector<Batch> batches;
  Task::Callbacks callbacks;
};

std::vector<Batch> make_batches(std::vector<Unsent> unsent, Deadline query_deadline) {
  std::vector<Batch> batches;
  for (Unsent& question : unsent) {
    const Deadline deadline = question.deadline.earlier(query_deadline);
    const auto same = std::find_if(batches.begin(), batches.end(), [&](const Batch& batch) {
      const auto [low, high] = std::minmax(batch.deadline.at, deadline.at);
      return low == high || high - low <= kSameDeadline;
    });
    if (same == batches.end()) {
      batches.push_back({deadline, {std::move(question.query)}});
    } else {
      same->deadline = same->deadline.earlier(deadline);
      same->queries.push_back(std::move(question.query));
    }
  }
  return batches;
}

}  // namespace

namespace flow_internal {

Error too_many_questions(const FlowOptions& options) {
  return internal_error("too many questions: a check may ask " +
                        std::to_string(options.max_questions) + " in " +
                        std::to_string(options.max_rounds) + " rounds");
}

Error step_threw(const char* what) {
  return internal_error(std::string("a check failed with an exception: ") + what);
}

void answer_all(const std::vector<Question>& questions, dns::Resolver& resolver, Deadline deadline,
                Answers& answers) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable wake;
    std::size_t missing = 0;
    std::vector<std::pair<dns::Query, dns::AnswerPtr>> arrived;
  };
  std::vector<dns::Query> batch;
  for (const Question& question : questions) {
    const auto& query = std::get<dns::Query>(question);
    if (answers.find(query) != nullptr) continue;
    if (auto known = resolver.cached(query)) {
      answers.add(query, std::move(known));
    } else if (std::find(batch.begin(), batch.end(), query) == batch.end()) {
      batch.push_back(query);
    }
  }
  if (batch.empty()) return;
  const auto waiting = std::make_shared<Waiting>();
  waiting->missing = batch.size();
  resolver.ask(std::move(batch), deadline,
               [waiting](const dns::Query& query, dns::AnswerPtr answer) {
                 std::lock_guard lock(waiting->mutex);
                 waiting->arrived.emplace_back(query, std::move(answer));
                 if (--waiting->missing == 0) waiting->wake.notify_one();
               });
  std::unique_lock lock(waiting->mutex);
  waiting->wake.wait(lock, [&] { return waiting->missing == 0; });
  for (auto& [query, answer] : waiting->arrived) answers.add(query, std::move(answer));
}

}  // namespace flow_internal

/// Shared with the callbacks that are in flight, so that it outlives the driver.
class FlowDriver::State : public std::enable_shared_from_this<State> {
 public:
  State(dns::Resolver& resolver, const Clock& clock, Executor& home, FlowOptions options)
      : resolver_(resolver),
        clock_(clock),
        home_(home),
        options_(options),
        answers_(clock.unix_time()) {}

  void start(std::unique_ptr<Task> task) {
    Effects effects;
    {
      std::lock_guard lock(mutex_);
      advance(std::move(task), unsent_, effects.callbacks);
    }
    run(effects);
  }

  void flush() {
    Effects effects;
    {
      std::lock_guard lock(mutex_);
      effects.batches = make_batches(std::exchange(unsent_, {}), query_deadline());
    }
    run(effects);
  }

  /// Keeps `then` here, not with the Pendings: it may hold one of them, and would keep it for ever.
  std::uint64_t add_join(std::function<void()> then) {
    std::lock_guard lock(posting_);
    joins_.emplace(++last_join_, std::move(then));
    return last_join_;
  }

  void finish_join(std::uint64_t join) {
    // Held while posting: the home may be gone as soon as the driver is. Recursive, because an
    // executor may run the task at once and the task may use or destroy the driver.
    std::lock_guard lock(posting_);
    auto then = joins_.extract(join);
    if (then.empty()) return;  // the driver was destroyed
    home_.post([self = shared_from_this(), task = std::move(then.mapped())] {
      if (!self->destroyed_) task();
    });
  }

  void destroy() {
    std::map<dns::Query, std::vector<std::shared_ptr<Task>>> tasks;  // destroyed without the locks
    std::map<std::uint64_t, std::function<void()>> joins;
    std::lock_guard posting(posting_);
    std::lock_guard lock(mutex_);
    destroyed_ = true;
    tasks.swap(waiting_);
    joins.swap(joins_);
    unsent_.clear();
  }

  Answers answers() const {
    std::lock_guard lock(mutex_);
    return answers_;
  }

 private:
  /// Steps a flow until it is done or must wait; what it misses goes to `unsent`.
  void advance(const std::shared_ptr<Task>& task, std::vector<Unsent>& unsent,
               Task::Callbacks& callbacks) {
    try {
      while (true) {
        const auto questions = task->step(answers_, callbacks);
        if (task->done()) return;
        task->questions += static_cast<int>(questions.size());
        if (questions.empty() || ++task->rounds > options_.max_rounds ||
            task->questions > options_.max_questions) {
          task->fail(flow_internal::too_many_questions(options_), callbacks);
          return;
        }
        if (ask_missing(task, questions, unsent)) return;
      }
    } catch (const std::exception& error) {
      if (!task->done()) task->fail(flow_internal::step_threw(error.what()), callbacks);
    } catch (...) {
      if (!task->done()) {
        task->fail(flow_internal::step_threw("an unknown exception"), callbacks);
      }
    }
  }

  /// @return whether the task waits for answers now.
  bool ask_missing(const std::shared_ptr<Task>& task, const std::vector<Question>& questions,
                   std::vector<Unsent>& unsent) {
    std::set<dns::Query> misses;
    for (const Question& question : questions) {
      const auto& query = std::get<dns::Query>(question);
      if (answers_.find(query) != nullptr) continue;
      if (auto known = resolver_.cached(query)) {
        answers_.add(query, std::move(known));
      } else {
        misses.insert(query);
      }
    }
    task->unanswered = misses.size();
    for (const auto& query : misses) {
      auto& waiters = waiting_[query];
      if (waiters.empty()) unsent.push_back({query, task->deadline});
      waiters.push_back(task);
    }
    return !misses.empty();
  }

  void answered(const dns::Query& query, dns::AnswerPtr answer) {
    Effects effects;
    std::vector<std::shared_ptr<Task>> tasks;  // destroyed without the lock
    {
      std::lock_guard lock(mutex_);
      if (destroyed_) return;
      answers_.add(query, std::move(answer));
      auto waiters = waiting_.extract(query);
      if (waiters.empty()) return;
      tasks = std::move(waiters.mapped());
      std::vector<Unsent> unsent;
      for (const auto& task : tasks) {
        if (--task->unanswered == 0) advance(task, unsent, effects.callbacks);
      }
      effects.batches = make_batches(std::move(unsent), query_deadline());
    }
    run(effects);
  }

  void run(Effects& effects) {
    for (const auto& callback : effects.callbacks) callback();
    for (Batch& batch : effects.batches) {
      resolver_.ask(std::move(batch.queries), batch.deadline,
                    [self = shared_from_this()](const dns::Query& query, dns::AnswerPtr answer) {
                      self->answered(query, std::move(answer));
                    });
    }
  }

  Deadline query_deadline() const { return Deadline::after(clock_, options_.query_timeout); }

  dns::Resolver& resolver_;
  const Clock& clock_;
  Executor& home_;
  const FlowOptions options_;

  std::recursive_mutex posting_;  // taken before mutex_
  std::uint64_t last_join_ = 0;
  std::map<std::uint64_t, std::function<void()>> joins_;

  mutable std::mutex mutex_;
  std::atomic<bool> destroyed_{false};  // written under both locks
  Answers answers_;
  std::map<dns::Query, std::vector<std::shared_ptr<Task>>> waiting_;
  std::vector<Unsent> unsent_;
};

FlowDriver::FlowDriver(dns::Resolver& resolver, const Clock& clock, Executor& home,
                       FlowOptions options)
    : state_(std::make_shared<State>(resolver, clock, home, options)) {}

FlowDriver::~FlowDriver() {
  state_->destroy();
}

void FlowDriver::start_task(std::unique_ptr<Task> task, Deadline deadline) {
  task->deadline = deadline;
  state_->start(std::move(task));
}

void FlowDriver::flush() {
  state_->flush();
}

void FlowDriver::when_ready(const std::vector<PendingHandle>& pendings,
                            std::function<void()> then) {
  const auto missing = std::make_shared<std::atomic<std::size_t>>(pendings.size() + 1);
  // A task of home may destroy the driver: `this` is not used behind this line.
  const auto state = state_;
  const auto one_less = [state, missing, join = state->add_join(std::move(then))] {
    if (--*missing == 0) state->finish_join(join);
  };
  state->flush();
  for (const auto& pending : pendings) pending->on_ready(one_less);
  one_less();  // the one for this function
}

Answers FlowDriver::answers() const {
  return state_->answers();
}

}  // namespace gatepost
