// Threads that are used again must be like new ones to whoever starts and detaches them.

#include "filter/milter/worker_threads.h"

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <time.h>
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

/// Threads that wait as libmilter's workers do, for a number that is theirs to take.
struct Pool {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_t other = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t called = PTHREAD_COND_INITIALIZER;
  int idle = 0, work = 0, done = 0;

  void run() {
    gatepost_milter_pthread_mutex_lock(&mutex);
    ++idle;
    timespec until{};
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    bool woken = true;
    while (work == 0 && woken)
      woken = gatepost_milter_pthread_cond_timedwait(&called, &mutex, &until) == 0;
    if (woken) --work, ++done;
    gatepost_milter_pthread_mutex_unlock(&mutex);
  }
  void wait_until_idle(int wanted) {
    for (int now = 0; now < wanted;) {
      pthread_mutex_lock(&mutex);
      now = idle;
      pthread_mutex_unlock(&mutex);
      std::this_thread::yield();
    }
  }
};

TEST(WorkerThreads, EachSignalUnderTheLockWakesOneAtTheUnlock) {
  Pool pool;
  std::thread threads[3];
  for (std::thread& thread : threads) thread = std::thread([&] { pool.run(); });
  pool.wait_until_idle(3);
  gatepost_milter_pthread_mutex_lock(&pool.mutex);
  gatepost_milter_pthread_mutex_lock(&pool.other);
  pool.work = 3;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(gatepost_milter_pthread_cond_signal(&pool.called), 0);
  gatepost_milter_pthread_mutex_unlock(&pool.other);
  gatepost_milter_pthread_mutex_unlock(&pool.mutex);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.done, 3) << "a thread that was not woken gives up after a minute, without work";
}

TEST(WorkerThreads, WhoeverIsNotWokenGivesUpInTime) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t never = PTHREAD_COND_INITIALIZER;
  timespec past{};
  gatepost_milter_pthread_mutex_lock(&mutex);
  EXPECT_EQ(gatepost_milter_pthread_cond_timedwait(&never, &mutex, &past), ETIMEDOUT);
  EXPECT_EQ(pthread_mutex_trylock(&mutex), EBUSY) << "with the lock";
  gatepost_milter_pthread_mutex_unlock(&mutex);
  EXPECT_EQ(gatepost_milter_pthread_cond_signal(&never), 0) << "nobody waits any more";
}

TEST(WorkerThreads, ASignalWithoutALockWakesAtOnce) {
  Pool pool;
  std::thread thread([&] { pool.run(); });
  pool.wait_until_idle(1);
  pthread_mutex_lock(&pool.mutex);  // not by libmilter's call
  pool.work = 1;
  EXPECT_EQ(gatepost_milter_pthread_cond_signal(&pool.called), 0);
  pthread_mutex_unlock(&pool.mutex);
  thread.join();
  EXPECT_EQ(pool.done, 1);
}

TEST(WorkerThreads, WhoeverWaitsSignalsFirst) {
  Pool pool;
  std::thread thread([&] { pool.run(); });
  pool.wait_until_idle(1);
  gatepost_milter_pthread_mutex_lock(&pool.mutex);
  pool.work = 1;
  EXPECT_EQ(gatepost_milter_pthread_cond_signal(&pool.called), 0);
  // Waits for what never comes, with the lock free meanwhile.
  pthread_cond_t never = PTHREAD_COND_INITIALIZER;
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 60;
  while (pool.done == 0) {
    timespec soon = until;
    clock_gettime(CLOCK_REALTIME, &soon);
    if (soon.tv_sec >= until.tv_sec) break;
    soon.tv_nsec = soon.tv_nsec < 999'000'000 ? soon.tv_nsec + 1'000'000 : soon.tv_nsec;
    gatepost_milter_pthread_cond_timedwait(&never, &pool.mutex, &soon);
  }
  EXPECT_EQ(pool.done, 1);
  gatepost_milter_pthread_mutex_unlock(&pool.mutex);
  thread.join();
}

}  // namespace
}  // namespace gatepost::milter
