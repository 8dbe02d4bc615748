// Speed of a whole SPF check with every answer in memory. Figures are printed, never asserted.

#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "spf/record.h"
#include "tests/spf/zone.h"

namespace gatepost::spf {
namespace {

std::string many_networks() {
  std::string record = "v=spf1";
  for (int i = 0; i < 500; ++i) {
    record += " ip4:10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".128/25";
  }
  return record + " -all";
}

/// Everything that the check asks for is answered before it is measured.
Answers answers_for(const test::Zone& zone, const Request& request) {
  Answers answers(test::kNow);
  for (const dns::Query& query : test::check(zone, request).asked) {
    answers.add(query, std::make_shared<const dns::Answer>(zone.answer(query)));
  }
  return answers;
}

void measure(benchmark::State& state, const test::Zone& zone, const Request& request,
             ResultCode expected) {
  const Answers answers = answers_for(zone, request);
  for (auto _ : state) {
    const Step<Outcome> step = CheckHost(request).step(answers);
    const auto* outcome = std::get_if<Outcome>(&step);
    if (outcome == nullptr || outcome->code != expected) state.SkipWithError("another result");
  }
}

void two_includes_mx_and_a(benchmark::State& state) {
  test::Zone zone;
  zone.txt("example.com", "v=spf1 include:one.example mx a -all");
  zone.txt("one.example", "v=spf1 ip4:203.0.113.0/24 include:two.example ~all");
  zone.txt("two.example", "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ~all");
  zone.mx("example.com", "mx1.example.com");
  zone.mx("example.com", "mx2.example.com");
  zone.address("mx1.example.com", "192.0.2.10");
  zone.address("mx2.example.com", "192.0.2.11");
  zone.address("example.com", "192.0.2.1");
  measure(state, zone, test::request_for("192.0.2.1", "example.com"), ResultCode::pass);
}
BENCHMARK(two_includes_mx_and_a);

void five_hundred_networks(benchmark::State& state) {
  test::Zone zone;
  zone.txt("example.com", many_networks());
  measure(state, zone, test::request_for("192.0.2.1", "example.com"), ResultCode::fail);
}
BENCHMARK(five_hundred_networks);

void parse_five_hundred_networks(benchmark::State& state) {
  const std::string record = many_networks();
  for (auto _ : state) benchmark::DoNotOptimize(parse_record(record));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * record.size()));
}
BENCHMARK(parse_five_hundred_networks);

}  // namespace
}  // namespace gatepost::spf

BENCHMARK_MAIN();
