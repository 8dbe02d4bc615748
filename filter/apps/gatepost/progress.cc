#include "filter/apps/gatepost/progress.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace gatepost::command {
namespace {

using namespace std::chrono_literals;

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(std::min(seconds, 359999.0));
  char out[32];
  if (whole < 3600)
    std::snprintf(out, sizeof out, "%ld:%02ld", whole / 60, whole % 60);
  else
    std::snprintf(out, sizeof out, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return out;
}

}  // namespace

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

std::string progress_line(const std::string& what, std::size_t done, std::size_t total,
                          double seconds, std::size_t width) {
  std::string out = what + "  ";
  if (total == 0) {
    if (done != 0) out += std::to_string(done) + "  ";
    out += duration_text(seconds);
    return out.substr(0, width);
  }
  done = std::min(done, total);
  const double share = static_cast<double>(done) / static_cast<double>(total);
  std::string tail = " " + std::to_string(static_cast<int>(share * 100)) + " %  " +
                     std::to_string(done) + " of " + std::to_string(total);
  if (done != 0) tail += "  " + duration_text(seconds / share - seconds) + " left";
  const std::size_t taken = out.size() + tail.size() + 2;
  const std::size_t bar = taken + 10 > width ? 0 : std::min<std::size_t>(width - taken, 40);
  if (bar != 0) {
    const auto full = static_cast<std::size_t>(share * static_cast<double>(bar));
    out += "[" + std::string(full, '#') + std::string(bar - full, '.') + "]";
  }
  return (out + tail).substr(0, width);
}

Progress::Progress(std::string what, const std::atomic<std::size_t>& done, std::size_t total)
    : what_(std::move(what)), done_(done), total_(total) {
  if (::isatty(STDERR_FILENO) == 1) thread_ = std::thread([this] { run(); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void Progress::run() {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  if (ended_.wait_for(lock, 500ms, [this] { return end_; })) return;
  do {
    draw(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  } while (!ended_.wait_for(lock, 100ms, [this] { return end_; }));
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

void Progress::draw(double seconds) const {
  const std::string line = progress_line(what_, done_.load(std::memory_order_relaxed), total_,
                                         seconds, terminal_width() - 1);
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
}

}  // namespace gatepost::command
