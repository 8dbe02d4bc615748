#pragma once
// Tells a person at a terminal that a command still waits.

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace gatepost::command {

/// While it lives: after 2 s one line on stderr, when that is a terminal, with the seconds so far.
/// Its destructor takes the line away.
class Waiting {
 public:
  explicit Waiting(std::string what);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  void run();

  const std::string what_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace gatepost::command
