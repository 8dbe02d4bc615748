#include "filter/control/control.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <list>
#include <system_error>
#include <thread>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gatepost::control {

namespace {

constexpr std::size_t kMaxRequest = 64 << 10;
constexpr std::size_t kMaxAnswer = 16 << 20;
constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kAnswerPatience = std::chrono::seconds(60);

struct FileDescriptor {
  explicit FileDescriptor(int f) : fd(f) {}
  FileDescriptor(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

bool make_name(const std::string& path, sockaddr_un& name) {
  name = {};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) return false;
  std::memcpy(name.sun_path, path.data(), path.size());
  return true;
}

/// Reads up to a line feed; nothing when the peer is silent, too slow or says too much.
bool read_line(int fd, std::string& line, std::size_t limit,
               std::chrono::steady_clock::duration patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  char buffer[4096];
  while (line.find('\n') == std::string::npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd wait{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return false;
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0 || line.size() + static_cast<std::size_t>(got) > limit) return false;
    line.append(buffer, static_cast<std::size_t>(got));
  }
  line.erase(line.find('\n'));
  return true;
}

bool write_line(int fd, std::string text) {
  text += '\n';
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t sent = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += static_cast<std::size_t>(sent);
  }
  return true;
}

bool may_ask(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

struct ControlServer::Impl {
  explicit Impl(int fd, std::string p) : listener(fd), path(std::move(p)) {}

  void serve() {
    while (!stopping) {
      pollfd wait{listener.fd, POLLIN, 0};
      const bool knocked = ::poll(&wait, 1, 200) > 0;
      join_ended();
      if (!knocked) continue;
      FileDescriptor peer(::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC));
      if (peer.fd < 0) continue;
      const timeval limit{2, 0};
      setsockopt(peer.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      if (!may_ask(peer.fd)) {
        write_line(peer.fd,
                   R"({"error":"permission denied: only root and the daemon's own user may ask"})");
      } else if (requests.size() >= kMostRequests || !begin_request(peer)) {
        write_line(peer.fd, R"({"error":"busy: )" + std::to_string(requests.size()) +
                                R"( other requests are being answered, try again later"})");
      }
    }
  }

  struct Request {
    explicit Request(int fd) : peer(fd) {}
    FileDescriptor peer;
    std::atomic<bool> ended{false};
    std::thread thread;
  };

  /// Takes the descriptor over. @return false, and leaves it, when there is no thread to be had.
  bool begin_request(FileDescriptor& peer) {
    Request& request = requests.emplace_back(peer.fd);
    try {
      request.thread = std::thread([this, &request] {
        std::string line;
        if (read_line(request.peer.fd, line, kMaxRequest, kPatience))
          write_line(request.peer.fd, answer(line));
        ::shutdown(request.peer.fd, SHUT_RDWR);  // the peer need not wait until it is joined
        request.ended = true;
      });
    } catch (const std::system_error&) {
      request.peer.fd = -1;
      requests.pop_back();
      return false;
    }
    peer.fd = -1;
    return true;
  }

  void join_ended() {
    for (auto at = requests.begin(); at != requests.end();) {
      if (!at->ended) {
        ++at;
        continue;
      }
      at->thread.join();
      at = requests.erase(at);
    }
  }

  /// No exception of a handler ends the daemon.
  std::string answer(const std::string& request) const {
    try {
      return handler(request);
    } catch (const std::exception&) {
      return R"({"error":"internal error"})";
    }
  }

  FileDescriptor listener;
  std::string path;
  Handler handler;
  std::atomic<bool> stopping{false};
  std::thread thread;
  std::list<Request> requests;  // of the serving thread alone, as long as it runs
};

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() {
  close();
  for (Impl::Request& request : impl_->requests) request.thread.join();
}

void ControlServer::close() {
  if (impl_->stopping.exchange(true)) return;
  if (impl_->thread.joinable()) impl_->thread.join();
  ::unlink(impl_->path.c_str());
}

Result<std::unique_ptr<ControlServer>> ControlServer::open(const std::string& path) {
  const auto failed = [&](const std::string& why) {
    return config_error("daemon.control_socket: cannot listen on " + path + ": " + why);
  };
  sockaddr_un name;
  if (!make_name(path, name)) return failed("expected a path of at most 107 octets");
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) return failed("a file that is no socket is there; remove it");
    if (ask(path, "{}").ok())
      return failed("another gatepostd answers there; stop it or choose another path");
    ::unlink(path.c_str());
  }
  FileDescriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const mode_t before = ::umask(0111);  // anyone may knock, SO_PEERCRED decides
  const bool bound =
      ::bind(listener.fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  const int error = errno;
  ::umask(before);
  if (!bound || ::listen(listener.fd, 16) != 0) return failed(std::strerror(bound ? errno : error));
  auto impl = std::make_unique<Impl>(listener.fd, path);
  listener.fd = -1;
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

void ControlServer::start(Handler handler) {
  impl_->handler = std::move(handler);
  impl_->thread = std::thread([impl = impl_.get()] { impl->serve(); });
}

Result<std::string> ask(const std::string& path, std::string_view request) {
  sockaddr_un name;
  const FileDescriptor peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!make_name(path, name) ||
      ::connect(peer.fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return temporary_error("no gatepostd answers at " + path + ": " + std::strerror(errno) +
                           "; is it running with this configuration?");
  }
  // A server that refuses us does so before it has read, and may be gone by now: what it said
  // stays.
  (void)write_line(peer.fd, std::string(request));
  std::string answer;
  if (!read_line(peer.fd, answer, kMaxAnswer, kAnswerPatience)) {
    return temporary_error("gatepostd at " + path + " did not answer");
  }
  return answer;
}

}  // namespace gatepost::control
