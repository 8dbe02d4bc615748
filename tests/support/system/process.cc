#include "tests/support/system/process.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace gatepost::test {

namespace {

// Started with the stop signal and the program as its arguments; standard input is the leash.
// Prints the program's id first. The program gets a session of its own, so that its whole group can
// be killed.
constexpr char kGuardian[] = R"(
exec 3<&0
stop=$1
shift
/bin/sh -c 'echo "$$"; exec setsid "$@"' sh "$@" </dev/null 3<&- &
program=$!
exec >/dev/null 2>&1
{ read -r line <&3; kill -"$stop" "$program"
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
    kill -0 "$program" || exit 0; sleep 0.2
  done
  kill -KILL "-$program"; } &
watcher=$!
exec 3<&-
wait "$program"
status=$?
kill -KILL "-$program"
kill -KILL "$watcher"
exit "$status"
)";

constexpr auto kPollInterval = std::chrono::milliseconds(5);

int status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/// The strings an exec wants, alive as long as this is.
class ExecStrings {
 public:
  void add(std::string text) { texts_.push_back(std::move(text)); }
  char** get() {
    pointers_.clear();
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
    return pointers_.data();
  }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

ExecStrings merged_environment(const Environment& added) {
  ExecStrings strings;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : added) {
      replaced = replaced || (text.starts_with(name) && text.substr(name.size()).starts_with('='));
    }
    if (!replaced) strings.add(std::string(text));
  }
  for (const auto& [name, value] : added) strings.add(name + "=" + value);
  return strings;
}

/// Starts a child in a process group of its own with these standard descriptors (-1: ours).
Result<pid_t> spawn(const Arguments& arguments, const Environment& environment,
                    const std::array<int, 3>& standard) {
  ExecStrings argument_strings;
  for (const std::string& argument : arguments) argument_strings.add(argument);
  ExecStrings environment_strings = merged_environment(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int target = 0; target < 3; ++target) {
    const int source = standard[static_cast<std::size_t>(target)];
    if (source >= 0) posix_spawn_file_actions_adddup2(&actions, source, target);
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (const int signal : {SIGPIPE, SIGTERM, SIGHUP, SIGINT}) sigaddset(&defaults, signal);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  pid_t child = -1;
  const int code = posix_spawnp(&child, arguments.front().c_str(), &actions, &attributes,
                                argument_strings.get(), environment_strings.get());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) {
    return permanent_error("cannot start: " + std::string(std::strerror(code)), arguments.front());
  }
  return child;
}

struct Pair {
  FileDescriptor ours;
  FileDescriptor theirs;
};

// A socket pair serves as a pipe whose writer gets EPIPE by MSG_NOSIGNAL instead of a signal.
Result<Pair> make_pair() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return internal_error("socketpair: " + std::string(std::strerror(errno)));
  }
  return Pair{FileDescriptor(sockets[0]), FileDescriptor(sockets[1])};
}

void set_non_blocking(int descriptor) {
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

/// Feeds the input and gathers both outputs until all of them are closed.
class Exchange {
 public:
  Exchange(const RunOptions& options, ProcessResult& result)
      : options_(options), result_(result), input_left_(options.input) {}

  Result<void> run(FileDescriptor& input, FileDescriptor& output, FileDescriptor& errors,
                   SteadyTime deadline) {
    for (FileDescriptor* one : {&input, &output, &errors}) set_non_blocking(one->get());
    while (output.is_open() || errors.is_open()) {
      if (input_left_.empty()) input.reset();
      std::array<pollfd, 3> entries{
          {{input.get(), POLLOUT, 0}, {output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}}};
      const auto left =
          std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return temporary_error("timed out");
      poll(entries.data(), entries.size(), static_cast<int>(left.count()));
      if (entries[0].revents) feed(input);
      if (entries[1].revents) gather(output, result_.output);
      if (entries[2].revents) gather(errors, result_.errors);
      if (result_.output.size() > options_.output_limit ||
          result_.errors.size() > options_.output_limit) {
        return permanent_error("wrote more than " + std::to_string(options_.output_limit) +
                               " octets");
      }
    }
    return {};
  }

 private:
  void feed(FileDescriptor& input) {
    const auto sent = send(input.get(), input_left_.data(), input_left_.size(), MSG_NOSIGNAL);
    if (sent > 0) input_left_.remove_prefix(static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) input_left_ = {};
  }
  static void gather(FileDescriptor& from, std::string& to) {
    char buffer[16384];
    const auto got = read(from.get(), buffer, sizeof buffer);
    if (got > 0) to.append(buffer, static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) from.reset();
  }

  const RunOptions& options_;
  ProcessResult& result_;
  std::string_view input_left_;
};

/// The status of `child` when it has ended; nothing at the deadline.
std::optional<int> wait_for_end(pid_t child, SteadyTime deadline) {
  for (;;) {
    int wait_status = 0;
    const pid_t got = waitpid(child, &wait_status, WNOHANG);
    if (got == child) return wait_status;
    if (got < 0 && errno != EINTR) return 0;
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

Result<ProcessResult> run_process(const Arguments& arguments, const RunOptions& options) {
  const SteadyTime deadline = after(options.timeout);
  auto input = make_pair();
  auto output = make_pair();
  auto errors = make_pair();
  if (!input || !output || !errors) return internal_error("no descriptors left");
  const auto child = spawn(arguments, options.environment,
                           {input->theirs.get(), output->theirs.get(), errors->theirs.get()});
  if (!child) return child.error();
  for (auto* pair : {&input, &output, &errors}) (*pair)->theirs.reset();
  ProcessResult result;
  auto exchanged = Exchange(options, result).run(input->ours, output->ours, errors->ours, deadline);
  auto ended = exchanged ? wait_for_end(*child, deadline) : std::nullopt;
  if (!ended) {
    kill(-*child, SIGKILL);
    waitpid(*child, nullptr, 0);
    if (!exchanged) return Error{exchanged.error().kind, exchanged.error().what, arguments.front()};
    return temporary_error("timed out", arguments.front());
  }
  result.status = status_of(*ended);
  return result;
}

Result<BackgroundProcess> BackgroundProcess::start(const Arguments& arguments,
                                                   const BackgroundOptions& options) {
  auto leash = make_pair();
  auto output = make_pair();
  if (!leash || !output) return internal_error("no descriptors left");
  FileDescriptor errors;
  if (!options.errors_path.empty()) {
    errors.reset(
        open(options.errors_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!errors.is_open()) return permanent_error(std::strerror(errno), options.errors_path);
  }
  Arguments guarded = {"/bin/sh", "-c", kGuardian, "guardian", options.stop_signal};
  guarded.insert(guarded.end(), arguments.begin(), arguments.end());
  const auto guardian = spawn(guarded, options.environment,
                              {leash->theirs.get(), output->theirs.get(), errors.get()});
  if (!guardian) return guardian.error();
  BackgroundProcess process;
  process.guardian_ = *guardian;
  process.leash_ = std::move(leash->ours);
  process.output_.emplace(std::move(output->ours));
  output->theirs.reset();
  const auto line = process.read_line(after(Milliseconds(5000)));
  if (!line) return line.error();
  const std::string text = line->value_or("");
  std::from_chars(text.data(), text.data() + text.size(), process.program_);
  if (process.program_ <= 1) return internal_error("the guardian did not start", arguments.front());
  return process;
}

BackgroundProcess::BackgroundProcess(BackgroundProcess&& other) noexcept
    : guardian_(std::exchange(other.guardian_, -1)),
      program_(std::exchange(other.program_, -1)),
      leash_(std::move(other.leash_)),
      output_(std::move(other.output_)),
      status_(other.status_) {}

BackgroundProcess& BackgroundProcess::operator=(BackgroundProcess&& other) noexcept {
  if (this != &other) {
    stop();
    guardian_ = std::exchange(other.guardian_, -1);
    program_ = std::exchange(other.program_, -1);
    leash_ = std::move(other.leash_);
    output_ = std::move(other.output_);
    status_ = other.status_;
  }
  return *this;
}

Result<std::optional<std::string>> BackgroundProcess::read_line(SteadyTime deadline) {
  if (!output_) return permanent_error("the process is gone");
  return output_->receive_line(1 << 20, deadline);
}

void BackgroundProcess::collect(int wait_status) {
  status_ = status_of(wait_status);
  guardian_ = -1;
  leash_.reset();
}

bool BackgroundProcess::running() {
  if (guardian_ < 0) return false;
  const auto ended = wait_for_end(guardian_, SteadyTime{});
  if (ended) collect(*ended);
  return guardian_ >= 0;
}

int BackgroundProcess::stop() {
  if (guardian_ < 0) return status_;
  leash_.reset();
  auto ended = wait_for_end(guardian_, after(Milliseconds(8000)));
  if (!ended) {  // the guardian itself hangs
    if (program_ > 1) kill(-program_, SIGKILL);
    kill(-guardian_, SIGKILL);
    int wait_status = 0;
    waitpid(guardian_, &wait_status, 0);
    ended = wait_status;
  }
  collect(*ended);
  return status_;
}

Result<int> BackgroundProcess::wait(SteadyTime deadline) {
  if (guardian_ < 0) return status_;
  const auto ended = wait_for_end(guardian_, deadline);
  if (!ended) return temporary_error("still running at the deadline");
  collect(*ended);
  return status_;
}

}  // namespace gatepost::test
