// gatepostd behind a real Sendmail, both in a network of their own: the client binds to the
// scenario's address, a sink takes what is delivered.

#include "tests/support/scenario/mta_target.h"
#include "tests/support/sendmail/private_network.h"
#include "tests/support/sendmail/sendmail_sandbox.h"

namespace gatepost::test {

namespace {

/// The replies of `sendmail -bs` to banner, EHLO, MAIL, RCPT, DATA, the message and QUIT: the first
/// refusal, else that to the message.
Result<SmtpReply> reply_of_dialogue(const std::string& output) {
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
    if (!one.positive()) return one;
  }
  if (replies.size() <= kToMessage) return permanent_error("too few replies", "sendmail -bs");
  return replies[kToMessage];
}

class SendmailTarget final : public MtaTarget {
 public:
  SendmailTarget(PrivateNetwork& network, std::unique_ptr<DaemonUnderTest> daemon,
                 std::unique_ptr<SmtpSink> sink, std::unique_ptr<SendmailSandbox> sendmail)
      : MtaTarget(std::move(daemon), std::move(sink)),
        network_(network),
        sendmail_(std::move(sendmail)) {}
  ~SendmailTarget() override { close_client(); }

  /// The greeting: Sendmail refuses a connection there.
  Result<TargetReply> connect(const std::string& address, const std::string& name) override {
    if (const auto set = sendmail_->set_client_name(address, name); !set) return set.error();
    if (const auto set = sendmail_->set_login(""); !set) return set.error();
    constexpr auto kTimeout = Milliseconds(60'000);
    auto stream = network_.connect_from(address, sendmail_->port(), kTimeout);
    if (!stream) return stream.error();
    auto opened = SmtpClient::over(std::move(*stream), kTimeout);
    if (!opened.ok()) return opened.error();
    set_client(std::move(*opened));
    return to_target(client().banner());
  }
  Result<TargetReply> auth(const std::string& login) override {
    if (const auto set = sendmail_->set_login(login); !set) return set.error();
    return TargetReply();
  }
  /// A program that speaks SMTP to `sendmail -bs`: the way of local mail on which filters are
  /// asked.
  std::optional<Result<TargetReply>> sendmail(const std::string& from, const std::string& to,
                                              const std::string& content) override {
    const auto output = sendmail_->submit(bare(from), bare(to), dot_stuffed(content));
    if (!output) return Result<TargetReply>(output.error());
    return taken(answer(reply_of_dialogue(*output)));
  }

 private:
  /// What became of a message: delivered (to be waited for), held, or discarded by the filter.
  Result<TargetReply> taken(Result<TargetReply> reply) override {
    if (!reply.ok() || reply->code != 250) return reply;
    const std::size_t held = sendmail_->quarantined().size();
    reply->held = held > held_;
    held_ = held;
    reply->stored = daemon().stored_since_last();
    const std::size_t discarded = sendmail_->log_lines({"Milter", "discard"}).size();
    if (!reply->held && discarded == discarded_) expect_delivery();
    discarded_ = discarded;
    return reply;
  }

  std::string mta_log() const override { return sendmail_->log(); }

  PrivateNetwork& network_;
  std::unique_ptr<SendmailSandbox> sendmail_;
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
