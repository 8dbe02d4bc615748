#include "tests/support/system/socket.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/text.h"

namespace gatepost::test {

namespace {

Error system_error(std::string_view what) {
  return temporary_error(std::string(what) + ": " + std::strerror(errno));
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<SocketAddress> socket_address(const Endpoint& endpoint) {
  SocketAddress address;
  if (!endpoint.path.empty()) {
    sockaddr_un un{};
    if (endpoint.path.size() >= sizeof un.sun_path) {
      return permanent_error("unix socket path is longer than 107 octets", endpoint.path);
    }
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, endpoint.path.c_str(), endpoint.path.size() + 1);
    std::memcpy(&address.storage, &un, sizeof un);
    address.length = sizeof un;
    return address;
  }
  const std::string host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
  } else {
    return permanent_error("not a numeric address", endpoint.host);
  }
  return address;
}

int milliseconds_until(SteadyTime deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  const auto count = std::chrono::ceil<Milliseconds>(left).count();
  return static_cast<int>(std::clamp<long long>(count, 0, 1 << 30));
}

/// 1 ready, 0 deadline, -1 error.
int poll_one(int socket, short events, SteadyTime deadline) {
  for (;;) {
    pollfd entry{socket, events, 0};
    const int ready = poll(&entry, 1, milliseconds_until(deadline));
    if (ready >= 0 || errno != EINTR) return ready;
  }
}

}  // namespace

void FileDescriptor::reset(int number) {
  if (number_ >= 0) ::close(number_);
  number_ = number;
}

int FileDescriptor::release() {
  const int number = number_;
  number_ = -1;
  return number;
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const Error bad = permanent_error(
      "not a socket, expected unix:PATH, inet:PORT@HOST or inet:HOST:PORT", std::string(text));
  Endpoint endpoint;
  std::string_view rest = text;
  for (const std::string_view prefix : {"unix:", "local:"}) {
    if (rest.starts_with(prefix)) rest.remove_prefix(prefix.size());
  }
  if (rest.size() != text.size() || rest.starts_with('/')) {
    endpoint.path = rest;
    if (rest.empty()) return bad;
    return endpoint;
  }
  for (const std::string_view prefix : {"inet:", "inet6:"}) {
    if (rest.starts_with(prefix)) rest.remove_prefix(prefix.size());
  }
  std::string_view port;
  std::string_view host;
  if (const auto at = rest.find('@'); at != rest.npos) {
    port = rest.substr(0, at);
    host = rest.substr(at + 1);
  } else if (const auto colon = rest.rfind(':'); colon != rest.npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (host.empty() || port.empty() || code != std::errc() || end != port.data() + port.size()) {
    return bad;
  }
  endpoint.host = host;
  return endpoint;
}

std::string Endpoint::milter_text() const {
  if (!path.empty()) return "unix:" + path;
  const bool v6 = host.find(':') != host.npos;
  return (v6 ? "inet6:" : "inet:") + std::to_string(port) + "@" + host;
}

std::string Endpoint::postfix_text() const {
  if (!path.empty()) return "unix:" + path;
  const bool v6 = host.find(':') != host.npos;
  return "inet:" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Stream::Stream(FileDescriptor socket) : socket_(std::move(socket)) {
  fcntl(socket_.get(), F_SETFL, fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
}

Result<Stream> Stream::connect_to(const Endpoint& endpoint, Milliseconds timeout) {
  const auto address = socket_address(endpoint);
  if (!address) return address.error();
  const SteadyTime deadline = after(timeout);
  const std::string name = "connect to " + endpoint.postfix_text();
  Stream stream(FileDescriptor(socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  if (!stream.is_open()) return system_error(name);
  while (connect(stream.socket_.get(), address->get(), address->length) != 0) {
    // A full backlog of a unix socket answers EAGAIN at once: try again for a while.
    if (errno == EAGAIN && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(Milliseconds(2));
      continue;
    }
    if (errno == EISCONN) break;
    if (errno != EINPROGRESS && errno != EINTR && errno != EALREADY) return system_error(name);
    if (auto ready = stream.wait(POLLOUT, deadline, name.c_str()); !ready) return ready.error();
    int code = 0;
    socklen_t size = sizeof code;
    getsockopt(stream.socket_.get(), SOL_SOCKET, SO_ERROR, &code, &size);
    if (code == 0) break;
    errno = code;
    return system_error(name);
  }
  return stream;
}

void Stream::set_no_delay(bool on) {
  const int value = on ? 1 : 0;  // fails on unix sockets, which never delay
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

Result<void> Stream::wait(short events, SteadyTime deadline, const char* what) const {
  const int ready = poll_one(socket_.get(), events, deadline);
  if (ready < 0) return system_error(what);
  if (ready == 0) return temporary_error(std::string(what) + ": timed out");
  return {};
}

Result<void> Stream::send(std::string_view octets, SteadyTime deadline) {
  if (!is_open()) return temporary_error("send: the connection is closed");
  while (!octets.empty()) {
    const auto sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      octets.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto ready = wait(POLLOUT, deadline, "send"); !ready) return ready;
    } else if (errno != EINTR) {
      return system_error("send");
    }
  }
  return {};
}

Result<bool> Stream::fill(SteadyTime deadline) {
  if (!is_open()) return temporary_error("receive: the connection is closed");
  for (;;) {
    char buffer[16384];
    const auto got = recv(socket_.get(), buffer, sizeof buffer, 0);
    if (got > 0) pending_.append(buffer, static_cast<std::size_t>(got));
    if (got >= 0) return got > 0;
    if (errno == EAGAIN) {
      if (auto ready = wait(POLLIN, deadline, "receive"); !ready) return ready.error();
    } else if (errno != EINTR) {
      return system_error("receive");
    }
  }
}

Result<std::string> Stream::receive(std::size_t limit, SteadyTime deadline) {
  if (pending_.empty()) {
    if (auto filled = fill(deadline); !filled) return filled.error();
  }
  std::string octets = pending_.substr(0, limit);
  pending_.erase(0, octets.size());
  return octets;
}

Result<std::string> Stream::receive_exactly(std::size_t size, SteadyTime deadline) {
  while (pending_.size() < size) {
    const auto filled = fill(deadline);
    if (!filled) return filled.error();
    if (!*filled) return temporary_error("receive: the peer closed the connection");
  }
  std::string octets = pending_.substr(0, size);
  pending_.erase(0, size);
  return octets;
}

Result<std::optional<std::string>> Stream::receive_line(std::size_t limit, SteadyTime deadline) {
  std::size_t searched = 0;
  for (;;) {
    const auto end = pending_.find('\n', searched);
    if (end == pending_.npos ? pending_.size() > limit : end > limit) {
      return permanent_error("receive: a line is longer than " + std::to_string(limit) + " octets");
    }
    if (end != pending_.npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return std::optional<std::string>(std::move(line));
    }
    searched = pending_.size();
    const auto filled = fill(deadline);
    if (!filled) return filled.error();
    if (!*filled) return std::optional<std::string>();
  }
}

bool Stream::readable() const {
  return !pending_.empty() || (is_open() && poll_one(socket_.get(), POLLIN, SteadyTime{}) > 0);
}

void Stream::shut_down() const {
  if (is_open()) shutdown(socket_.get(), SHUT_RDWR);
}

Listener::Listener(FileDescriptor socket, Endpoint endpoint)
    : socket_(std::move(socket)), endpoint_(std::move(endpoint)) {}

Listener::~Listener() {
  if (socket_.is_open() && !endpoint_.path.empty()) unlink(endpoint_.path.c_str());
}

Result<Listener> Listener::open(const Endpoint& endpoint) {
  const auto address = socket_address(endpoint);
  if (!address) return address.error();
  FileDescriptor socket(
      ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (endpoint.path.empty()) {
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  const std::string name = "listen on " + endpoint.postfix_text();
  if (!socket.is_open() || bind(socket.get(), address->get(), address->length) != 0 ||
      ::listen(socket.get(), 128) != 0) {
    return system_error(name);
  }
  Endpoint real = endpoint;
  if (!endpoint.path.empty()) {
    chmod(endpoint.path.c_str(), 0777);
  } else {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
      return system_error(name);
    }
    real.port =
        ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port
                                          : reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  }
  return Listener(std::move(socket), std::move(real));
}

Result<Stream> Listener::accept(SteadyTime deadline) const {
  for (;;) {
    const int connection = accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) return Stream(FileDescriptor(connection));
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN) return system_error("accept");  // EINVAL after shut_down()
    const int ready = poll_one(socket_.get(), POLLIN, deadline);
    if (ready < 0) return system_error("accept");
    if (ready == 0) return temporary_error("accept: timed out");
  }
}

void Listener::shut_down() const {
  shutdown(socket_.get(), SHUT_RDWR);
}

Result<std::uint16_t> free_port() {
  const auto listener = Listener::open(Endpoint::loopback(0));
  if (!listener) return listener.error();
  return listener->endpoint().port;
}

}  // namespace gatepost::test
