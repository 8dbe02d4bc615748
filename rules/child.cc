#include "rules/child.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace gatepost::rules {
namespace {

std::string system_text(const char* doing) {
  return std::string(doing) + ": " + std::strerror(errno);
}

bool fill(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return lseek(fd, 0, SEEK_SET) == 0;
}

std::size_t resident(pid_t pid) {
  char name[64];
  std::snprintf(name, sizeof name, "/proc/%d/statm", static_cast<int>(pid));
  FILE* file = std::fopen(name, "re");
  if (file == nullptr) return 0;
  unsigned long size = 0;
  unsigned long pages = 0;
  const int got = std::fscanf(file, "%lu %lu", &size, &pages);
  std::fclose(file);
  return got == 2 ? pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

int spawn(const HelperProgram& program, int input, int output, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // The daemon blocks signals in its threads; the child must be as if started by a shell.
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words{program.program.string()};
  words.insert(words.end(), program.arguments.begin(), program.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int rc = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return rc;
}

}  // namespace

Result<Child> Child::start(const HelperProgram& program, std::string_view input,
                           const ChildLimits& limits) {
  Child child;
  child.limits_ = limits;
  const int in = memfd_create("gatepost-rules-in", MFD_CLOEXEC);
  child.output_ = memfd_create("gatepost-rules-out", MFD_CLOEXEC);
  if (in < 0 || child.output_ < 0 || !fill(in, input)) {
    Error error = internal_error(system_text("memory for the rule compiler"));
    if (in >= 0) close(in);
    return error;
  }
  const int rc = spawn(program, in, child.output_, child.pid_);
  close(in);
  if (rc != 0) {
    child.pid_ = -1;
    return internal_error(std::string("the rule compiler cannot be started: ") + std::strerror(rc),
                          program.program.string());
  }
  // Should we die, the child still ends: its time and what it writes are bounded without us.
  const auto seconds = static_cast<rlim_t>(limits.time.count() / 1000 + 2);
  const rlimit cpu{seconds, seconds};
  const rlimit core{0, 0};
  prlimit(child.pid_, RLIMIT_CPU, &cpu, nullptr);
  prlimit(child.pid_, RLIMIT_CORE, &core, nullptr);
  setpriority(PRIO_PROCESS, static_cast<id_t>(child.pid_), 10);  // mail goes first
  child.deadline_ = std::chrono::steady_clock::now() + limits.time;
  child.state_ = State::running;
  return child;
}

Child::Child(Child&& other) noexcept {
  *this = std::move(other);
}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(output_, other.output_);
  std::swap(state_, other.state_);
  std::swap(limits_, other.limits_);
  std::swap(deadline_, other.deadline_);
  std::swap(reason_, other.reason_);
  return *this;
}

Child::~Child() {
  kill_and_wait();
  if (output_ >= 0) close(output_);
}

void Child::kill_and_wait() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

Child::State Child::poll() {
  if (state_ != State::running) return state_;
  int status = 0;
  const pid_t got = waitpid(pid_, &status, WNOHANG);
  if (got == 0) {
    if (resident(pid_) > limits_.memory) {
      state_ = State::out_of_memory;
      reason_ = "took more than " + std::to_string(limits_.memory >> 20) + " MiB";
    } else if (std::chrono::steady_clock::now() >= deadline_) {
      state_ = State::out_of_time;
      reason_ = "took longer than " + std::to_string(limits_.time.count()) + " ms";
    }
    if (state_ != State::running) kill_and_wait();
    return state_;
  }
  if (got < 0 && errno == EINTR) return state_;
  pid_ = -1;
  state_ = State::failed;
  if (got < 0) {
    reason_ = system_text("waiting for it");
  } else if (WIFSIGNALED(status)) {
    reason_ = "was ended by signal " + std::to_string(WTERMSIG(status));
    if (WTERMSIG(status) == SIGXCPU) state_ = State::out_of_time;
  } else if (WEXITSTATUS(status) != 0) {
    reason_ = "ended with status " + std::to_string(WEXITSTATUS(status));
  } else {
    state_ = State::succeeded;
  }
  return state_;
}

Result<std::string> Child::output() const {
  struct stat about {};
  if (fstat(output_, &about) != 0)
    return internal_error(system_text("output of the rule compiler"));
  std::string out(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got =
        pread(output_, out.data() + have, out.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return internal_error(system_text("output of the rule compiler"));
    have += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace gatepost::rules
