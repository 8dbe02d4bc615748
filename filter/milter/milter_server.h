#pragma once
// The front end on libmilter: the only place that knows it, and the only one that may block.

#include <chrono>
#include <cstddef>
#include <string>

#include "core/base/result.h"
#include "filter/milter/socket_address.h"
#include "filter/session/session.h"

namespace gatepost::milter {

struct MilterOptions {
  SocketAddress listen;
  int socket_mode = 0660;
  std::string socket_group;  ///< empty: postfix where it exists, else unchanged
  std::size_t max_sessions = 1000;
  std::size_t max_data_size = std::size_t{4} << 20;
};

/// libmilter keeps its state in globals: one per process. Order: open() on the main thread, with
/// all signals blocked (libmilter's threads inherit the mask), then start(); drain(); then _exit().
class MilterServer {
 public:
  MilterServer(MilterOptions options, SessionServices& services);
  ~MilterServer();
  MilterServer(const MilterServer&) = delete;

  /// Opens the socket with group, mode and TCP_NODELAY, as whom we are now. The Error names the
  /// socket, who holds it and what to do.
  Result<void> open();
  /// Runs smfi_main in a thread of its own. `stopped` is called from there if it returns unasked.
  void start(std::function<void()> stopped);
  /// New connections get 4xx from now on; waits for the messages in hand, at most `limit`.
  /// @return how many transactions were still open. The process must end next (_exit): libmilter's
  ///         threads still run.
  std::size_t drain(std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gatepost::milter
