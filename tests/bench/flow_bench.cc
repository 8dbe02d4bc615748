// Thousands of SPF checks in flight on one thread: what starting, holding and finishing them costs.
// Figures are printed, never asserted.

#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/flow/flow_driver.h"
#include "spf/evaluate.h"
#include "tests/support/timed_resolver.h"

namespace gatepost {
namespace {

std::string domain(int check) {
  return "d" + std::to_string(check) + ".example";
}

dns::Zone zone_of(int checks) {
  std::string text = "$TTL 300\n";
  for (int i = 0; i < checks; ++i) {
    text += domain(i) + ". TXT \"v=spf1 include:i." + domain(i) + " a -all\"\ni." + domain(i) +
            ". TXT \"v=spf1 ip4:198.51.100.0/24 -all\"\n" + domain(i) + ". A 192.0.2.1\n";
  }
  dns::Zone zone;
  if (!zone.add_text(text).ok()) std::abort();
  return zone;
}

int threads_now() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<int>(std::distance(begin(tasks), end(tasks)));
}

void checks_in_flight(benchmark::State& state) {
  const int checks = static_cast<int>(state.range(0));
  const dns::Zone zone = zone_of(checks);
  InlineExecutor home;
  std::size_t waiting = 0;
  int threads = 0;
  for (auto _ : state) {
    FakeClock clock;
    testing::TimedResolver resolver(
        clock, zone, [](const dns::Query&) { return std::chrono::milliseconds(50); });
    std::vector<std::unique_ptr<FlowDriver>> drivers;
    std::vector<Pending<spf::Outcome>> pendings;
    for (int i = 0; i < checks; ++i) {
      drivers.push_back(std::make_unique<FlowDriver>(resolver, clock, home));
      spf::Request request;
      request.client = *IpAddress::parse("192.0.2.1");
      request.helo = "mail.example";
      request.mail_from = "a@" + domain(i);
      pendings.push_back(
          drivers.back()->start<spf::Outcome>(std::make_unique<spf::CheckHost>(std::move(request)),
                                              Deadline::after(clock, std::chrono::seconds(20))));
      drivers.back()->flush();
    }
    waiting = resolver.waiting();
    threads = threads_now();
    resolver.run();
    for (const auto& pending : pendings) {
      if (!pending.ready() || pending.get()->code != spf::ResultCode::pass)
        state.SkipWithError("another result");
    }
  }
  state.counters["in_flight"] = static_cast<double>(waiting);
  state.counters["threads"] = threads;
  state.SetItemsProcessed(state.iterations() * checks);
}
BENCHMARK(checks_in_flight)->Arg(1)->Arg(200)->Arg(2000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gatepost

BENCHMARK_MAIN();
