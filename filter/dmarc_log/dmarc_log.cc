#include "filter/dmarc_log/dmarc_log.h"

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/dmarc_log/day_files.h"
#include "filter/dmarc_log/entry.h"

namespace gatepost::dmarc_log {

namespace {

Error io_error(const char* what, const std::filesystem::path& file, int error = errno) {
  return temporary_error(std::string("cannot ") + what + ": " + std::strerror(error),
                         file.string());
}

Result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(folder, error);
  if (error) return io_error("make the folder", folder, error.value());
  if (made) ::chmod(folder.c_str(), 0750);
  return {};
}

/// One file that is appended to. After an error nothing of the failed write is left, or the file
/// is closed: the next append() opens it anew and ends the torn line.
class AppendFile {
 public:
  ~AppendFile() { close(); }

  Result<void> open(const std::filesystem::path& path) {
    close();
    path_ = path;
    fd_ = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd_ < 0) return io_error("open", path);
    struct stat status {};
    if (::fstat(fd_, &status) != 0) return fail("read the size of");
    size_ = static_cast<std::uint64_t>(status.st_size);
    char last = '\n';
    if (size_ > 0 && ::pread(fd_, &last, 1, status.st_size - 1) != 1) return fail("read");
    return last == '\n' ? Result<void>() : append("\n");
  }

  Result<void> append(std::string_view octets) {
    std::size_t written = 0;
    while (written < octets.size()) {
      const ssize_t put = ::write(fd_, octets.data() + written, octets.size() - written);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) {
        const Error error = io_error("write to", path_, put < 0 ? errno : ENOSPC);
        if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) close();
        return error;
      }
      written += static_cast<std::size_t>(put);
    }
    size_ += octets.size();
    return {};
  }

  Result<void> sync() {
    if (fd_ >= 0 && ::fdatasync(fd_) != 0) return fail("sync");
    return {};
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  bool is_open(const std::filesystem::path& path) const {
    // Somebody may have moved or removed it, as logrotate does: lines of a file without a name are
    // lost.
    struct stat by_name {};
    struct stat by_fd {};
    return fd_ >= 0 && path == path_ && ::stat(path.c_str(), &by_name) == 0 &&
           ::fstat(fd_, &by_fd) == 0 && by_name.st_ino == by_fd.st_ino &&
           by_name.st_dev == by_fd.st_dev;
  }

 private:
  Error fail(const char* what) {
    Error error = io_error(what, path_);
    close();
    return error;
  }

  int fd_ = -1;
  std::filesystem::path path_;
  std::uint64_t size_ = 0;
};

}  // namespace

struct DmarcLog::Impl {
  Impl(Options o, const Clock& c, Metrics& m)
      : options(std::move(o)),
        clock(c),
        written(m.counter("dmarc_records.written")),
        dropped(m.counter("dmarc_records.dropped")),
        write_errors(m.counter("dmarc_records.write_errors")) {}

  // --- of the thread alone

  void run() {
    std::unique_lock lock(mutex);
    auto next_sync = std::chrono::steady_clock::now();
    bool dirty = false;  // written and not synced
    for (;;) {
      const auto work = [&] { return stopping || !queue.empty() || (hurried && dirty); };
      if (dirty)
        wake.wait_until(lock, next_sync, work);
      else
        wake.wait(lock, work);
      wake.wait_for(lock, options.gather, [&] { return stopping || hurried; });
      const bool last = stopping;
      const bool hurry = hurried;
      const std::uint64_t asked = flushes;
      std::deque<std::string> batch = std::exchange(queue, {});
      const std::size_t taken = size_of(batch);
      lock.unlock();
      bool good = write(batch);
      const std::size_t left = size_of(batch);
      dirty = dirty || left < taken;
      const auto now = std::chrono::steady_clock::now();
      if (dirty && (last || hurry || now >= next_sync)) {
        good = sync() && good;
        dirty = false;
        next_sync = now + options.sync_interval;
      }
      lock.lock();
      bytes -= taken - left;
      // What could not be written waits before what came meanwhile.
      queue.insert(queue.begin(), std::make_move_iterator(batch.begin()),
                   std::make_move_iterator(batch.end()));
      if (good && !dirty) settled = queued - queue.size();
      done.notify_all();
      if (last) return;
      if (!good)
        wake.wait_for(lock, options.retry_interval, [&] { return stopping || flushes != asked; });
    }
  }

  static std::size_t size_of(const std::deque<std::string>& lines) {
    std::size_t size = 0;
    for (const std::string& line : lines) size += line.size();
    return size;
  }

  // Takes what was written from the front of the batch. @return whether all was.
  bool write(std::deque<std::string>& batch) {
    if (batch.empty()) return true;
    if (const auto ready = prepare(); !ready.ok()) return failed(ready.error());
    constexpr std::size_t kPiece = std::size_t{256} << 10;
    while (!batch.empty()) {
      std::string piece;
      std::size_t lines = 0;
      while (lines < batch.size() && (lines == 0 || piece.size() + batch[lines].size() < kPiece))
        piece += batch[lines++];
      if (total + piece.size() > options.max_bytes) {
        total = remove_old(options.folder, budget_for(piece.size()), oldest_day(), today);
      }
      if (total + piece.size() > options.max_bytes) {
        dropped.add(static_cast<std::int64_t>(lines));
      } else {
        if (const auto put = file.append(piece); !put.ok()) return failed(put.error());
        total += piece.size();
        written.add(static_cast<std::int64_t>(lines));
      }
      batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(lines));
    }
    if (std::exchange(broken, false) && options.say)
      options.say(false, "dmarc.records: " + options.folder + " takes records again");
    return true;
  }

  std::uint64_t budget_for(std::size_t octets) const {
    return options.max_bytes > octets ? options.max_bytes - octets : 0;
  }
  std::int64_t oldest_day() const { return today - options.retention_days; }

  // The file of the day is open and the folder's size is known.
  Result<void> prepare() {
    const std::int64_t day = day_of(clock.unix_time());
    const std::filesystem::path path = std::filesystem::path(options.folder) / file_name(day);
    if (day == today && file.is_open(path)) return {};
    if (auto made = make_folder(options.folder); !made.ok()) return made;
    (void)file.sync();
    today = day;
    if (auto opened = file.open(path); !opened.ok()) return opened;
    total = remove_old(options.folder, options.max_bytes, oldest_day(), today);
    return {};
  }

  bool sync() {
    const auto synced = file.sync();
    return synced.ok() || failed(synced.error());
  }

  bool failed(const Error& error) {
    write_errors.add();
    if (!std::exchange(broken, true) && options.say) {
      options.say(true, "dmarc.records: " + error.text() +
                            "; records wait in memory, what does not fit there is lost");
    }
    return false;
  }

  const Options options;
  const Clock& clock;
  Metrics::Counter& written;
  Metrics::Counter& dropped;
  Metrics::Counter& write_errors;
  AppendFile file;
  std::int64_t today = -1;
  std::uint64_t total = 0;
  bool broken = false;

  // --- shared, under the mutex

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable done;
  std::deque<std::string> queue;  // whole lines
  std::size_t bytes = 0;          // of the queue and of what the thread has in hand
  std::uint64_t queued = 0;       // lines ever queued
  std::uint64_t settled = 0;      // of these, on disk or dropped for the budget
  bool hurried = false;           // somebody waits in flush()
  std::uint64_t flushes = 0;      // calls of flush() ever: a new one tries a full disk again
  bool stopping = false;
  std::thread thread;
};

DmarcLog::DmarcLog(Options options, const Clock& clock, Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), clock, metrics)) {}

DmarcLog::~DmarcLog() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Result<void> DmarcLog::start() {
  auto made = make_folder(impl_->options.folder);
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
  return made;
}

void DmarcLog::record(const Record& record) {
  if (!is_kept(record)) return;
  std::string line = to_line(record);
  if (!line.empty()) line += '\n';
  bool first = false;
  {
    std::lock_guard lock(impl_->mutex);
    if (line.empty() || impl_->bytes + line.size() > impl_->options.queue_bytes) {
      impl_->dropped.add();
      return;
    }
    impl_->bytes += line.size();
    first = impl_->queue.empty();
    impl_->queue.push_back(std::move(line));
    ++impl_->queued;
  }
  if (first) impl_->wake.notify_one();
}

bool DmarcLog::flush(std::chrono::milliseconds limit) {
  std::unique_lock lock(impl_->mutex);
  if (!impl_->thread.joinable()) return impl_->queue.empty();
  const std::uint64_t wanted = impl_->queued;
  impl_->hurried = true;
  ++impl_->flushes;
  impl_->wake.notify_all();
  const bool all = impl_->done.wait_for(lock, limit, [&] { return impl_->settled >= wanted; });
  impl_->hurried = false;
  return all;
}

}  // namespace gatepost::dmarc_log
