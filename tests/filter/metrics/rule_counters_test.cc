#include "filter/metrics/rule_counters.h"

#include <thread>

#include <gtest/gtest.h>

namespace gatepost {
namespace {

/// "A 2+1 since 10 last 20, B 0+0 since 10 last 0"
std::string shown(const RuleStatistics& statistics) {
  std::string out;
  for (const RuleStatistics::Row& row : statistics.read().rows) {
    out += (out.empty() ? "" : ", ") + row.name + (row.shadow ? " (shadow) " : " ") +
           std::to_string(row.hits) + "+" + std::to_string(row.shadow_hits) + " since " +
           std::to_string(row.since) + " last " + std::to_string(row.last_hit);
  }
  return out;
}

TEST(RuleCounters, CountHitsOfBothKinds) {
  RuleStatistics statistics;
  EXPECT_EQ(shown(statistics), "");
  const auto counters = statistics.begin({{"B", "", false}, {"", "", false}, {"A", "x", true}}, 10);
  counters->count(0, false, 20);
  counters->count(1, false, 21);  // not counted
  counters->count(2, true, 22);
  counters->count(2, true, 23);
  counters->count(3, true, 24);  // of no rule
  counters->count_message();
  EXPECT_EQ(shown(statistics), "A (shadow) 0+2 since 10 last 23, B 1+0 since 10 last 20");
  const auto reading = statistics.read();
  EXPECT_EQ(reading.messages, 1);
  EXPECT_EQ(reading.since, 10);
  EXPECT_EQ(reading.rows[0].category, "x");
}

TEST(RuleCounters, RulesWithoutHitsStandBehindInTheOrderOfTheirNames) {
  RuleStatistics statistics;
  const auto counters = statistics.begin({{"C", "", false}, {"B", "", false}, {"A", "", false}}, 1);
  counters->count(0, false, 2);
  EXPECT_EQ(shown(statistics), "C 1+0 since 1 last 2, A 0+0 since 1 last 0, B 0+0 since 1 last 0");
}

TEST(RuleCounters, SurviveAReloadByName) {
  RuleStatistics statistics;
  const auto old = statistics.begin({{"A", "", true}, {"GONE", "", false}}, 10);
  old->count(0, true, 11);
  old->count(1, false, 12);
  const auto next = statistics.begin({{"NEW", "", false}, {"A", "", false}}, 20);
  next->count(1, false, 21);
  next->count(0, false, 22);
  old->count(0, true, 23);  // a message that began before the reload
  old->count(1, false, 24);
  EXPECT_EQ(shown(statistics), "A 1+2 since 10 last 23, NEW 1+0 since 20 last 22");
  EXPECT_EQ(statistics.read().since, 10);
  EXPECT_EQ(statistics.read().loaded, 20);
  // What comes back begins anew.
  (void)statistics.begin({{"GONE", "", false}}, 30);
  EXPECT_EQ(shown(statistics), "GONE 0+0 since 30 last 0");
  (void)statistics.begin({}, 40);
  EXPECT_EQ(shown(statistics), "");
}

TEST(RuleCounters, NothingIsLostWhileThreadsCountAndRulesAreReloaded) {
  RuleStatistics statistics;
  auto counters = statistics.begin({{"A", "", false}, {"B", "", true}}, 1);
  constexpr int kThreads = 4;
  constexpr int kEach = 5000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([counters] {
      for (int i = 0; i < kEach; ++i) {
        counters->count(0, false, 2);
        counters->count(1, true, 3);
        counters->count_message();
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    counters = statistics.begin({{"B", "", true}, {"A", "", false}}, 4);
    EXPECT_EQ(statistics.read().rows.size(), 2U);
  }
  for (std::thread& thread : threads) thread.join();
  const auto reading = statistics.read();
  EXPECT_EQ(reading.messages, kThreads * kEach);
  EXPECT_EQ(reading.rows[0].hits + reading.rows[1].hits, kThreads * kEach);
  EXPECT_EQ(reading.rows[0].shadow_hits + reading.rows[1].shadow_hits, kThreads * kEach);
}

}  // namespace
}  // namespace gatepost
