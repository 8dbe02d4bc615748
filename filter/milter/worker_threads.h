#pragma once
// The threads of libmilter's pool, kept for its next one. The pool ends a worker as soon as two are
// idle and starts one for a session as soon as none is: under load a thread for every fourth
// message. And it wakes a worker while it holds the lock that the worker needs at once: here that
// happens when the lock is free. Linked in place of the C library's calls like buffered_io.h.

#include <cstddef>

#include <pthread.h>

namespace gatepost::milter {

inline constexpr std::size_t kMaxRestingThreads = 32;
inline constexpr int kLongestRestSeconds = 10;

}  // namespace gatepost::milter

extern "C" {

/// pthread_create(). A thread whose function has returned rests for kLongestRestSeconds and runs
/// the next function; at most kMaxRestingThreads rest. Nobody can join it: it detaches itself.
int gatepost_milter_pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                   void* (*function)(void*), void* argument);

/// pthread_detach(); nothing for a thread made by the above.
int gatepost_milter_pthread_detach(pthread_t thread);

/// pthread_cond_signal(), at the unlock when this thread holds a mutex that it has locked by the
/// call below; the condition must live until then.
int gatepost_milter_pthread_cond_signal(pthread_cond_t* condition);
int gatepost_milter_pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                           const timespec* until);
int gatepost_milter_pthread_mutex_lock(pthread_mutex_t* mutex);
int gatepost_milter_pthread_mutex_unlock(pthread_mutex_t* mutex);
}
