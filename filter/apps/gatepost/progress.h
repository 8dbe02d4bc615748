#pragma once
// What people at a terminal see of what takes long.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>

namespace gatepost::command {

/// A line on standard error that shows how far a count has come and how long it will take; gone
/// when the object ends. Nothing is written when standard error is no terminal, and nothing in the
/// first half second.
class Progress {
 public:
  /// `done` is read until the destructor; `total` 0: not known, the time is shown instead.
  Progress(std::string what, const std::atomic<std::size_t>& done, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void run();
  void draw(double seconds) const;

  const std::string what_;
  const std::atomic<std::size_t>& done_;
  const std::size_t total_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

/// Columns of the terminal that standard error is, 80 when it tells none.
std::size_t terminal_width();

/// The line of `done` of `total` after `seconds`, at most `width` characters.
std::string progress_line(const std::string& what, std::size_t done, std::size_t total,
                          double seconds, std::size_t width);

}  // namespace gatepost::command
