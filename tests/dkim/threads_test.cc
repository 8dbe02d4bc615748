// One Library, several threads.

#include <atomic>
#include <thread>
#include <vector>

#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

using namespace test;

TEST(Threads, OneLibraryServesAll) {
  Message good = sample_message();
  add_signature(good, rsa_key());
  add_signature(good, ed25519_key(), {.selector = "ed", .length = 29});
  Message bad = good;
  bad.body[0] = 'x';
  Zone zone = zone_of(rsa_key());
  zone["ed._domainkey.example.com"] = ed25519_key().record();

  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 60; ++i) {
        const bool is_good = i % 3 != 0;
        const auto results = verify(is_good ? good : bad, zone);
        const Outcome expected = is_good ? Outcome::pass : Outcome::fail;
        for (const auto& result : results) wrong += result.outcome != expected;
        wrong += results.size() != 2;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Threads, CacheEvictsWhileKeysAreUsed) {
  PublicKeyCache cache(2);
  std::vector<KeyRecord> records;
  std::vector<TestKey> keys;
  for (int i = 0; i < 5; ++i) {
    keys.push_back(TestKey::ed25519());
    records.push_back(*parse_key_record(keys.back().record()));
  }
  const std::string hash(32, 'h');
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 100; ++i) {
        const std::size_t which = (i + t) % keys.size();
        const auto key = cache.get(records[which]);
        wrong += !key || !(*key)->verify(hash, keys[which].sign_hash(hash, nullptr));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(cache.size(), 2U);
}

}  // namespace
}  // namespace gatepost::dkim
