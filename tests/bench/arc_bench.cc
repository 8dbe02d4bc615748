// ARC on a message of 16 KB: chains of one and three sets validated, a set added, and the body hash
// alone beside libopendkim's. Keys are answered already. Linked into bench_dkim.

#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "dkim/arc/chain.h"
#include "dkim/arc/seal.h"
#include "dkim/canonicalize.h"
#include "dkim/library.h"
#include "dkim/opendkim_message.h"
#include "tests/dkim/test_signer.h"

namespace {

using namespace gatepost;

constexpr std::int64_t kNow = 1767225600;
constexpr std::size_t kBody = 16384;

const std::shared_ptr<const dkim::PrivateKey>& key() {
  static const auto made = dkim::PrivateKey::generate(dkim::KeyType::rsa, 2048);
  return *made;
}

dkim::PublicKeyCache& keys() {
  static dkim::PublicKeyCache cache;
  return cache;
}

arc::NewSet seal(const dkim::test::Message& message, const arc::ChainResult& chain) {
  auto sealer = arc::Sealer::begin(message.fields, {"list.example", "s", key()}, kNow);
  sealer->body(message.body);
  return *sealer->finish(chain, {"mx.list.example", "", {{"dmarc", "pass", "", {}, "", ""}}});
}

/// A message with so many sets, all of one sealer.
dkim::test::Message sealed(int sets) {
  dkim::test::Message message = dkim::test::sample_message();
  for (int i = 0; i < 8; ++i) message.fields.push_back({"Received", " from a by b; now"});
  message.body.clear();
  while (message.body.size() < kBody) message.body += std::string(70, 'a') + " b\r\n";
  arc::ChainResult chain;
  for (int i = 1; i <= sets; ++i) {
    const arc::NewSet set = seal(message, chain);
    message.fields.insert(message.fields.begin(),
                          {{"ARC-Seal", " " + set.seal},
                           {"ARC-Message-Signature", " " + set.message_signature},
                           {"ARC-Authentication-Results", " " + set.authentication_results}});
    chain.status = arc::ChainStatus::pass;
    chain.instance = i;
  }
  return message;
}

void validate(benchmark::State& state, const dkim::test::Message& message) {
  Answers answers(kNow);
  auto answer = std::make_shared<dns::Answer>();
  answer->status = dns::Status::ok;
  answer->texts = {key()->record()};
  answers.add(dns::make_query("s._domainkey.list.example", dns::RrType::txt), answer);
  for (auto _ : state) {
    arc::ChainVerifier verifier(keys(), message.fields, {}, kNow);
    verifier.body(message.body);
    if (verifier.finish(answers).status != arc::ChainStatus::pass) state.SkipWithError("no pass");
  }
  state.SetItemsProcessed(state.iterations());
}

void arc_verify_1_set(benchmark::State& state) {
  static const auto message = sealed(1);
  validate(state, message);
}
void arc_verify_3_sets(benchmark::State& state) {
  static const auto message = sealed(3);
  validate(state, message);
}

void arc_no_chain(benchmark::State& state) {
  static const auto message = sealed(0);
  for (auto _ : state) {
    arc::ChainVerifier verifier(keys(), message.fields, {}, kNow);
    verifier.body(message.body);
    if (verifier.finish(Answers(kNow)).status != arc::ChainStatus::none)
      state.SkipWithError("a chain");
  }
  state.SetItemsProcessed(state.iterations());
}

void arc_seal(benchmark::State& state) {
  static const auto message = sealed(0);
  for (auto _ : state) {
    if (seal(message, {}).instance != 1) state.SkipWithError("no set");
  }
  state.SetItemsProcessed(state.iterations());
}

void body_hash_relaxed(benchmark::State& state) {
  static const auto message = sealed(0);
  for (auto _ : state) {
    dkim::BodyHash hash(dkim::Canonicalization::relaxed);
    hash.update(message.body);
    benchmark::DoNotOptimize(hash.finish());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.body.size()));
}

void body_hash_relaxed_by_libopendkim(benchmark::State& state) {
  static const auto message = sealed(0);
  static const auto library = dkim::Library::open();
  for (auto _ : state) {
    dkim::OpendkimMessage hash(**library);
    if (!hash.header("From: x@x.example") ||
        !hash.header(dkim::stand_in_field(dkim::Canonicalization::relaxed, std::nullopt)) ||
        !hash.end_of_headers())
      return state.SkipWithError("header");
    hash.body(message.body);
    if (!hash.finish()) state.SkipWithError("hash");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.body.size()));
}

BENCHMARK(arc_verify_1_set)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(arc_verify_3_sets)->Unit(benchmark::kMicrosecond);
BENCHMARK(arc_no_chain)->Unit(benchmark::kMicrosecond);
BENCHMARK(arc_seal)->Unit(benchmark::kMicrosecond);
BENCHMARK(body_hash_relaxed)->Unit(benchmark::kMicrosecond);
BENCHMARK(body_hash_relaxed_by_libopendkim)->Unit(benchmark::kMicrosecond);

}  // namespace
