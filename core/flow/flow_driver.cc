#include "core/flow/flow_driver.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <type_traits>

namespace gatepost {

using flow_internal::Task;

namespace {

/// Flows of one stage get their deadlines a little apart: they still share a batch.
constexpr auto kSameDeadline = std::chrono::milliseconds(50);

/// A question that is to be sent, with the deadline of the flow that asked it first.
template <class Q>
struct UnsentQuestion {
  Q query;
  Deadline deadline;
};

struct Unsent {
  std::vector<UnsentQuestion<dns::Query>> dns;
  std::vector<UnsentQuestion<store::Question>> store;
};

/// Questions that go out together.
template <class Q>
struct Batch {
  Deadline deadline;
  std::vector<Q> queries;
};

/// What is done when the lock is released.
struct AfterLock {
  std::vector<Batch<dns::Query>> dns;
  std::vector<Batch<store::Question>> store;
  Task::Callbacks callbacks;
};

template <class Q>
std::vector<Batch<Q>> make_batches(std::vector<UnsentQuestion<Q>> unsent, Deadline query_deadline) {
  std::vector<Batch<Q>> batches;
  for (auto& question : unsent) {
    const Deadline deadline = question.deadline.earlier(query_deadline);
    const auto same = std::find_if(batches.begin(), batches.end(), [&](const Batch<Q>& batch) {
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

std::optional<store::Question> store_question(const Question& question) {
  if (const auto* read = std::get_if<store::Read>(&question)) return *read;
  if (const auto* add = std::get_if<store::Add>(&question)) return *add;
  return std::nullopt;
}

std::optional<store::Answer> store_now(store::Store* store, const store::Question& question) {
  if (store == nullptr) return store::failed(store::Status::unavailable, "there is no store");
  return store->now(question);
}

void answer_all(const std::vector<Question>& questions, dns::Resolver& resolver,
                store::Store* store, Deadline deadline, Answers& answers) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable wake;
    std::size_t missing = 0;
    std::vector<std::pair<dns::Query, dns::AnswerPtr>> arrived;
    std::vector<std::pair<store::Question, store::Answer>> arrived_from_store;
  };
  std::vector<dns::Query> batch;
  std::vector<store::Question> store_batch;
  const auto add_once = [](auto& list, const auto& question) {
    if (std::find(list.begin(), list.end(), question) == list.end()) list.push_back(question);
  };
  for (const Question& question : questions) {
    if (const auto* query = std::get_if<dns::Query>(&question)) {
      if (answers.find(*query) != nullptr) continue;
      if (auto known = resolver.cached(*query)) {
        answers.add(*query, std::move(known));
      } else {
        add_once(batch, *query);
      }
      continue;
    }
    const auto stored = *store_question(question);
    if (answers.find(stored) != nullptr) continue;
    if (auto known = store_now(store, stored)) {
      answers.add(stored, std::move(*known));
    } else {
      add_once(store_batch, stored);
    }
  }
  const auto waiting = std::make_shared<Waiting>();
  waiting->missing = batch.size() + store_batch.size();
  if (waiting->missing == 0) return;
  const auto arrive = [waiting](auto& list, const auto& question, auto answer) {
    std::lock_guard lock(waiting->mutex);
    list.emplace_back(question, std::move(answer));
    if (--waiting->missing == 0) waiting->wake.notify_one();
  };
  if (!batch.empty()) {
    resolver.ask(std::move(batch), deadline,
                 [waiting, arrive](const dns::Query& query, dns::AnswerPtr answer) {
                   arrive(waiting->arrived, query, std::move(answer));
                 });
  }
  if (!store_batch.empty()) {
    store->ask(std::move(store_batch), deadline,
               [waiting, arrive](const store::Question& question, store::Answer answer) {
                 arrive(waiting->arrived_from_store, question, std::move(answer));
               });
  }
  std::unique_lock lock(waiting->mutex);
  waiting->wake.wait(lock, [&] { return waiting->missing == 0; });
  for (auto& [query, answer] : waiting->arrived) answers.add(query, std::move(answer));
  for (auto& [question, answer] : waiting->arrived_from_store)
    answers.add(question, std::move(answer));
}

}  // namespace flow_internal

/// Shared with the callbacks that are in flight, so that it outlives the driver.
class FlowDriver::State : public std::enable_shared_from_this<State> {
 public:
  State(dns::Resolver& resolver, const Clock& clock, Executor& home, FlowOptions options,
        store::Store* store)
      : resolver_(resolver),
        store_(store),
        clock_(clock),
        home_(home),
        options_(options),
        answers_(clock.unix_time()) {}

  void start(std::unique_ptr<Task> task) {
    AfterLock after;
    {
      std::lock_guard lock(mutex_);
      advance(std::move(task), unsent_, after.callbacks);
    }
    run(after);
  }

  void flush() {
    AfterLock after;
    {
      std::lock_guard lock(mutex_);
      batch(std::exchange(unsent_, {}), after);
    }
    run(after);
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
    Waiters<dns::Query> tasks;  // destroyed without the locks
    Waiters<store::Question> store_tasks;
    std::map<std::uint64_t, std::function<void()>> joins;
    std::lock_guard posting(posting_);
    std::lock_guard lock(mutex_);
    destroyed_ = true;
    tasks.swap(waiting_);
    store_tasks.swap(store_waiting_);
    joins.swap(joins_);
    unsent_ = {};
  }

  Answers answers() const {
    std::lock_guard lock(mutex_);
    return answers_;
  }

  dns::AnswerPtr answer(const dns::Query& query) const {
    std::lock_guard lock(mutex_);
    return answers_.find_shared(query);
  }

 private:
  template <class Q>
  using Waiters = std::map<Q, std::vector<std::shared_ptr<Task>>>;

  /// Steps a flow until it is done or must wait; what it misses goes to `unsent`.
  void advance(const std::shared_ptr<Task>& task, Unsent& unsent, Task::Callbacks& callbacks) {
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
                   Unsent& unsent) {
    std::set<dns::Query> misses;
    std::set<store::Question> store_misses;
    for (const Question& question : questions) {
      if (const auto* query = std::get_if<dns::Query>(&question)) {
        if (answers_.find(*query) != nullptr) continue;
        if (auto known = resolver_.cached(*query)) {
          if (options_.observer != nullptr)
            options_.observer->answered(task->kind, *query, *known, std::nullopt);
          answers_.add(*query, std::move(known));
        } else {
          if (options_.observer != nullptr) asked_at_.try_emplace(*query, clock_.steady());
          misses.insert(*query);
        }
        continue;
      }
      const auto stored = *flow_internal::store_question(question);
      if (answers_.find(stored) != nullptr) continue;
      // An Add that is in flight must not be done a second time by now().
      if (store_waiting_.count(stored) > 0) {
        store_misses.insert(stored);
      } else if (auto known = flow_internal::store_now(store_, stored)) {
        answers_.add(stored, std::move(*known));
      } else {
        store_misses.insert(stored);
      }
    }
    task->unanswered = misses.size() + store_misses.size();
    wait_for(task, misses, waiting_, unsent.dns);
    wait_for(task, store_misses, store_waiting_, unsent.store);
    return task->unanswered > 0;
  }

  template <class Q>
  static void wait_for(const std::shared_ptr<Task>& task, const std::set<Q>& misses,
                       Waiters<Q>& waiting, std::vector<UnsentQuestion<Q>>& unsent) {
    for (const Q& query : misses) {
      auto& waiters = waiting[query];
      if (waiters.empty()) unsent.push_back({query, task->deadline});
      waiters.push_back(task);
    }
  }

  template <class Q, class A>
  void answered(const Q& query, A answer, Waiters<Q>& waiting) {
    AfterLock after;
    std::vector<std::shared_ptr<Task>> tasks;  // destroyed without the lock
    {
      std::lock_guard lock(mutex_);
      if (destroyed_) return;
      auto waiters = waiting.extract(query);
      if constexpr (std::is_same_v<Q, dns::Query>) observe(waiters, query, *answer);
      answers_.add(query, std::move(answer));
      if (waiters.empty()) return;
      tasks = std::move(waiters.mapped());
      Unsent unsent;
      for (const auto& task : tasks) {
        if (--task->unanswered == 0) advance(task, unsent, after.callbacks);
      }
      batch(std::move(unsent), after);
    }
    run(after);
  }

  void observe(const Waiters<dns::Query>::node_type& waiters, const dns::Query& query,
               const dns::Answer& answer) {
    const auto asked = asked_at_.extract(query);
    if (asked.empty() || waiters.empty()) return;
    options_.observer->answered(waiters.mapped().front()->kind, query, answer,
                                clock_.steady() - asked.mapped());
  }

  void batch(Unsent unsent, AfterLock& after) const {
    const Deadline deadline = query_deadline();
    after.dns = make_batches(std::move(unsent.dns), deadline);
    after.store = make_batches(std::move(unsent.store), deadline);
  }

  void run(AfterLock& after) {
    for (const auto& callback : after.callbacks) callback();
    for (auto& batch : after.dns) {
      resolver_.ask(std::move(batch.queries), batch.deadline,
                    [self = shared_from_this()](const dns::Query& query, dns::AnswerPtr answer) {
                      self->answered(query, std::move(answer), self->waiting_);
                    });
    }
    for (auto& batch : after.store) {
      store_->ask(
          std::move(batch.queries), batch.deadline,
          [self = shared_from_this()](const store::Question& question, store::Answer answer) {
            self->answered(question, std::move(answer), self->store_waiting_);
          });
    }
  }

  Deadline query_deadline() const { return Deadline::after(clock_, options_.query_timeout); }

  dns::Resolver& resolver_;
  store::Store* const store_;
  const Clock& clock_;
  Executor& home_;
  const FlowOptions options_;

  std::recursive_mutex posting_;  // taken before mutex_
  std::uint64_t last_join_ = 0;
  std::map<std::uint64_t, std::function<void()>> joins_;

  mutable std::mutex mutex_;
  std::atomic<bool> destroyed_{false};  // written under both locks
  Answers answers_;
  Waiters<dns::Query> waiting_;
  Waiters<store::Question> store_waiting_;
  Unsent unsent_;
  std::map<dns::Query, SteadyTime> asked_at_;  // with an observer only
};

FlowDriver::FlowDriver(dns::Resolver& resolver, const Clock& clock, Executor& home,
                       FlowOptions options, store::Store* store)
    : state_(std::make_shared<State>(resolver, clock, home, options, store)) {}

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

dns::AnswerPtr FlowDriver::answer(const dns::Query& query) const {
  return state_->answer(query);
}

Answers FlowDriver::answers() const {
  return state_->answers();
}

}  // namespace gatepost
