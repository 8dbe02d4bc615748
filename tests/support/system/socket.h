#pragma once
// Stream sockets for tests: every wait has a deadline.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace gatepost::test {

using Milliseconds = std::chrono::milliseconds;

/// A file descriptor that is closed by its owner. Movable.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~FileDescriptor() { reset(); }

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void reset(int number = -1);
  int release();

 private:
  int number_;
};

/// Where a stream socket is: a path, or a numeric address and a port.
struct Endpoint {
  std::string path;  ///< not empty: a unix socket
  std::string host;  ///< numeric IPv4 or IPv6 address, or "localhost" (127.0.0.1)
  std::uint16_t port = 0;

  /// "unix:PATH", "local:PATH", "/PATH", "inet:PORT@HOST" and "inet6:PORT@HOST" (libmilter's
  /// order), "inet:HOST:PORT" (Postfix's order), "HOST:PORT", "[V6]:PORT"; anything else is a
  /// permanent error that names it.
  static Result<Endpoint> parse(std::string_view text);
  static Endpoint loopback(std::uint16_t port) { return {"", "127.0.0.1", port}; }
  /// "unix:PATH" or "inet:PORT@HOST" ("inet6:" for IPv6): what libmilter takes.
  std::string milter_text() const;
  /// "unix:PATH" or "inet:HOST:PORT": what Postfix's main.cf takes.
  std::string postfix_text() const;
};

/// One connected stream. One thread at a time, except shut_down().
/// All functions that wait give a temporary Error at their deadline and when the peer is gone.
class Stream {
 public:
  static Result<Stream> connect_to(const Endpoint& endpoint, Milliseconds timeout);
  /// Takes over a connected socket.
  explicit Stream(FileDescriptor socket);

  void set_no_delay(bool on);
  Result<void> send(std::string_view octets, SteadyTime deadline);
  /// At least one octet, at most `limit`; an empty text at the end of the stream.
  Result<std::string> receive(std::size_t limit, SteadyTime deadline);
  /// Exactly `size` octets; the end of the stream before that is a temporary error.
  Result<std::string> receive_exactly(std::size_t size, SteadyTime deadline);
  /// One line without its CR LF or LF; longer than `limit` octets is a permanent error. Nothing at
  /// the end of the stream.
  Result<std::optional<std::string>> receive_line(std::size_t limit, SteadyTime deadline);
  /// Whether something (or the end of the stream) can be read at once.
  bool readable() const;
  /// Ends both directions: wakes a thread that waits on this stream. From any thread while the
  /// stream lives.
  void shut_down() const;
  void close() { socket_.reset(); }
  bool is_open() const { return socket_.is_open(); }

 private:
  Result<void> wait(short events, SteadyTime deadline, const char* what) const;
  /// Reads once more into pending_; false at the end of the stream.
  Result<bool> fill(SteadyTime deadline);

  FileDescriptor socket_;
  std::string pending_;
};

/// A listening socket on 127.0.0.1 (port 0: ephemeral) or on a path (removed by the destructor,
/// mode 0777 so that an MTA's user can connect).
class Listener {
 public:
  static Result<Listener> open(const Endpoint& endpoint);
  Listener(Listener&&) = default;
  Listener& operator=(Listener&&) = default;
  ~Listener();

  /// With the real port.
  const Endpoint& endpoint() const { return endpoint_; }
  Result<Stream> accept(SteadyTime deadline) const;
  /// Wakes the thread in accept(), now and for ever. From any thread while the listener lives.
  void shut_down() const;

 private:
  Listener(FileDescriptor socket, Endpoint endpoint);
  FileDescriptor socket_;
  Endpoint endpoint_;
};

/// A port of 127.0.0.1 that was free a moment ago: whoever binds to it must be ready to try again.
Result<std::uint16_t> free_port();

inline SteadyTime after(Milliseconds wait) {
  return std::chrono::steady_clock::now() + wait;
}

}  // namespace gatepost::test
