#pragma once
// Where the MTA under test delivers: a loopback SMTP or LMTP server that keeps what it gets.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "tests/support/system/socket.h"

namespace gatepost::test {

struct DeliveredMessage {
  std::string helo;
  std::string mail_from;        ///< without brackets
  std::string mail_parameters;  ///< what stood behind the address
  std::vector<std::string> recipients;
  std::string content;  ///< CR LF lines, dot-stuffing undone

  /// Values of the header fields of that name (any case), from the top, unfolded (RFC 5322 section
  /// 2.2.3: the CR LF before a blank goes), without blanks at both ends.
  std::vector<std::string> headers(std::string_view name) const;
  /// What follows the first empty line.
  std::string_view body() const;
};

/// Listens on an ephemeral port of 127.0.0.1 from start() to the destructor; one thread for the
/// listener and one for each connection. All functions from any thread.
class SmtpSink {
 public:
  enum class Protocol { smtp, lmtp };
  /// Replies of the test's choice. Gets each command line, and "." at the end of the data (for
  /// LMTP once for each recipient); returns a whole reply line, or nothing for the usual one.
  /// Called on connection threads, one at a time.
  using Answer = std::function<std::optional<std::string>(std::string_view command)>;

  static Result<std::unique_ptr<SmtpSink>> start(Protocol protocol = Protocol::smtp,
                                                 Answer answer = {});
  ~SmtpSink();
  SmtpSink(const SmtpSink&) = delete;
  SmtpSink& operator=(const SmtpSink&) = delete;

  std::uint16_t port() const { return listener_.endpoint().port; }
  /// Those that were accepted, in order of arrival.
  std::vector<DeliveredMessage> messages() const;
  /// Waits until at least `count` messages have come. @return whether they have.
  bool wait_for(std::size_t count, Milliseconds timeout = Milliseconds(20'000)) const;
  void clear();

 private:
  struct Connection {
    explicit Connection(Stream connected) : stream(std::move(connected)) {}
    Stream stream;
    std::thread thread;
  };
  class Session;

  SmtpSink(Listener listener, Protocol protocol, Answer answer);
  void listen();
  std::optional<std::string> ask(std::string_view command);
  void keep(DeliveredMessage message);

  Listener listener_;
  const Protocol protocol_;
  Answer answer_;
  mutable std::mutex mutex_;  ///< guards answer_'s calls and all below
  mutable std::condition_variable arrived_;
  std::vector<DeliveredMessage> messages_;
  std::list<Connection> connections_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace gatepost::test
