#include "filter/milter/socket_address.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/text.h"

namespace gatepost::milter {

namespace {

struct FileDescriptor {
  int fd;
  ~FileDescriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string process_name(const std::string& pid) {
  std::ifstream comm("/proc/" + pid + "/comm");
  std::string name;
  std::getline(comm, name);
  return name.empty() ? "process " + pid : name + " (process " + pid + ")";
}

// The process that has a socket with this inode open; needs the rights to look.
std::string holder_of_inode(const std::string& inode) {
  const std::string wanted = "socket:[" + inode + "]";
  std::error_code error;
  for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
    const std::string pid = process.path().filename();
    if (!is_digit(pid[0])) continue;
    for (const auto& fd : std::filesystem::directory_iterator(process.path() / "fd", error)) {
      if (std::filesystem::read_symlink(fd.path(), error) == wanted) return process_name(pid);
    }
  }
  return "another process";
}

std::string holder_of_port(int port) {
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
          timeout >> inode;
      const auto colon = local.find(':');
      if (state == "0A" && colon != std::string::npos &&
          std::stoi(local.substr(colon + 1), nullptr, 16) == port) {
        return holder_of_inode(inode);
      }
    }
  }
  return "another process";
}

Error cannot_open(const SocketAddress& address, const std::string& why) {
  return config_error("cannot listen on " + address.for_libmilter() + ": " + why);
}

Result<void> check_inet(const SocketAddress& address) {
  addrinfo hints{};
  hints.ai_family = address.family == SocketAddress::Family::inet6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                 std::to_string(address.port).c_str(), &hints, &found);
  if (failed != 0)
    return cannot_open(address,
                       std::string(gai_strerror(failed)) + "; expected an address of this machine");
  const FileDescriptor socket{::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int on = 1;
  setsockopt(socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int bound = ::bind(socket.fd, found->ai_addr, found->ai_addrlen);
  const int error = errno;
  freeaddrinfo(found);
  // Bound and closed again, never listening: a client must not be accepted here and then be
  // dropped.
  if (bound == 0) return {};
  switch (error) {
    case EADDRINUSE:
      return cannot_open(address, "the port is held by " + holder_of_port(address.port) +
                                      "; stop it or choose another port in milter.listen");
    case EACCES:
      return cannot_open(
          address,
          "no permission; ports below 1024 need root, choose one from 1024 on in milter.listen");
    case EADDRNOTAVAIL:
      return cannot_open(address,
                         "no interface of this machine has that address; correct milter.listen");
    default:
      return cannot_open(address, std::strerror(error));
  }
}

Result<void> check_unix(const SocketAddress& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof name.sun_path) {
    return cannot_open(address, "the path is longer than " +
                                    std::to_string(sizeof name.sun_path - 1) +
                                    " octets; choose a shorter one");
  }
  std::memcpy(name.sun_path, address.path.data(), address.path.size());
  const auto folder = std::filesystem::path(address.path).parent_path();
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    return cannot_open(
        address, "folder " + folder.string() + ": " + std::strerror(errno) + "; make it first");
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    return cannot_open(address, "no permission to write in folder " + folder.string() +
                                    "; give it to our user or choose another path");
  }
  if (::lstat(address.path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return cannot_open(address,
                       "a file that is no socket is there; remove it or choose another path");
  }
  const FileDescriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (::connect(socket.fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return {};  // stale
  ucred peer{};
  socklen_t size = sizeof peer;
  getsockopt(socket.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return cannot_open(address, "it is held by " + process_name(std::to_string(peer.pid)) +
                                  "; stop it or choose another path in milter.listen");
}

}  // namespace

std::string SocketAddress::for_libmilter() const {
  if (family == Family::unix_socket) return "unix:" + path;
  return (family == Family::inet6 ? "inet6:" : "inet:") + std::to_string(port) +
         (host.empty() ? "" : "@" + host);
}

std::string SocketAddress::for_postfix() const {
  if (family == Family::unix_socket) return "unix:" + path;
  const std::string name = host.empty() ? (family == Family::inet6 ? "::1" : "127.0.0.1") : host;
  return "inet:" + (name.find(':') != std::string::npos ? "[" + name + "]" : name) + ":" +
         std::to_string(port);
}

Result<SocketAddress> parse_socket(std::string_view text) {
  const Error wrong =
      config_error("socket '" + printable(text) +
                   "': expected inet:PORT@HOST, inet:HOST:PORT, inet6:PORT@HOST or unix:PATH");
  SocketAddress address;
  const auto colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  if (text.starts_with('/') || kind == "unix" || kind == "local") {
    address.family = SocketAddress::Family::unix_socket;
    address.path = text.starts_with('/') ? text : text.substr(colon + 1);
    if (!address.path.starts_with('/')) {
      return config_error("socket '" + printable(text) + "': expected an absolute path");
    }
    return address;
  }
  if (colon == std::string_view::npos || (kind != "inet" && kind != "inet6")) return wrong;
  if (kind == "inet6") address.family = SocketAddress::Family::inet6;
  std::string_view rest = text.substr(colon + 1);
  std::string_view port = rest;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    port = rest.substr(0, at);
    address.host = rest.substr(at + 1);
  } else if (const auto last = rest.rfind(':'); last != std::string_view::npos) {
    port = rest.substr(last + 1);
    address.host = rest.substr(0, last);
  }
  if (address.host.size() > 2 && address.host.front() == '[')
    address.host = address.host.substr(1, address.host.size() - 2);
  // libmilter fails on an IPv6 literal behind inet:.
  if (address.host.find(':') != std::string::npos) address.family = SocketAddress::Family::inet6;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || address.port < 1 ||
      address.port > 65535)
    return wrong;
  return address;
}

Result<void> check_free(const SocketAddress& address) {
  return address.family == SocketAddress::Family::unix_socket ? check_unix(address)
                                                              : check_inet(address);
}

}  // namespace gatepost::milter
