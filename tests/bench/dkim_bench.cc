// Verification of a whole message of 16 KB: header, body in milter-sized chunks, one signature.
// Keys are answered already, so that the figure is the work of one message on one thread.

#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "dkim/verify.h"
#include "tests/dkim/test_signer.h"

namespace {

using namespace gatepost;
using dkim::test::TestKey;

constexpr std::int64_t kNow = 1767225600;
constexpr std::size_t kBody = 16384;

struct Fixture {
  explicit Fixture(const TestKey& key) : answers(kNow) {
    message = dkim::test::sample_message();
    for (int i = 0; i < 8; ++i) message.fields.push_back({"Received", " from a by b; now"});
    message.body.clear();
    while (message.body.size() < kBody) message.body += std::string(70, 'a') + " b\r\n";
    dkim::test::add_signature(message, key);
    auto answer = std::make_shared<dns::Answer>();
    answer->status = dns::Status::ok;
    answer->texts = {key.record()};
    answers.add(dns::make_query("test._domainkey.example.com", dns::RrType::txt), answer);
  }

  dkim::test::Message message;
  Answers answers;
};

dkim::Library& library() {
  static const auto opened = dkim::Library::open();
  return **opened;
}

void verify(benchmark::State& state, const Fixture& fixture) {
  for (auto _ : state) {
    dkim::Verifier verifier(library(), {}, kNow);
    for (const auto& field : fixture.message.fields) verifier.header(field);
    if (!verifier.end_of_headers()) state.SkipWithError("header");
    verifier.body(fixture.message.body);
    const auto results = verifier.finish(fixture.answers);
    if (!results || results->at(0).outcome != dkim::Outcome::pass) state.SkipWithError("no pass");
  }
  state.SetItemsProcessed(state.iterations());  // messages a second, all threads
}

void verify_rsa_2048(benchmark::State& state) {
  static const Fixture fixture(TestKey::rsa(2048));
  verify(state, fixture);
}

void verify_ed25519(benchmark::State& state) {
  static const Fixture fixture(TestKey::ed25519());
  verify(state, fixture);
}

BENCHMARK(verify_rsa_2048)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(verify_ed25519)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
