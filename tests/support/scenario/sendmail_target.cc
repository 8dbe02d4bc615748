// gatepostd behind a real Sendmail, both in a network of their own: the client binds to the
// scenario's address, a sink takes what is delivered.

#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"
#include "tests/support/scenario/daemon.h"
#include "tests/support/scenario/target.h"
#include "tests/support/sendmail/private_network.h"
#include "tests/support/sendmail/sendmail_sandbox.h"

namespace gatepost::test {

namespace {

std::string bare(const std::string& path) {
  return path.size() > 1 && path.front() == '<' ? path.substr(1, path.size() - 2) : path;
}

TargetReply to_target(const SmtpReply& reply) {
  return {reply.code, reply.enhanced(), reply.text(), false};
}

Result<TargetReply> answer(const Result<SmtpReply>& reply) {
  if (!reply.ok()) return reply.error();
  return to_target(*reply);
}

/// The replies of `sendmail -bs` to banner, EHLO, MAIL, RCPT, DATA, the message and QUIT: the first
/// refusal, else that to the message.
Result<TargetReply> reply_of_dialogue(const std::string& output) {
  constexpr std::size_t kToMessage = 5;
  std::vector<SmtpReply> replies;
  SmtpReply reply;
  for (std::size_t at = 0; at < output.size();) {
    const auto end = std::min(output.find("\r\n", at), output.size());
    const std::string line = output.substr(at, end - at);
    at = end + 2;
    if (line.size() < 4) return permanent_error("not an SMTP reply: " + line, "sendmail -bs");
    reply.code = std::atoi(line.c_str());
    reply.lines.push_back(line.substr(4));
    if (line[3] == '-') continue;
    replies.push_back(std::move(reply));
    reply = {};
  }
  for (const SmtpReply& one : replies) {
    if (!one.positive()) return to_target(one);
  }
  if (replies.size() <= kToMessage) return permanent_error("too few replies", "sendmail -bs");
  return to_target(replies[kToMessage]);
}

class SendmailTarget final : public Target {
 public:
  SendmailTarget(PrivateNetwork& network, std::unique_ptr<DaemonUnderTest> daemon,
                 std::unique_ptr<SmtpSink> sink, std::unique_ptr<SendmailSandbox> sendmail)
      : network_(network),
        daemon_(std::move(daemon)),
        sink_(std::move(sink)),
        sendmail_(std::move(sendmail)) {}

  /// The greeting: Sendmail refuses a connection there.
  Result<TargetReply> connect(const std::string& address, const std::string& name) override {
    if (const auto set = sendmail_->set_client_name(address, name); !set) return set.error();
    if (const auto set = sendmail_->set_login(""); !set) return set.error();
    constexpr auto kTimeout = Milliseconds(60'000);
    auto stream = network_.connect_from(address, sendmail_->port(), kTimeout);
    if (!stream) return stream.error();
    auto client = SmtpClient::over(std::move(*stream), kTimeout);
    if (!client.ok()) return client.error();
    client_.emplace(std::move(*client));
    return to_target(client_->banner());
  }
  Result<TargetReply> ehlo(const std::string& name) override { return answer(client_->ehlo(name)); }
  Result<TargetReply> auth(const std::string& login) override {
    if (const auto set = sendmail_->set_login(login); !set) return set.error();
    return TargetReply();
  }
  Result<TargetReply> mail(const std::string& from, const std::string& parameters) override {
    return answer(client_->mail(bare(from), parameters));
  }
  Result<TargetReply> rcpt(const std::string& to) override {
    return answer(client_->rcpt(bare(to)));
  }
  Result<TargetReply> message(const std::string& content) override {
    const auto data = client_->data();
    if (!data.ok()) return data.error();
    if (data->code != 354) return to_target(*data);
    return taken(answer(client_->content(content)));
  }
  Result<TargetReply> rset() override { return answer(client_->rset()); }
  Result<TargetReply> abort_data() override {
    const auto data = client_->data();
    if (!data.ok()) return data.error();
    if (const auto sent = client_->partial_content("Subject: cut\n"); !sent.ok())
      return sent.error();
    client_->disconnect();
    return TargetReply();
  }
  Result<TargetReply> quit() override { return answer(client_->quit()); }
  /// A program that speaks SMTP to `sendmail -bs`: the way of local mail on which filters are
  /// asked.
  std::optional<Result<TargetReply>> sendmail(const std::string& from, const std::string& to,
                                              const std::string& content) override {
    const auto output = sendmail_->submit(bare(from), bare(to), dot_stuffed(content));
    if (!output) return Result<TargetReply>(output.error());
    return taken(reply_of_dialogue(*output));
  }
  Result<std::vector<std::string>> delivered_header() override {
    if (expected_ == 0 || !sink_->wait_for(expected_))
      return temporary_error("nothing was delivered: " + sendmail_->log());
    return header_without_trace(sink_->messages().back().content);
  }
  Result<std::string> delivered_message() override {
    if (expected_ == 0 || !sink_->wait_for(expected_))
      return temporary_error("nothing was delivered: " + sendmail_->log());
    return sink_->messages().back().content;
  }
  std::size_t delivered_count() override {
    sink_->wait_for(expected_);
    return sink_->messages().size();
  }
  std::string log() override { return daemon_->log(); }

 private:
  /// What became of a message: delivered (to be waited for), held, or discarded by the filter.
  Result<TargetReply> taken(Result<TargetReply> reply) {
    if (!reply.ok() || reply->code != 250) return reply;
    const std::size_t held = sendmail_->quarantined().size();
    reply->held = held > held_;
    held_ = held;
    reply->stored = daemon_->stored_since_last();
    const std::size_t discarded = sendmail_->log_lines({"Milter", "discard"}).size();
    if (!reply->held && discarded == discarded_) ++expected_;
    discarded_ = discarded;
    return reply;
  }

  PrivateNetwork& network_;
  std::unique_ptr<DaemonUnderTest> daemon_;
  std::unique_ptr<SmtpSink> sink_;
  std::unique_ptr<SendmailSandbox> sendmail_;
  std::optional<SmtpClient> client_;
  std::size_t expected_ = 0;
  std::size_t held_ = 0;
  std::size_t discarded_ = 0;
};

}  // namespace

Result<std::unique_ptr<Target>> make_sendmail_target(const Scenario& scenario,
                                                     const std::filesystem::path& package,
                                                     PrivateNetwork& network) {
  auto daemon = DaemonUnderTest::start(scenario);
  if (!daemon.ok()) return daemon.error();
  auto sink = SmtpSink::start();
  if (!sink.ok()) return sink.error();
  SendmailOptions options;
  options.sink_port = (*sink)->port();
  options.filters = {(*daemon)->endpoint().milter_text()};
  options.ipv6 = network.has_ipv6();
  auto sendmail = SendmailSandbox::start(package, options);
  if (!sendmail.ok()) return sendmail.error();
  return std::unique_ptr<Target>(std::make_unique<SendmailTarget>(
      network, std::move(*daemon), std::move(*sink), std::move(*sendmail)));
}

}  // namespace gatepost::test
