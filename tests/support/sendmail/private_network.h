#pragma once
// A network of the test's own, in which any client address can be had: Sendmail knows no XCLIENT.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "tests/support/system/socket.h"

namespace gatepost::test {

/// A Linux network namespace (network_namespaces(7)) that holds a loopback interface and nothing
/// else. The thread that enters it, and the threads and processes that this thread starts
/// afterwards, are in it; the destructor takes the thread back. Destroy it on the same thread and
/// after everything that was started inside.
class PrivateNetwork {
 public:
  /// A config Error says why it cannot be had (no root, or a container that forbids it): then the
  /// test must skip and show it.
  static Result<std::unique_ptr<PrivateNetwork>> enter();
  ~PrivateNetwork();
  PrivateNetwork(const PrivateNetwork&) = delete;
  PrivateNetwork& operator=(const PrivateNetwork&) = delete;

  bool has_ipv6() const { return has_ipv6_; }
  /// Makes `address` (IPv4 or IPv6, numeric) one of this machine's own; repeatable.
  Result<void> add_address(const std::string& address);
  /// Connects from `address`, which is added, to `port` of 127.0.0.1 or ::1.
  Result<Stream> connect_from(const std::string& address, std::uint16_t port, Milliseconds timeout);

 private:
  explicit PrivateNetwork(FileDescriptor outside) : outside_(std::move(outside)) {}
  Result<void> set_up();

  FileDescriptor outside_;  ///< the namespace to return to
  bool has_ipv6_ = false;
  int aliases_ = 0;
};

}  // namespace gatepost::test
