// Greylist decisions with 90 % returning triplets: the flow with its questions, the write that
// follows. Figures are printed, never asserted.

#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "core/flow/flow_driver.h"
#include "core/store/memory_store.h"
#include "filter/checks/greylist_flow.h"
#include "filter/store/sqlite_store.h"

namespace gatepost::greylist {
namespace {

constexpr std::int64_t kKnownTriplets = 50000;
constexpr std::int64_t kExpire = 36 * 86400;

class NoResolver final : public dns::Resolver {
 public:
  dns::AnswerPtr cached(const dns::Query&) override { return nullptr; }
  void ask(std::vector<dns::Query> batch, Deadline, Callback done) override {
    for (const auto& query : batch) done(query, dns::empty_answer(dns::Status::nxdomain));
  }
};

/// Each triplet has a client network of its own.
Request request_of(std::int64_t number) {
  Request request;
  request.client =
      *IpAddress::parse("10." + std::to_string(number >> 16 & 255) + "." +
                        std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255));
  request.domain = "sender" + std::to_string(number) + ".test";
  request.sender = "user" + std::to_string(number) + "@" + request.domain;
  request.triplet = make_triplet(client_network(request.client, 32, 64), request.sender,
                                 "user" + std::to_string(number % 100) + "@inbox.test");
  return request;
}

void decisions(benchmark::State& state, store::Store& store, const Clock& clock) {
  for (std::int64_t i = 0; i < kKnownTriplets; ++i) {
    const store::Write known =
        store::Put{known_key(request_of(i).triplet), "", clock.unix_time(), kExpire};
    if (!store.apply(std::span(&known, 1)).ok() || (i % 5000 == 4999 && !store.flush().ok()))
      return state.SkipWithError("the store does not take the known triplets");
  }
  if (!store.flush().ok()) return state.SkipWithError("the store cannot be flushed");
  NoResolver resolver;
  InlineExecutor home;
  std::mt19937_64 random(1);
  std::int64_t next_new = kKnownTriplets;
  std::int64_t returned = 0;
  for (auto _ : state) {
    const bool returns = random() % 10 != 0;
    Request request =
        request_of(returns ? static_cast<std::int64_t>(random() % kKnownTriplets) : next_new++);
    const Triplet triplet = request.triplet;
    FlowDriver driver(resolver, clock, home, {}, &store);
    const auto pending =
        driver.start<Outcome>(std::make_unique<TripletFlow>(std::move(request)), Deadline::never());
    if (!pending.ready()) return state.SkipWithError("an embedded store answers at once");
    const Outcome& outcome = *pending.get();
    if ((outcome.state == Outcome::State::known) != returns)
      return state.SkipWithError("another outcome");
    returned += returns;
    if (returns) continue;
    const store::Write first =
        store::Put{pending_key(triplet), std::string(kWaiting), clock.unix_time(), 2 * 86400};
    if (!store.apply(std::span(&first, 1)).ok())
      return state.SkipWithError("the store does not take the first try");
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["returning"] =
      static_cast<double>(returned) / static_cast<double>(state.iterations());
}

void memory_store(benchmark::State& state) {
  const SystemClock clock;
  store::MemoryStore store(clock, 10000000);
  decisions(state, store, clock);
}
BENCHMARK(memory_store)->UseRealTime();

void sqlite_store(benchmark::State& state) {
  const SystemClock clock;
  const auto folder =
      std::filesystem::temp_directory_path() /
      ("gatepost-bench-" + std::to_string(::getpid()) + "-" + std::to_string(state.max_iterations));
  std::filesystem::create_directories(folder);
  {
    auto store = store::SqliteStore::open(folder / "state.db", clock);
    if (!store.ok()) return state.SkipWithError(store.error().text().c_str());
    decisions(state, **store, clock);
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(sqlite_store)->UseRealTime();

}  // namespace
}  // namespace gatepost::greylist

BENCHMARK_MAIN();
