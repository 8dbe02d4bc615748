#include "filter/session/reference.h"

#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gatepost {
namespace {

constexpr std::string_view kSymbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

TEST(ReferenceMaker, HasEightSymbolsAndTheNode) {
  const FakeClock clock;
  ReferenceMaker maker(clock, "Q2");
  const std::string reference = maker.next();
  ASSERT_EQ(reference.size(), 11U);
  EXPECT_EQ(reference.substr(8), "-Q2");
  EXPECT_EQ(reference.find_first_not_of(kSymbols), 8U) << reference;
}

TEST(ReferenceMaker, GoesUpAndSurvivesARestartAndAClockThatGoesBack) {
  FakeClock clock;
  std::string last;
  for (int run = 0; run < 3; ++run) {
    ReferenceMaker maker(clock, "Q2");
    for (int i = 0; i < 3; ++i) {
      const std::string next = maker.next();
      EXPECT_LT(last, next);
      last = next;
      clock.advance(std::chrono::seconds(i - 1));
    }
    clock.advance(std::chrono::seconds(2));
  }
}

TEST(ReferenceMaker, IsUniqueUnderThreads) {
  const FakeClock clock;  // stands still: the count must do it alone
  ReferenceMaker maker(clock, "Q2");
  std::vector<std::vector<std::string>> made(4);
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) mine.push_back(maker.next());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20000U);
}

TEST(ReferenceMaker, NodeIsThatOfTheHost) {
  const std::string node = ReferenceMaker::node_from("mx1.example.org");
  EXPECT_EQ(node.size(), 2U);
  EXPECT_EQ(node.find_first_not_of(kSymbols), std::string::npos);
  EXPECT_EQ(node, ReferenceMaker::node_from("mx1.example.org"));
  EXPECT_NE(node, ReferenceMaker::node_from("mx2.example.org"));
}

}  // namespace
}  // namespace gatepost
