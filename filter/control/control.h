#pragma once
// The control socket: one request and one answer, each a line of JSON.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace gatepost::control {

/// Answers a request; called on threads of the server, several at a time.
using Handler = std::function<std::string(std::string_view request)>;

/// Listens on a unix socket and answers root and our own user (SO_PEERCRED), nobody else. A request
/// is at most 64 KiB and must come within 2 s. Each is answered by a thread of its own, so that
/// none waits for another; who comes while kMostRequests are being answered is told so.
class ControlServer {
 public:
  static constexpr std::size_t kMostRequests = 8;

  /// @return a config Error that names the path when it cannot be opened.
  static Result<std::unique_ptr<ControlServer>> open(const std::string& path);
  /// Closes, and waits for what is being answered.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;

  void start(Handler handler);
  /// Nobody is answered any more, but for those that are being answered: they are not waited for.
  void close();

 private:
  struct Impl;
  explicit ControlServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Asks a running daemon. A temporary Error says that none answers at `path`.
Result<std::string> ask(const std::string& path, std::string_view request);

}  // namespace gatepost::control
