#include "tests/support/sendmail/syslog_socket.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gatepost::test {

namespace {

// syslog(3) sends nothing that begins so.
constexpr std::string_view kMark("\0mark", 5);

sockaddr_un name_of(const std::filesystem::path& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.string().copy(name.sun_path, sizeof name.sun_path - 1);
  return name;
}

}  // namespace

Result<std::unique_ptr<SyslogSocket>> SyslogSocket::open(const std::filesystem::path& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_un name = name_of(path);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
      ::chmod(path.c_str(), 0666) != 0) {
    return config_error(std::strerror(errno), path);
  }
  return std::unique_ptr<SyslogSocket>(new SyslogSocket(std::move(socket), path));
}

SyslogSocket::SyslogSocket(FileDescriptor socket, std::filesystem::path path)
    : socket_(std::move(socket)), path_(std::move(path)), thread_([this] { listen(); }) {}

SyslogSocket::~SyslogSocket() {
  ::shutdown(socket_.get(), SHUT_RDWR);  // the thread reads an end
  thread_.join();
}

bool SyslogSocket::send(std::string_view text) const {
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_un name = name_of(path_);
  return ::sendto(socket.get(), text.data(), text.size(), 0,
                  reinterpret_cast<const sockaddr*>(&name),
                  sizeof name) == static_cast<ssize_t>(text.size());
}

void SyslogSocket::listen() {
  char buffer[8192];
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    const std::string_view datagram(buffer, static_cast<std::size_t>(got));
    std::lock_guard lock(mutex_);
    if (datagram == kMark) {
      ++marks_read_;
      read_.notify_all();
    } else {
      text_.append(datagram);
      if (!text_.ends_with('\n')) text_ += '\n';
    }
  }
}

std::string SyslogSocket::text() const {
  std::lock_guard one_at_a_time(asking_);
  std::unique_lock lock(mutex_);
  const std::size_t before = marks_read_;
  lock.unlock();
  // Datagrams arrive in order: when the mark is read, so is all before it.
  const bool sent = send(kMark);
  lock.lock();
  if (sent) read_.wait(lock, [&] { return marks_read_ > before; });
  return text_;
}

}  // namespace gatepost::test
