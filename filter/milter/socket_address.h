#pragma once
// The notations of milter sockets, and who holds one that cannot be opened.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace gatepost::milter {

/// A socket to listen on. Both orders are understood, libmilter's and Postfix's:
///   inet:PORT@HOST  inet:HOST:PORT  inet6:PORT@HOST  inet6:[HOST]:PORT  unix:PATH  local:PATH
///   /PATH
struct SocketAddress {
  enum class Family { inet, inet6, unix_socket } family = Family::inet;
  std::string host;  ///< a numeric address or a name; empty for unix sockets
  int port = 0;
  std::string path;

  std::string for_libmilter() const;  ///< "inet:8899@127.0.0.1"
  std::string for_postfix() const;    ///< "inet:127.0.0.1:8899"
  bool operator==(const SocketAddress&) const = default;
};

/// A config Error says what was expected.
Result<SocketAddress> parse_socket(std::string_view text);

/// Tries whether the socket can be opened and closes it again; a stale unix socket counts as free.
/// The Error is one sentence: what cannot be opened, who holds it, what to do.
Result<void> check_free(const SocketAddress& address);

}  // namespace gatepost::milter
