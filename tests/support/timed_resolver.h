#pragma once
// A Resolver on a fake clock: answers come after a time that the test gives, or never and then at
// their deadline. One thread; what waits costs no thread.

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/dns/resolver.h"
#include "core/dns/zone.h"

namespace gatepost::testing {

class TimedResolver final : public dns::Resolver {
 public:
  /// How long the answer to a query takes; Duration::max() is never.
  using Latency = std::function<Duration(const dns::Query&)>;

  TimedResolver(FakeClock& clock, const dns::Zone& zone, Latency latency)
      : clock_(clock), zone_(zone), latency_(std::move(latency)) {}

  dns::AnswerPtr cached(const dns::Query&) override { return nullptr; }

  void ask(std::vector<dns::Query> batch, Deadline deadline, Callback done) override {
    for (auto& query : batch) {
      const Duration takes = latency_(query);
      const SteadyTime now = clock_.steady();
      const bool dead = takes == Duration::max() || now + takes > deadline.at;
      events_.emplace(dead ? deadline.at : now + takes, Event{std::move(query), done, dead});
    }
  }

  /// Lets the time pass until nothing waits any more.
  void run() {
    while (!events_.empty()) {
      const auto first = events_.extract(events_.begin());
      if (first.key() > clock_.steady()) clock_.advance(first.key() - clock_.steady());
      const Event& event = first.mapped();
      event.done(event.query,
                 event.dead ? dns::empty_answer(dns::Status::timeout, 0, "fake deadline")
                            : std::make_shared<dns::Answer>(zone_.lookup(event.query).answer));
    }
  }

  std::size_t waiting() const { return events_.size(); }

 private:
  struct Event {
    dns::Query query;
    Callback done;
    bool dead = false;
  };

  FakeClock& clock_;
  const dns::Zone& zone_;
  Latency latency_;
  std::multimap<SteadyTime, Event> events_;
};

}  // namespace gatepost::testing
