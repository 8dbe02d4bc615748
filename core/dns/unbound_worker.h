#pragma once
// The thread behind UnboundResolver; not for others.

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <event2/event.h>
#include <unbound-event.h>
#include <unbound.h>

#include "core/dns/dead_zones.h"
#include "core/dns/unbound_resolver.h"

namespace gatepost::dns {

class UnboundResolver::Worker {
 public:
  explicit Worker(UnboundOptions options);
  ~Worker();

  /// Sets libunbound up and starts the thread.
  Result<void> start();
  void ask(std::vector<Query> batch, Deadline deadline, const Callback& done);
  AnswerPtr cached(const Query& query) {
    return cache_.find(query, std::chrono::steady_clock::now());
  }
  UnboundCounters counters() const;

 private:
  struct Batch {
    std::vector<Query> queries;
    SteadyTime deadline;
    Callback done;
  };
  struct Question;
  /// Somebody who waits for a question; a probe waits without a callback.
  struct Waiter {
    Question* question = nullptr;
    std::shared_ptr<const Callback> done;
  };
  using Waiters = std::multimap<SteadyTime, Waiter>;
  /// One question in flight. Libunbound holds its address until it is answered or cancelled.
  struct Question {
    Worker* worker = nullptr;
    Query query;
    SteadyTime asked_at;
    int async_id = 0;
    AnswerPtr answer;  ///< set when it has arrived and waits for deliver()
    std::vector<Waiters::iterator> waiters;
  };
  struct EventFree {
    void operator()(event* e) const { event_free(e); }
    void operator()(event_base* b) const { event_base_free(b); }
    void operator()(ub_ctx* c) const { ub_ctx_delete(c); }
  };
  struct Atomics {
    std::atomic<std::uint64_t> asked{0}, sent{0}, coalesced{0}, answered{0}, failed{0}, bogus{0},
        timeouts{0}, dead_zone_skips{0}, waiting{0};
    std::array<std::atomic<std::uint64_t>, kStatuses> by_status{};
  };

  Result<void> set_up_unbound();
  Result<void> set_up_servers();
  Result<void> set_up_events();

  // All below run on the thread.
  void run();
  void take_batches();
  void take_query(Query&& query, SteadyTime deadline, const std::shared_ptr<const Callback>& done);
  Question* send(Query&& query, SteadyTime now);
  void wait(Question& question, SteadyTime deadline, std::shared_ptr<const Callback> done);
  static void on_answer(void* question, int rcode, void* packet, int size, int security,
                        char* why_bogus, int rate_limited);
  void arrived(Question& question, AnswerPtr answer);
  void deliver();
  void expire();
  void arm_timer();
  void finish_all();
  void call(const Callback& done, const Query& query, const AnswerPtr& answer);
  void count(Status status);

  const UnboundOptions options_;
  Atomics count_;
  Cache cache_;

  std::mutex queue_mutex_;
  std::vector<Batch> queue_;
  bool stopping_ = false;  // under queue_mutex_

  int wake_fd_ = -1;
  std::unique_ptr<event_base, EventFree> base_;
  std::unique_ptr<ub_ctx, EventFree> unbound_;  // goes before base_
  std::unique_ptr<event, EventFree> wake_;
  std::unique_ptr<event, EventFree> timer_;
  std::unique_ptr<event, EventFree> deliver_;

  std::unordered_map<Query, std::unique_ptr<Question>> in_flight_;
  std::vector<Question*> arrived_;
  Waiters waiters_;
  DeadZones dead_zones_;
  SteadyTime armed_for_ = SteadyTime::max();

  std::thread thread_;
};

}  // namespace gatepost::dns
