#pragma once
// Runs a program with descriptors 0 and 1 given, under limits.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "core/base/result.h"

namespace gatepost::rules {

/// What to run; nothing of the caller's descriptors but 0, 1 and 2 is passed on.
struct HelperProgram {
  std::filesystem::path program;  ///< "/proc/self/exe" works; empty: none
  std::vector<std::string> arguments;
};

struct ChildLimits {
  std::chrono::milliseconds time{20000};        ///< real time
  std::size_t memory = std::size_t{768} << 20;  ///< resident octets; looked at every 5 ms
};

/// One child from start to end. Move-only; the destructor kills what still runs and waits for it.
class Child {
 public:
  enum class State { running, succeeded, out_of_time, out_of_memory, failed };

  /// Starts the program with `input` to read on descriptor 0.
  /// @return an internal error when it cannot be started.
  static Result<Child> start(const HelperProgram& program, std::string_view input,
                             const ChildLimits& limits);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  /// Looks at the child without waiting; ends it when it is beyond a limit.
  State poll();
  /// What it wrote to descriptor 1, once it succeeded.
  Result<std::string> output() const;
  /// For people, once it ended: "took longer than 20 s", "ended by signal 11".
  const std::string& reason() const { return reason_; }

 private:
  Child() = default;
  void kill_and_wait();

  pid_t pid_ = -1;
  int output_ = -1;
  State state_ = State::failed;
  ChildLimits limits_;
  std::chrono::steady_clock::time_point deadline_;
  std::string reason_;
};

}  // namespace gatepost::rules
