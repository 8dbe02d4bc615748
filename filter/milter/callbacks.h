#pragma once
// The callbacks that libmilter calls, and what they share. Part of MilterServer.

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <libmilter/mfapi.h>

#include "filter/session/session.h"

namespace gatepost::milter {

/// State of all sessions of the process.
struct Shared {
  explicit Shared(SessionServices& s) : services(s) {}

  SessionServices& services;
  std::size_t max_sessions = 1000;
  bool over_tcp = true;  ///< how the MTA reaches us
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> sessions{0};

  void transaction_begins();
  void transaction_ends();
  /// @return the number of transactions still open.
  std::size_t wait_until_idle(std::chrono::milliseconds limit);

 private:
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t transactions_ = 0;
};

/// libmilter passes no pointer of ours to its first callback, so this one is global.
void set_shared(Shared* shared);
smfiDesc callbacks();

}  // namespace gatepost::milter
