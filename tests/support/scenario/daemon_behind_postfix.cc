#include "tests/support/scenario/daemon_behind_postfix.h"

#include <cstdio>

namespace gatepost::test {

Result<std::unique_ptr<DaemonBehindPostfix>> DaemonBehindPostfix::start(
    const Scenario& scenario, const std::filesystem::path& package, PostfixOptions options) {
  std::unique_ptr<DaemonBehindPostfix> out(new DaemonBehindPostfix());
  auto daemon = DaemonUnderTest::start(scenario);
  if (!daemon.ok()) return daemon.error();
  out->daemon_ = std::move(*daemon);
  auto sink = SmtpSink::start();
  if (!sink.ok()) return sink.error();
  out->sink_ = std::move(*sink);
  options.sink_port = out->sink_->port();
  options.smtpd_milters = {out->daemon_->endpoint().postfix_text()};
  auto postfix = PostfixSandbox::start(package, options);
  if (!postfix.ok()) return postfix.error();
  out->postfix_ = std::move(*postfix);
  return out;
}

Result<SmtpReply> DaemonBehindPostfix::send(const SmtpMail& message) const {
  auto client = SmtpClient::open(postfix_->smtp_port());
  if (!client.ok()) return client.error();
  const auto expect = [](const Result<SmtpReply>& reply, int code) -> Result<void> {
    if (!reply.ok()) return reply.error();
    if (reply->code == code) return {};
    return permanent_error("Postfix answers " + std::to_string(reply->code) + ", expected " +
                           std::to_string(code));
  };
  if (auto ok = expect(client->ehlo("proxy.example"), 250); !ok.ok()) return ok.error();
  const auto named = client->xclient({{"ADDR", "192.0.2.9"}, {"NAME", "mail.client.example"}});
  if (auto ok = expect(named, 220); !ok.ok()) return ok.error();
  if (auto ok = expect(client->ehlo("mail.client.example"), 250); !ok.ok()) return ok.error();
  auto reply = client->send(message);
  if (auto ok = expect(client->quit(), 221); !ok.ok()) return ok.error();
  return reply;
}

void DaemonBehindPostfix::print_logs() const {
  std::fprintf(stderr, "%s\n%s\n", postfix_->log().c_str(), daemon_->log().c_str());
}

}  // namespace gatepost::test
