#pragma once
// Child processes of tests: each has a deadline or a guardian, none outlives the test program.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "core/base/result.h"
#include "tests/support/system/socket.h"

namespace gatepost::test {

using Arguments = std::vector<std::string>;
/// Names and values added to (or replacing some of) our own environment.
using Environment = std::vector<std::pair<std::string, std::string>>;

/// A status below 128 as given to exit(); 128 + the signal's number when it was killed.
struct ProcessResult {
  int status = 0;
  std::string output;  ///< standard output
  std::string errors;  ///< standard error
};

struct RunOptions {
  Environment environment = {};
  std::string input = {};  ///< for standard input
  std::chrono::milliseconds timeout{30'000};
  std::size_t output_limit = 16 << 20;  ///< of either output; more is a permanent error
};

/// Runs `arguments` (the first one is the program, looked up in PATH) to its end. At the deadline
/// the child and its process group are killed and the error is temporary.
Result<ProcessResult> run_process(const Arguments& arguments, const RunOptions& options = {});

struct BackgroundOptions {
  Environment environment = {};
  std::string errors_path = {};      ///< where standard error is appended; ours when empty
  std::string stop_signal = "TERM";  ///< what stop() and the guardian send first
};

/// A program in the background under a guardian: a shell that reads a pipe of ours. When the pipe
/// closes (our destructor, or our death) it sends the stop signal to the program, and KILL to its
/// process group 5 s later. Whoever starts a program that writes much to its standard output must
/// read it. Movable; one thread at a time.
class BackgroundProcess {
 public:
  static Result<BackgroundProcess> start(const Arguments& arguments,
                                         const BackgroundOptions& options = {});
  BackgroundProcess(BackgroundProcess&& other) noexcept;
  BackgroundProcess& operator=(BackgroundProcess&& other) noexcept;
  ~BackgroundProcess() { stop(); }

  /// Of the program, not of the guardian: for a test that kills it in the middle.
  pid_t id() const { return program_; }
  /// The next line of its standard output.
  Result<std::optional<std::string>> read_line(SteadyTime deadline);
  bool running();
  /// Ends it as the destructor does and waits. @return its status as in ProcessResult.
  int stop();
  /// Waits until it ends by itself; a temporary error at the deadline.
  Result<int> wait(SteadyTime deadline);

 private:
  BackgroundProcess() = default;
  void collect(int wait_status);

  pid_t guardian_ = -1;
  pid_t program_ = -1;
  FileDescriptor leash_;  ///< the guardian ends the program when this closes
  std::optional<Stream> output_;
  int status_ = -1;
};

}  // namespace gatepost::test
