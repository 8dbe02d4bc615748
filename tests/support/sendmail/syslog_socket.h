#pragma once
// The end of syslog(3) that Sendmail talks to.

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/base/result.h"
#include "tests/support/system/socket.h"

namespace gatepost::test {

/// A datagram socket in the file system, read by a thread of its own from open() to the destructor
/// (a program would hang on a full one). All functions from any thread.
class SyslogSocket {
 public:
  static Result<std::unique_ptr<SyslogSocket>> open(const std::filesystem::path& path);
  ~SyslogSocket();
  SyslogSocket(const SyslogSocket&) = delete;
  SyslogSocket& operator=(const SyslogSocket&) = delete;

  /// Everything that was sent before this call, a line each, as syslog(3) writes it.
  std::string text() const;

 private:
  SyslogSocket(FileDescriptor socket, std::filesystem::path path);
  void listen();
  bool send(std::string_view text) const;

  FileDescriptor socket_;
  std::filesystem::path path_;
  mutable std::mutex asking_;  ///< one text() at a time
  mutable std::mutex mutex_;   ///< guards all below
  mutable std::condition_variable read_;
  std::size_t marks_read_ = 0;
  std::string text_;
  std::thread thread_;
};

}  // namespace gatepost::test
