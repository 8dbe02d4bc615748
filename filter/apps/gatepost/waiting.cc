#include "filter/apps/gatepost/waiting.h"

#include <chrono>
#include <cstdio>
#include <utility>

#include <unistd.h>

namespace gatepost::command {

Waiting::Waiting(std::string what) : what_(std::move(what)) {
  if (::isatty(STDERR_FILENO) != 0) thread_ = std::thread([this] { run(); });
}

Waiting::~Waiting() {
  {
    std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Waiting::run() {
  std::unique_lock lock(mutex_);
  const auto begun = std::chrono::steady_clock::now();
  bool shown = false;
  for (int seconds = 2; !done_; ++seconds) {
    if (changed_.wait_until(lock, begun + std::chrono::seconds(seconds), [this] { return done_; }))
      break;
    std::fprintf(stderr, "\r%s, %d s ...", what_.c_str(), seconds);
    shown = true;
  }
  if (shown) std::fprintf(stderr, "\r\x1b[K");
}

}  // namespace gatepost::command
