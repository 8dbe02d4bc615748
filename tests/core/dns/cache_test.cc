#include "core/dns/cache.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gatepost::dns {
namespace {

using std::chrono::seconds;

const SteadyTime kNow{seconds(100000)};

AnswerPtr answer(Status status, std::uint32_t ttl, std::size_t text_size = 0) {
  auto made = std::make_shared<Answer>();
  made->status = status;
  made->ttl = ttl;
  if (text_size != 0) made->texts = {std::string(text_size, 'x')};
  return made;
}

Query query(int i) {
  return make_query("n" + std::to_string(i) + ".example", RrType::txt);
}

struct TtlCase {
  const char* name;
  Status status;
  std::uint32_t ttl;
  int kept;  // seconds
};

constexpr TtlCase kTtlCases[] = {
    {"positive_for_its_ttl", Status::ok, 300, 300},
    {"positive_at_most_a_day", Status::ok, 900'000, 86'400},
    {"negative_for_its_ttl_rfc2308_5", Status::nxdomain, 60, 60},
    {"negative_at_most_an_hour", Status::no_data, 90'000, 3'600},
    {"failure_five_seconds_rfc2308_7", Status::servfail, 0, 5},
    {"bogus_five_seconds", Status::bogus, 900, 5},
    {"ttl_0_is_not_kept_rfc1035_3_2_1", Status::ok, 0, 0},
};

TEST(Cache, KeepsForTheTtl) {
  for (const auto& c : kTtlCases) {
    Cache cache;
    cache.put(query(1), answer(c.status, c.ttl), kNow);
    if (c.kept != 0) {
      EXPECT_NE(cache.find(query(1), kNow + seconds(c.kept - 1)), nullptr) << c.name;
    }
    EXPECT_EQ(cache.find(query(1), kNow + seconds(c.kept)), nullptr) << c.name;
  }
}

TEST(Cache, FailureDoesNotReplaceAValidAnswer) {
  Cache cache;
  cache.put(query(1), answer(Status::ok, 300), kNow);
  cache.put(query(1), answer(Status::servfail, 0), kNow);
  EXPECT_EQ(cache.find(query(1), kNow)->status, Status::ok);
  cache.put(query(1), answer(Status::nxdomain, 300), kNow);
  EXPECT_EQ(cache.find(query(1), kNow)->status, Status::nxdomain);
  EXPECT_EQ(cache.counters().entries, 1U);
}

TEST(Cache, BoundedByEntries) {
  Cache cache({.entries = 160, .bytes = 64U << 20U});
  for (int i = 0; i < 2000; ++i) {
    cache.put(query(i), answer(Status::ok, 300), kNow);
    EXPECT_NE(cache.find(query(i), kNow), nullptr);
  }
  const auto counters = cache.counters();
  EXPECT_LE(counters.entries, 160U);
  EXPECT_EQ(counters.evictions + counters.entries, 2000U);
}

TEST(Cache, BoundedByBytes) {
  Cache cache({.entries = 100'000, .bytes = 1U << 20U});
  for (int i = 0; i < 1000; ++i) cache.put(query(i), answer(Status::ok, 300, 10'000), kNow);
  EXPECT_LE(cache.counters().bytes, 1U << 20U);
  EXPECT_GT(cache.counters().entries, 30U);
  cache.put(query(5000), answer(Status::ok, 300, 200'000), kNow);
  EXPECT_EQ(cache.find(query(5000), kNow), nullptr) << "larger than a shard";
  cache.clear();
  EXPECT_EQ(cache.counters().bytes, 0U);
  EXPECT_EQ(cache.find(query(999), kNow), nullptr);
}

TEST(Cache, LeastRecentlyUsedGoes) {
  Cache cache({.entries = 64, .bytes = 64U << 20U});
  cache.put(query(0), answer(Status::ok, 300), kNow);
  for (int i = 1; i < 500; ++i) {
    cache.put(query(i), answer(Status::ok, 300), kNow);
    ASSERT_NE(cache.find(query(0), kNow), nullptr) << i;
  }
}

TEST(Cache, FromManyThreads) {
  Cache cache({.entries = 200, .bytes = 1U << 20U});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 3000; ++i) {
        const auto key = query((i * 7 + t) % 400);
        if (cache.find(key, kNow) == nullptr) cache.put(key, answer(Status::ok, 300), kNow);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(cache.counters().entries, 200U);
  EXPECT_EQ(cache.counters().hits + cache.counters().misses, 12'000U);
}

struct BoundCase {
  const char* name;
  Status status;
  std::uint32_t ttl;
  std::uint32_t kept;
};

constexpr BoundCase kBoundCases[] = {
    {"zero_is_raised", Status::ok, 0, 30},
    {"short_is_raised", Status::ok, 29, 30},
    {"within_the_bounds", Status::ok, 100, 100},
    {"long_is_cut", Status::ok, 1'000'000, 600},
    {"negative_short_is_raised", Status::nxdomain, 1, 30},
    {"negative_long_is_cut_rfc2308_5", Status::nxdomain, 600, 120},
    {"no_data_long_is_cut_rfc2308_5", Status::no_data, 600, 120},
    {"failures_have_their_own_rfc2308_7", Status::servfail, 600, 5},
    {"a_lie_is_a_failure", Status::lying, 600, 5},
};

TEST(Cache, TtlBounds) {
  CacheLimits limits;
  limits.min_ttl = 30;
  limits.max_ttl = 600;
  limits.max_negative_ttl = 120;
  const SteadyTime now{};
  for (const auto& c : kBoundCases) {
    Cache cache(limits);
    const auto query = make_query("a.example", RrType::a);
    cache.put(query, empty_answer(c.status, c.ttl), now);
    EXPECT_NE(cache.find(query, now + std::chrono::seconds(c.kept) - std::chrono::nanoseconds(1)),
              nullptr)
        << c.name;
    EXPECT_EQ(cache.find(query, now + std::chrono::seconds(c.kept)), nullptr) << c.name;
  }
}

}  // namespace
}  // namespace gatepost::dns
