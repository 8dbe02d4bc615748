#pragma once
// A small SMTP client for re-injection (RFC 5321): every wait has a deadline, every reply is known.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace gatepost::quarantine {

struct SmtpReply {
  int code = 0;
  std::string text;  ///< all lines, joined by a blank, without codes; foreign text
  bool positive() const { return code >= 200 && code < 400; }
  /// "550 5.7.1 no", printable.
  std::string line() const;
};

/// The waits of RFC 5321 section 4.5.3.2.
struct SmtpTimeouts {
  std::chrono::seconds connect{30};
  std::chrono::seconds command{300};
  std::chrono::seconds data_block{180};
  std::chrono::seconds final_reply{600};
};

/// "HOST:PORT" or "[V6]:PORT".
struct SmtpServer {
  std::string host;
  std::string port;
  /// A permanent Error says what was expected.
  static Result<SmtpServer> parse(std::string_view text);
};

/// One connection, one thread. Errors are temporary (no answer in time, closed) or permanent (not
/// SMTP, an address with a control character); a refusal is a reply and no Error.
class SmtpClient {
 public:
  /// Connects, reads the greeting, says EHLO.
  static Result<SmtpClient> open(const SmtpServer& server, const SmtpTimeouts& timeouts = {});
  SmtpClient(SmtpClient&& other) noexcept;
  SmtpClient& operator=(SmtpClient&&) = delete;
  ~SmtpClient();

  bool offers(std::string_view extension) const;
  Result<SmtpReply> mail(std::string_view from, bool smtputf8);
  Result<SmtpReply> rcpt(std::string_view to);
  Result<SmtpReply> data();
  /// After a 354: octets of the message with CRLF line ends, cut anywhere; dots are doubled here.
  Result<void> content(std::string_view octets);
  /// The end of the message. An Error here leaves open whether the server has taken it.
  Result<SmtpReply> end();
  void quit();

 private:
  SmtpClient(int fd, SmtpTimeouts timeouts) : fd_(fd), timeouts_(timeouts) {}
  Result<SmtpReply> command(std::string_view line);
  Result<void> send(std::string_view octets, std::chrono::seconds limit);
  Result<SmtpReply> reply(std::chrono::seconds limit);

  int fd_;
  SmtpTimeouts timeouts_;
  std::string extensions_;  // lower case, lines in blanks
  std::string unread_;
  bool line_begins_ = true;
  bool ended_with_cr_ = false;
};

}  // namespace gatepost::quarantine
