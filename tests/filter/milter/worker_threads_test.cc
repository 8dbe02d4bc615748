// Threads that are used again must be like new ones to whoever starts and detaches them.

#include "filter/milter/worker_threads.h"

#include <condition_variable>
#include <mutex>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

namespace gatepost::milter {
namespace {

/// Functions that have run, by the thread that did.
struct Runs {
  std::mutex mutex;
  std::condition_variable changed;
  int count = 0, failed_detach = 0;
  std::set<pid_t> threads;  // the kernel's numbers, which come again much later

  static void* run(void* self) {
    Runs& runs = *static_cast<Runs*>(self);
    const int failed = gatepost_milter_pthread_detach(pthread_self());  // as libmilter's workers do
    const std::lock_guard lock(runs.mutex);
    runs.failed_detach += failed != 0 ? 1 : 0;
    runs.threads.insert(::gettid());
    ++runs.count;
    runs.changed.notify_all();
    return nullptr;
  }
  void start() {
    pthread_t thread;
    ASSERT_EQ(gatepost_milter_pthread_create(&thread, nullptr, run, this), 0);
  }
  void wait(int wanted) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return count >= wanted; });
  }
};

TEST(WorkerThreads, RunMoreFunctionsAtOnceThanMayRest) {
  Runs runs;
  constexpr int kFunctions = 3 * kMaxRestingThreads;
  for (int i = 0; i < kFunctions; ++i) runs.start();
  runs.wait(kFunctions);
  const std::lock_guard lock(runs.mutex);
  EXPECT_EQ(runs.count, kFunctions);
  EXPECT_EQ(runs.failed_detach, 0) << "a thread detaches itself each time it is used";
}

TEST(WorkerThreads, AreUsedAgain) {
  Runs runs;
  constexpr int kFunctions = 2000;
  for (int i = 0; i < kFunctions; ++i) {
    runs.start();
    runs.wait(i + 1);
  }
  const std::lock_guard lock(runs.mutex);
  EXPECT_LT(runs.threads.size(), 200u) << "one after another, 2,000 functions";
  EXPECT_EQ(runs.failed_detach, 0);
}

TEST(WorkerThreads, AttributesMeanANewThread) {
  Runs runs;
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 1 << 20), 0);
  pthread_t thread;
  ASSERT_EQ(gatepost_milter_pthread_create(&thread, &attributes, Runs::run, &runs), 0);
  runs.wait(1);
  pthread_attr_destroy(&attributes);
}

TEST(WorkerThreads, DetachingAnotherThreadIsTheCLibrarys) {
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr),
            0);
  EXPECT_EQ(gatepost_milter_pthread_detach(thread), 0);
}

}  // namespace
}  // namespace gatepost::milter
