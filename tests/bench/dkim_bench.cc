// Verification and signing of a whole message of 16 KB: header, body in milter-sized chunks, one
// signature. Keys are answered already, so that the figure is the work of one message on one
// thread. sign_by_libopendkim_* is what a filter pays that hands its private key to the library for
// each message.

#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "dkim/opendkim_message.h"
#include "dkim/sign.h"
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

const std::shared_ptr<const dkim::PrivateKey>& private_key(dkim::KeyType type) {
  static const auto rsa = dkim::PrivateKey::generate(dkim::KeyType::rsa, 2048);
  static const auto ed25519 = dkim::PrivateKey::generate(dkim::KeyType::ed25519, 0);
  return type == dkim::KeyType::rsa ? *rsa : *ed25519;
}

const Fixture& unsigned_fixture() {
  static const Fixture fixture = [] {
    Fixture made(TestKey::ed25519());
    made.message.fields.erase(made.message.fields.begin());
    return made;
  }();
  return fixture;
}

void sign(benchmark::State& state, dkim::KeyType type) {
  const dkim::SigningKey key{"example.com", "test", private_key(type), false};
  const dkim::SignOptions options;
  const auto& message = unsigned_fixture().message;
  for (auto _ : state) {
    auto signer = dkim::Signer::begin(library(), message.fields, {key}, options, kNow);
    if (!signer) return state.SkipWithError("header");
    signer->body(message.body);
    if (!signer->finish()) state.SkipWithError("no signature");
  }
  state.SetItemsProcessed(state.iterations());
}

void sign_rsa_2048(benchmark::State& state) {
  sign(state, dkim::KeyType::rsa);
}
void sign_ed25519(benchmark::State& state) {
  sign(state, dkim::KeyType::ed25519);
}

unsigned char* octets(const std::string& text) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
}

void sign_by_libopendkim(benchmark::State& state, dkim::KeyType type) {
  static DKIM_LIB* const shared = dkim_init(nullptr, nullptr);
  const std::string pem = private_key(type)->pem();
  const auto& message = unsigned_fixture().message;
  for (auto _ : state) {
    DKIM_STAT status = DKIM_STAT_OK;
    DKIM* dkim = dkim_sign(
        shared, octets("-"), nullptr, octets(pem), octets("test"), octets("example.com"),
        DKIM_CANON_RELAXED, DKIM_CANON_RELAXED,
        type == dkim::KeyType::rsa ? DKIM_SIGN_RSASHA256 : DKIM_SIGN_ED25519SHA256, -1, &status);
    for (const auto& field : message.fields) {
      const std::string text = field.name + ":" + field.value;
      dkim_header(dkim, octets(text), text.size());
    }
    dkim_eoh(dkim);
    dkim_body(dkim, octets(message.body), message.body.size());
    unsigned char* value = nullptr;
    std::size_t size = 0;
    if (dkim_eom(dkim, nullptr) != DKIM_STAT_OK ||
        dkim_getsighdr_d(dkim, 16, &value, &size) != DKIM_STAT_OK)
      state.SkipWithError("no signature");
    dkim_free(dkim);
  }
  state.SetItemsProcessed(state.iterations());
}

void sign_by_libopendkim_rsa_2048(benchmark::State& state) {
  sign_by_libopendkim(state, dkim::KeyType::rsa);
}
void sign_by_libopendkim_ed25519(benchmark::State& state) {
  sign_by_libopendkim(state, dkim::KeyType::ed25519);
}

BENCHMARK(sign_rsa_2048)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(sign_ed25519)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(sign_by_libopendkim_rsa_2048)
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(sign_by_libopendkim_ed25519)
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(verify_rsa_2048)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(verify_ed25519)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
