#pragma once
// A small SMTP client for tests: one command at a time, every wait has a deadline.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "tests/support/system/socket.h"

namespace gatepost::test {

/// RFC 5321 section 4.2.
struct SmtpReply {
  int code = 0;
  std::vector<std::string> lines;  ///< without codes

  /// The status code of RFC 3463 that opens the first line, or "".
  std::string enhanced() const;
  /// "550 5.7.1 text", lines parted by LF: for messages and comparisons.
  std::string text() const;
  bool positive() const { return code >= 200 && code < 400; }
};

struct SmtpMail {
  std::string from = {};  ///< without brackets; empty is the null reverse-path
  std::vector<std::string> recipients = {};
  std::string message = {};          ///< LF or CR LF, without dot-stuffing
  std::string mail_parameters = {};  ///< "SMTPUTF8 BODY=8BITMIME"
};

/// Errors are temporary (late, closed) or permanent (not SMTP); a refusal is a reply, not an error.
/// The destructor closes without QUIT: what a client does that gives up. One thread at a time.
class SmtpClient {
 public:
  /// Connects to 127.0.0.1 and reads the banner.
  static Result<SmtpClient> open(std::uint16_t port, Milliseconds timeout = Milliseconds(20'000));
  /// The same over a connection that stands already.
  static Result<SmtpClient> over(Stream stream, Milliseconds timeout = Milliseconds(20'000));

  const SmtpReply& banner() const { return banner_; }

  /// Any line, without CR LF; waits for the reply.
  Result<SmtpReply> command(std::string_view line);
  Result<SmtpReply> ehlo(std::string_view name);
  Result<SmtpReply> helo(std::string_view name);
  /// Whether the last EHLO reply names this extension (any case): "SMTPUTF8".
  bool has_extension(std::string_view keyword) const;
  /// Postfix's XCLIENT: {{"ADDR", "192.0.2.1"}, {"NAME", "a.example"}, {"LOGIN", "joe"}}. Values
  /// are encoded as xtext here. A positive reply is a new banner: EHLO must follow.
  Result<SmtpReply> xclient(const std::vector<std::pair<std::string, std::string>>& attributes);
  Result<SmtpReply> mail(std::string_view from, std::string_view parameters = {});
  Result<SmtpReply> rcpt(std::string_view to, std::string_view parameters = {});
  Result<SmtpReply> data();
  /// After a 354: the content with dot-stuffing and the final dot.
  Result<SmtpReply> content(std::string_view message);
  /// After a 354: content without an end; then disconnect() leaves in the middle of DATA.
  Result<void> partial_content(std::string_view message);
  Result<SmtpReply> rset();
  Result<SmtpReply> quit();
  void disconnect() { stream_.close(); }

  /// MAIL to the final dot. @return the final reply, or the first one that ends the transaction
  /// early: to MAIL, to the last RCPT when all were refused, to DATA.
  Result<SmtpReply> send(const SmtpMail& mail);
  /// Octets of any kind; replies are read with read_reply().
  Result<void> raw_send(std::string_view octets);
  Result<SmtpReply> read_reply();

 private:
  SmtpClient(Stream stream, Milliseconds timeout) : stream_(std::move(stream)), timeout_(timeout) {}

  Stream stream_;
  Milliseconds timeout_;
  SmtpReply banner_;
  SmtpReply extensions_;
};

/// LF and CR LF lines become CR LF lines, a last open line is closed, lines that begin with a dot
/// get another (RFC 5321 section 4.5.2). Without the final dot.
std::string dot_stuffed(std::string_view message);

}  // namespace gatepost::test
