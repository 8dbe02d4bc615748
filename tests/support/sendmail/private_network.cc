#include "tests/support/sendmail/private_network.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gatepost::test {

namespace {

constexpr const char* kLoopback = "lo";

/// The request of SIOCSIFADDR for AF_INET6 (ipv6(7)); the kernel's header clashes with glibc's.
struct Ipv6Request {
  in6_addr address;
  std::uint32_t prefix_length;
  int interface;
};

/// An address with a port, of either family.
struct SocketName {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<SocketName> socket_name(const std::string& address, std::uint16_t port) {
  SocketName name;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&name.storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    name.length = sizeof *v4;
    return name;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
  if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    name.length = sizeof *v6;
    return name;
  }
  return permanent_error("expected a numeric address", address);
}

Error failed(const std::string& what) {
  return config_error(what + ": " + std::strerror(errno));
}

ifreq request_for(const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

Result<void> add_v4(const SocketName& name, int alias) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = request_for(std::string(kLoopback) + ":" + std::to_string(alias));
  std::memcpy(&request.ifr_addr, &name.storage, sizeof(sockaddr_in));
  if (::ioctl(socket.get(), SIOCSIFADDR, &request) != 0) return failed("SIOCSIFADDR");
  // One address, not its whole class.
  reinterpret_cast<sockaddr_in*>(&request.ifr_netmask)->sin_addr.s_addr = INADDR_NONE;
  if (::ioctl(socket.get(), SIOCSIFNETMASK, &request) != 0) return failed("SIOCSIFNETMASK");
  return {};
}

/// Whether this machine can bind to `name` now.
bool is_ours(const SocketName& name) {
  const FileDescriptor socket(::socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket.is_open() && ::bind(socket.get(), name.get(), name.length) == 0;
}

Result<void> add_v6(const SocketName& name) {
  const FileDescriptor socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Ipv6Request request{};
  request.address = reinterpret_cast<const sockaddr_in6*>(&name.storage)->sin6_addr;
  request.prefix_length = 128;
  request.interface = static_cast<int>(if_nametoindex(kLoopback));
  if (::ioctl(socket.get(), SIOCSIFADDR, &request) != 0 && errno != EEXIST)
    return failed("SIOCSIFADDR");
  // The kernel takes it into use a moment later.
  const SteadyTime deadline = after(Milliseconds(10'000));
  while (!is_ours(name)) {
    if (std::chrono::steady_clock::now() > deadline)
      return config_error("IPv6 address stays unused");
    std::this_thread::sleep_for(Milliseconds(1));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<PrivateNetwork>> PrivateNetwork::enter() {
  FileDescriptor outside(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!outside.is_open()) return failed("no network namespaces here");
  if (::unshare(CLONE_NEWNET) != 0) return failed("may not make a network namespace");
  std::unique_ptr<PrivateNetwork> network(new PrivateNetwork(std::move(outside)));
  if (const auto ready = network->set_up(); !ready) return ready.error();
  return network;
}

PrivateNetwork::~PrivateNetwork() {
  if (::setns(outside_.get(), CLONE_NEWNET) != 0) std::perror("PrivateNetwork: setns");
}

Result<void> PrivateNetwork::set_up() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = request_for(kLoopback);
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return failed("SIOCGIFFLAGS");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  // A machine without IPv6 may still have it in a namespace; it goes without saying when not.
  std::ofstream("/proc/sys/net/ipv6/conf/lo/disable_ipv6") << "0\n";
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return failed("SIOCSIFFLAGS");
  const auto loopback = socket_name("::1", 0);
  has_ipv6_ = loopback.ok() && is_ours(*loopback);
  return {};
}

Result<void> PrivateNetwork::add_address(const std::string& address) {
  const auto name = socket_name(address, 0);
  if (!name) return name.error();
  if (is_ours(*name)) return {};
  return name->storage.ss_family == AF_INET ? add_v4(*name, ++aliases_) : add_v6(*name);
}

Result<Stream> PrivateNetwork::connect_from(const std::string& address, std::uint16_t port,
                                            Milliseconds timeout) {
  if (auto added = add_address(address); !added) return added.error();
  const auto from = socket_name(address, 0);
  const auto to = socket_name(from->storage.ss_family == AF_INET ? "127.0.0.1" : "::1", port);
  FileDescriptor socket(::socket(from->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{timeout.count() / 1000, timeout.count() % 1000 * 1000};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::bind(socket.get(), from->get(), from->length) != 0 ||
      ::connect(socket.get(), to->get(), to->length) != 0) {
    return temporary_error(std::string("cannot connect: ") + std::strerror(errno), address);
  }
  return Stream(std::move(socket));
}

}  // namespace gatepost::test
