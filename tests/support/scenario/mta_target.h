#pragma once
// What the targets behind real MTAs share: the SMTP client's side, and the sink behind.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"
#include "tests/support/scenario/daemon.h"
#include "tests/support/scenario/target.h"

namespace gatepost::test {

/// A target that opens `client` in connect() and says what became of a message in taken().
class MtaTarget : public Target {
 public:
  MtaTarget(std::unique_ptr<DaemonUnderTest> daemon, std::unique_ptr<SmtpSink> sink)
      : daemon_(std::move(daemon)), sink_(std::move(sink)) {}

  Result<TargetReply> ehlo(const std::string& name) override;
  Result<TargetReply> mail(const std::string& from, const std::string& parameters) override;
  Result<TargetReply> rcpt(const std::string& to) override;
  Result<TargetReply> message(const std::string& content) override;
  Result<TargetReply> rset() override;
  Result<TargetReply> abort_data() override;
  Result<TargetReply> quit() override;
  Result<std::vector<std::string>> delivered_header() override;
  Result<std::string> delivered_message() override;
  std::size_t delivered_count() override;
  std::string log() override { return daemon_->log(); }

 protected:
  /// A path without its brackets.
  static std::string bare(const std::string& path);
  static TargetReply to_target(const SmtpReply& reply);
  static Result<TargetReply> answer(const Result<SmtpReply>& reply);

  SmtpClient& client() { return *client_; }
  void set_client(SmtpClient client) { client_.emplace(std::move(client)); }
  /// Before the MTA is stopped: it would wait for it.
  void close_client() { client_.reset(); }
  DaemonUnderTest& daemon() { return *daemon_; }
  /// One more message is to come to the sink.
  void expect_delivery() { ++expected_; }
  /// Waits for it; an Error with the MTA's log when it does not come.
  Result<void> delivered();

  /// The reply to a message, with what became of it.
  virtual Result<TargetReply> taken(Result<TargetReply> reply) = 0;
  virtual std::string mta_log() const = 0;

 private:
  std::unique_ptr<DaemonUnderTest> daemon_;
  std::unique_ptr<SmtpSink> sink_;
  std::optional<SmtpClient> client_;
  std::size_t expected_ = 0;
};

}  // namespace gatepost::test
