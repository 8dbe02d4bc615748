// Verification and signing of a whole message of 16 KB: header, body in milter-sized chunks, one
// signature. Keys are answered already, so that the figure is the work of one message on one
// thread. sign_by_libopendkim_* is what a filter pays that hands its private key to the library for
// each message.

#include <algorithm>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "core/base/encoding.h"
#include "dkim/header_hash.h"
#include "dkim/key.h"
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

// ---- The parts of it: see docs/decisions/0013.

/// Header and body through libopendkim, nothing verified.
void part_hashes_by_libopendkim(benchmark::State& state) {
  static const Fixture fixture(TestKey::ed25519());
  std::vector<std::string> texts;
  for (const auto& field : fixture.message.fields) texts.push_back(field.name + ":" + field.value);
  for (auto _ : state) {
    dkim::OpendkimMessage message(library());
    for (const std::string& text : texts) message.header(text);
    if (!message.end_of_headers()) state.SkipWithError("header");
    message.body(fixture.message.body);
    if (!message.finish()) state.SkipWithError("body");
  }
  state.SetItemsProcessed(state.iterations());
}

/// SHA-256 of a body that is canonical already: what no canonicaliser can go below.
void part_sha256_of_the_body(benchmark::State& state) {
  static const Fixture fixture(TestKey::ed25519());
  for (auto _ : state) benchmark::DoNotOptimize(sha256(fixture.message.body));
  state.SetItemsProcessed(state.iterations());
}

/// A relaxed body as a canonicaliser of our own may make it: a line at a time, clean lines copied
/// whole, hashed in pieces of 4 KB. An estimate, with RFC 6376 section 3.4.4's rules.
std::string relaxed_body_hash(std::string_view body) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  std::string pending;
  std::size_t empty_lines = 0;
  while (!body.empty()) {
    const std::size_t end = body.find("\r\n");
    std::string_view line = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 2);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) pending += "\r\n";
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t blank = std::min(line.find_first_of(" \t", at), line.size());
      pending.append(line, at, blank - at);
      if (blank == line.size()) break;
      pending += ' ';
      at = line.find_first_not_of(" \t", blank);
    }
    pending += "\r\n";
    if (pending.size() < 4096) continue;
    EVP_DigestUpdate(context, pending.data(), pending.size());
    pending.clear();
  }
  EVP_DigestUpdate(context, pending.data(), pending.size());
  std::string hash(32, '\0');
  EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(hash.data()), nullptr);
  EVP_MD_CTX_free(context);
  return hash;
}

void part_relaxed_body_of_our_own(benchmark::State& state) {
  static const Fixture fixture(TestKey::ed25519());
  const std::string expected = sha256(dkim::test::canonical_body(fixture.message.body, true));
  if (relaxed_body_hash(fixture.message.body) != expected) state.SkipWithError("wrong hash");
  for (auto _ : state) benchmark::DoNotOptimize(relaxed_body_hash(fixture.message.body));
  state.SetItemsProcessed(state.iterations());
}

void part_public_key(benchmark::State& state, const TestKey& key) {
  const auto record = dkim::parse_key_record(key.record());
  const auto decoded = library().keys().get(*record);
  const std::string hash = sha256("x");
  const std::string signature = key.sign_hash(hash, EVP_sha256());
  for (auto _ : state) {
    if (!(*decoded)->verify(hash, signature)) state.SkipWithError("no match");
  }
  state.SetItemsProcessed(state.iterations());
}

void part_rsa_2048(benchmark::State& state) {
  static const TestKey key = TestKey::rsa(2048);
  part_public_key(state, key);
}
void part_ed25519(benchmark::State& state) {
  static const TestKey key = TestKey::ed25519();
  part_public_key(state, key);
}

/// Fields, tags, key record and police: a message without a body, whose key is missing.
void part_all_but_hashes(benchmark::State& state) {
  static const Fixture fixture(TestKey::ed25519());
  for (auto _ : state) {
    for (const auto& field : fixture.message.fields) {
      benchmark::DoNotOptimize(dkim::keep_field(field));
      if (field.name == "DKIM-Signature")
        benchmark::DoNotOptimize(dkim::parse_signature(field.value));
    }
    benchmark::DoNotOptimize(dkim::read_key_answer(
        *fixture.answers.find(dns::make_query("test._domainkey.example.com", dns::RrType::txt))));
  }
  state.SetItemsProcessed(state.iterations());
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
    auto signer = dkim::Signer::begin(message.fields, {key}, options, kNow);
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
BENCHMARK(part_all_but_hashes)->Unit(benchmark::kMicrosecond);
BENCHMARK(part_hashes_by_libopendkim)->Unit(benchmark::kMicrosecond);
BENCHMARK(part_sha256_of_the_body)->Unit(benchmark::kMicrosecond);
BENCHMARK(part_relaxed_body_of_our_own)->Unit(benchmark::kMicrosecond);
BENCHMARK(part_rsa_2048)->Unit(benchmark::kMicrosecond);
BENCHMARK(part_ed25519)->Unit(benchmark::kMicrosecond);
BENCHMARK(verify_ed25519)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
