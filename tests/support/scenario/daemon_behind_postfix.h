#pragma once
// A gatepostd with the configuration of a scenario behind a real Postfix, whose mail ends in a
// sink.

#include <filesystem>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "tests/support/postfix/postfix_sandbox.h"
#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"
#include "tests/support/scenario/daemon.h"

namespace gatepost::test {

/// All three run until it ends. One thread.
class DaemonBehindPostfix {
 public:
  /// @param package  postfix_package()
  /// @param options  what Postfix is to have besides the sink and the daemon as its milter
  static Result<std::unique_ptr<DaemonBehindPostfix>> start(const Scenario& scenario,
                                                            const std::filesystem::path& package,
                                                            PostfixOptions options = {});

  DaemonUnderTest& daemon() { return *daemon_; }
  SmtpSink& sink() { return *sink_; }
  PostfixSandbox& postfix() { return *postfix_; }

  /// Sends one message in a connection of its own, as 192.0.2.9 with the name and HELO
  /// mail.client.example; comes back when Postfix has taken QUIT. @return the reply that ended it.
  Result<SmtpReply> send(const SmtpMail& message) const;
  /// Both logs to stderr, for a test that failed.
  void print_logs() const;

 private:
  DaemonBehindPostfix() = default;
  std::unique_ptr<DaemonUnderTest> daemon_;
  std::unique_ptr<SmtpSink> sink_;
  std::unique_ptr<PostfixSandbox> postfix_;
};

}  // namespace gatepost::test
