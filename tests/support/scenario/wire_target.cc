// The real gatepostd over the milter protocol.

#include "tests/support/milter/client.h"
#include "tests/support/milter/transaction.h"
#include "tests/support/scenario/daemon.h"
#include "tests/support/scenario/target.h"

namespace gatepost::test {

namespace {

using milter::MilterClient;
using milter::Reply;

class WireTarget final : public Target {
 public:
  explicit WireTarget(std::unique_ptr<DaemonUnderTest> daemon) : daemon_(std::move(daemon)) {}

  Result<TargetReply> connect(const std::string& address, const std::string& name) override {
    auto client = MilterClient::open(daemon_->endpoint(), {.reply_timeout = Milliseconds(40'000)});
    if (!client.ok()) return client.error();
    client_.emplace(std::move(*client));
    if (const auto agreed = client_->negotiate(); !agreed.ok()) return agreed.error();
    client_->set_macro("j", "mx.example.test");
    milter::ClientInfo info;
    info.address = address;
    if (address.find(':') != std::string::npos) info.family = milter::ClientInfo::Family::inet6;
    info.name = name;
    info.port = 40001;
    return to_reply(client_->connect(info));
  }
  Result<TargetReply> ehlo(const std::string& name) override {
    return to_reply(client_->helo(name));
  }
  Result<TargetReply> auth(const std::string& login) override {
    login_ = login;
    return TargetReply();
  }
  Result<TargetReply> mail(const std::string& from, const std::string& parameters) override {
    if (!login_.empty()) {
      client_->set_macro("{auth_authen}", login_);
      client_->set_macro("{auth_type}", "PLAIN");
    }
    return to_reply(client_->mail(from, parameters.empty() ? std::vector<std::string>()
                                                           : std::vector<std::string>{parameters}));
  }
  Result<TargetReply> rcpt(const std::string& to) override { return to_reply(client_->rcpt(to)); }

  Result<TargetReply> message(const std::string& content) override {
    client_->set_macro("i", "4Zq1");
    auto parts = milter::MessageParts::parse(content);
    auto reply = to_reply(client_->data());
    if (!reply.ok() || reply->code != 250) return reply;
    for (const auto& [name, value] : parts.headers) {
      if (const auto sent = client_->header(name, value); !sent.ok()) return sent.error();
    }
    reply = to_reply(client_->end_of_headers());
    if (!reply.ok() || reply->code != 250) return finish(reply);
    for (std::size_t at = 0; at < parts.body.size(); at += 65535) {
      if (const auto sent = client_->body(std::string_view(parts.body).substr(at, 65535));
          !sent.ok())
        return sent.error();
    }
    const auto final = client_->end_of_message();
    reply = to_reply(final);
    if (reply.ok() && reply->code == 250) reply->stored = daemon_->stored_since_last();
    if (reply.ok() && reply->code == 250 && !reply->held && !reply->stored) {
      const bool spaced = (client_->agreement().steps & milter::step::kHeaderLeadingSpace) != 0;
      keep(milter::apply_modifications(std::move(parts), final->modifications, spaced));
    }
    return finish(reply);
  }
  Result<TargetReply> rset() override {
    if (const auto aborted = client_->abort(); !aborted.ok()) return aborted.error();
    return TargetReply();
  }
  Result<TargetReply> abort_data() override {
    if (const auto sent = client_->header("Subject", " cut"); !sent.ok()) return sent.error();
    client_->close();
    return TargetReply();
  }
  Result<TargetReply> quit() override {
    if (const auto ended = client_->quit(); !ended.ok()) return ended.error();
    return TargetReply();
  }
  std::optional<Result<TargetReply>> sendmail(const std::string&, const std::string&,
                                              const std::string&) override {
    return std::nullopt;
  }
  Result<std::vector<std::string>> delivered_header() override { return delivered_; }
  Result<std::string> delivered_message() override { return whole_; }
  std::size_t delivered_count() override { return count_; }
  std::string log() override { return daemon_->log(); }

 private:
  static Result<TargetReply> to_reply(const Result<Reply>& reply) {
    if (!reply.ok()) return reply.error();
    TargetReply out;
    out.held = reply->quarantine().has_value();
    const std::string smtp = reply->smtp();
    if (smtp.empty()) return out;
    out.code = std::stoi(smtp.substr(0, 3));
    if (smtp.size() > 9) out.enhanced = smtp.substr(4, smtp.find(' ', 4) - 4);
    out.text = smtp;
    return out;
  }
  /// As Postfix: each message is followed by an abort.
  Result<TargetReply> finish(Result<TargetReply> reply) {
    if (const auto aborted = client_->abort(); !aborted.ok() && reply.ok()) return aborted.error();
    return reply;
  }
  void keep(const milter::MessageParts& message) {
    delivered_.clear();
    whole_ = message.text();
    for (const auto& [name, value] : message.headers) {
      std::string line = name + ":" + value;
      std::erase(line, '\n');
      delivered_.push_back(std::move(line));
    }
    ++count_;
  }

  std::unique_ptr<DaemonUnderTest> daemon_;
  std::optional<MilterClient> client_;
  std::string login_;
  std::vector<std::string> delivered_;
  std::string whole_;
  std::size_t count_ = 0;
};

}  // namespace

Result<std::unique_ptr<Target>> make_wire_target(const Scenario& scenario) {
  auto daemon = DaemonUnderTest::start(scenario);
  if (!daemon.ok()) return daemon.error();
  return std::unique_ptr<Target>(std::make_unique<WireTarget>(std::move(*daemon)));
}

}  // namespace gatepost::test
