#include "core/base/executor.h"

#include <thread>

#include <gtest/gtest.h>

#include "core/base/snapshot.h"

namespace gatepost {
namespace {

TEST(WaitingExecutor, RunsTasksOnTheWaitingThread) {
  WaitingExecutor executor;
  const auto here = std::this_thread::get_id();
  std::thread::id ran_on;
  bool done = false;
  std::thread other([&] {
    executor.post([&] {
      ran_on = std::this_thread::get_id();
      done = true;
    });
  });
  EXPECT_TRUE(executor.run_until([&] { return done; }, SteadyTime::max()));
  other.join();
  EXPECT_EQ(ran_on, here);
}

TEST(WaitingExecutor, GivesUpAtTheDeadline) {
  WaitingExecutor executor;
  EXPECT_FALSE(executor.run_until([] { return false; }, std::chrono::steady_clock::now()));
}

TEST(WaitingExecutor, KeepsOrderAndRunsReadyOnly) {
  WaitingExecutor executor;
  std::string order;
  executor.post([&] { order += 'a'; });
  executor.post([&] { order += 'b'; });
  executor.run_ready();
  EXPECT_EQ(order, "ab");
  executor.run_ready();
  EXPECT_EQ(order, "ab");
}

TEST(Snapshot, ReadersKeepWhatTheyTook) {
  Snapshot<int> snapshot(std::make_shared<const int>(1));
  const auto pinned = snapshot.get();
  const auto old = snapshot.swap(std::make_shared<const int>(2));
  EXPECT_EQ(*pinned, 1);
  EXPECT_EQ(old, pinned);
  EXPECT_EQ(*snapshot.get(), 2);
}

TEST(Deadline, TheEarlierWins) {
  FakeClock clock;
  const auto soon = Deadline::after(clock, std::chrono::seconds(1));
  EXPECT_EQ(soon.earlier(Deadline::never()).at, soon.at);
  EXPECT_FALSE(soon.passed(clock));
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(soon.passed(clock));
}

}  // namespace
}  // namespace gatepost
