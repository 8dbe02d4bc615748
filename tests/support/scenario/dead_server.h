#pragma once
// A name server that takes questions and never answers.

#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/support/system/socket.h"

namespace gatepost::test {

/// Holds a UDP port of 127.0.0.1 as long as it lives.
class DeadServer {
 public:
  DeadServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0 &&
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0) {
      port_ = ntohs(name.sin_port);
    }
  }
  /// "127.0.0.1@PORT"
  std::string address() const { return "127.0.0.1@" + std::to_string(port_); }

 private:
  FileDescriptor socket_;
  int port_ = 0;
};

}  // namespace gatepost::test
