#include "filter/milter/worker_threads.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace gatepost::milter {

namespace {

struct Thread {
  void* (*function)(void*);
  void* argument;
  pthread_t self{};
  std::condition_variable called{};
};

struct Rest {
  std::mutex mutex;
  std::vector<Thread*> threads;  // the last one rested least: it is called first
};

/// Never destroyed: threads rest until the process ends.
Rest& rest() {
  static Rest& it = *[] {
    auto* made = new Rest;
    made->threads.reserve(kMaxRestingThreads);
    return made;
  }();
  return it;
}

thread_local bool t_detached = false;
thread_local unsigned t_held = 0;                    // mutexes of libmilter
thread_local pthread_cond_t* t_to_signal = nullptr;  // when none is held any more

void signal_now() {
  if (t_to_signal != nullptr) ::pthread_cond_signal(std::exchange(t_to_signal, nullptr));
}

/// @return whether there is a function to run.
bool wait_for_call(Thread& thread) {
  Rest& all = rest();
  std::unique_lock lock(all.mutex);
  if (all.threads.size() >= kMaxRestingThreads) return false;
  thread.function = nullptr;
  all.threads.push_back(&thread);
  if (thread.called.wait_for(lock, std::chrono::seconds(kLongestRestSeconds),
                             [&thread] { return thread.function != nullptr; }))
    return true;
  all.threads.erase(std::find(all.threads.begin(), all.threads.end(), &thread));
  return false;
}

void* run(void* made) {
  const std::unique_ptr<Thread> thread(static_cast<Thread*>(made));
  thread->self = ::pthread_self();
  ::pthread_detach(thread->self);
  t_detached = true;
  do {
    thread->function(thread->argument);
  } while (wait_for_call(*thread));
  return nullptr;
}

}  // namespace

}  // namespace gatepost::milter

using namespace gatepost::milter;

extern "C" int gatepost_milter_pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                              void* (*function)(void*), void* argument) {
  if (attributes == nullptr) {
    Rest& all = rest();
    const std::lock_guard lock(all.mutex);
    if (!all.threads.empty()) {
      Thread& called = *all.threads.back();
      all.threads.pop_back();
      called.function = function;
      called.argument = argument;
      *thread = called.self;
      called.called.notify_one();
      return 0;
    }
  }
  std::unique_ptr<Thread> made(new (std::nothrow) Thread{function, argument});
  if (made == nullptr) return EAGAIN;
  const int failed = ::pthread_create(thread, attributes, run, made.get());
  if (failed == 0) static_cast<void>(made.release());
  return failed;
}

extern "C" int gatepost_milter_pthread_detach(pthread_t thread) {
  if (t_detached && ::pthread_equal(thread, ::pthread_self()) != 0) return 0;
  return ::pthread_detach(thread);
}

extern "C" int gatepost_milter_pthread_cond_signal(pthread_cond_t* condition) {
  if (t_held == 0) return ::pthread_cond_signal(condition);
  signal_now();  // of an earlier call: each wakes one
  t_to_signal = condition;
  return 0;
}

extern "C" int gatepost_milter_pthread_cond_timedwait(pthread_cond_t* condition,
                                                      pthread_mutex_t* mutex,
                                                      const timespec* until) {
  signal_now();
  return ::pthread_cond_timedwait(condition, mutex, until);
}

extern "C" int gatepost_milter_pthread_mutex_lock(pthread_mutex_t* mutex) {
  const int failed = ::pthread_mutex_lock(mutex);
  if (failed == 0) ++t_held;
  return failed;
}

extern "C" int gatepost_milter_pthread_mutex_unlock(pthread_mutex_t* mutex) {
  const int failed = ::pthread_mutex_unlock(mutex);
  if (failed == 0 && t_held > 0 && --t_held == 0) signal_now();
  return failed;
}
