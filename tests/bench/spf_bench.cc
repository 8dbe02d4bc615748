// Speed of a whole SPF check with every answer in memory. Figures are printed, never asserted.

#include <cstring>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/types.h>

extern "C" {
#include <spf2/spf.h>
}

#include "spf/libspf2.h"
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

/// As the engine spf.engine = "libspf2" runs it: a server of the library for each check.
void measure_engine(benchmark::State& state, const test::Zone& zone, const Request& request,
                    ResultCode expected) {
  Answers answers(test::kNow);
  Libspf2Check asking(request);
  for (const dns::Query& query : test::drive(zone, asking).asked) {
    answers.add(query, std::make_shared<const dns::Answer>(zone.answer(query)));
  }
  for (auto _ : state) {
    const Step<Outcome> step = Libspf2Check(request).step(answers);
    const auto* outcome = std::get_if<Outcome>(&step);
    if (outcome == nullptr || outcome->code != expected) state.SkipWithError("another result");
  }
}

/// The library by itself at its best: one server for all checks, answers as it wants them, none of
/// our limits.
SPF_dns_rr_t* lookup(SPF_dns_server_t* server, const char* domain, ns_type type, int) {
  const auto& zone = *static_cast<const test::Zone*>(server->hook);
  const dns::Answer answer = zone.answer(dns::make_query(domain, static_cast<dns::RrType>(type)));
  SPF_dns_rr_t* rr = SPF_dns_rr_new_init(
      server, domain, type, 60, answer.status == dns::Status::ok ? NETDB_SUCCESS : HOST_NOT_FOUND);
  const auto append = [&](const void* data, std::size_t size) {
    SPF_dns_rr_buf_realloc(rr, rr->num_rr, std::max(size, sizeof(SPF_dns_rr_data_t)));
    std::memcpy(static_cast<void*>(rr->rr[rr->num_rr]), data, size);
    ++rr->num_rr;
  };
  for (const auto& text : answer.texts) append(text.c_str(), text.size() + 1);
  for (const auto& mx : answer.mx) append(mx.exchange.c_str(), mx.exchange.size() + 1);
  for (const auto& address : answer.addresses)
    append(address.octets().data(), address.octets().size());
  return rr;
}

void measure_library(benchmark::State& state, test::Zone& zone, const Request& request) {
  SPF_dns_server_t dns{};
  dns.lookup = lookup;
  dns.name = "memory";
  dns.hook = &zone;
  SPF_server_t* server = SPF_server_new_dns(&dns, 0);
  for (auto _ : state) {
    SPF_request_t* check = SPF_request_new(server);
    SPF_request_set_ipv4_str(check, request.client.text().c_str());
    SPF_request_set_helo_dom(check, request.helo.c_str());
    SPF_request_set_env_from(check, request.mail_from.c_str());
    SPF_response_t* response = nullptr;
    SPF_request_query_mailfrom(check, &response);
    if (response == nullptr || SPF_response_result(response) != SPF_RESULT_PASS)
      state.SkipWithError("another result");
    SPF_response_free(response);
    SPF_request_free(check);
  }
  SPF_server_free(server);
}

test::Zone chain() {
  test::Zone zone;
  zone.txt("example.com", "v=spf1 include:one.example mx a -all");
  zone.txt("one.example", "v=spf1 ip4:203.0.113.0/24 include:two.example ~all");
  zone.txt("two.example", "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ~all");
  zone.mx("example.com", "mx1.example.com");
  zone.mx("example.com", "mx2.example.com");
  zone.address("mx1.example.com", "192.0.2.10");
  zone.address("mx2.example.com", "192.0.2.11");
  zone.address("example.com", "192.0.2.1");
  return zone;
}

void two_includes_mx_and_a(benchmark::State& state) {
  measure(state, chain(), test::request_for("192.0.2.1", "example.com"), ResultCode::pass);
}
BENCHMARK(two_includes_mx_and_a);

void two_includes_mx_and_a_libspf2(benchmark::State& state) {
  test::Zone zone = chain();
  measure_library(state, zone, test::request_for("192.0.2.1", "example.com"));
}
BENCHMARK(two_includes_mx_and_a_libspf2);

void two_includes_mx_and_a_libspf2_engine(benchmark::State& state) {
  measure_engine(state, chain(), test::request_for("192.0.2.1", "example.com"), ResultCode::pass);
}
BENCHMARK(two_includes_mx_and_a_libspf2_engine);

void ip4_terms(benchmark::State& state) {
  std::string record = "v=spf1";
  for (std::int64_t i = 0; i < state.range(0); ++i)
    record += " ip4:10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".128/25";
  test::Zone zone;
  zone.txt("example.com", record + " -all");
  measure(state, zone, test::request_for("192.0.2.1", "example.com"), ResultCode::fail);
  state.SetComplexityN(state.range(0));
}
BENCHMARK(ip4_terms)->RangeMultiplier(2)->Range(32, 1024)->Complexity(benchmark::oN);

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
