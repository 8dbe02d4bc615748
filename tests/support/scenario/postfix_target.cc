// gatepostd behind a real Postfix: XCLIENT makes the client, a sink takes what is delivered.

#include <algorithm>

#include "tests/support/postfix/postfix_sandbox.h"
#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"
#include "tests/support/scenario/daemon.h"
#include "tests/support/scenario/target.h"

namespace gatepost::test {

namespace {

TargetReply to_target(const SmtpReply& reply) {
  return {reply.code, reply.enhanced(), reply.text(), false};
}

class PostfixTarget final : public Target {
 public:
  PostfixTarget(std::unique_ptr<DaemonUnderTest> daemon, std::unique_ptr<SmtpSink> sink,
                std::unique_ptr<PostfixSandbox> postfix)
      : daemon_(std::move(daemon)), sink_(std::move(sink)), postfix_(std::move(postfix)) {}

  Result<TargetReply> connect(const std::string& address, const std::string& name) override {
    auto client = SmtpClient::open(postfix_->smtp_port(), Milliseconds(60'000));
    if (!client.ok()) return client.error();
    client_.emplace(std::move(*client));
    if (const auto greeted = client_->ehlo("proxy.example.test"); !greeted.ok())
      return greeted.error();
    const bool v6 = address.find(':') != std::string::npos;
    attributes_ = {{"ADDR", (v6 ? "IPV6:" : "") + address},
                   {"NAME", name == "unknown" ? "[UNAVAILABLE]" : name}};
    return answer(client_->xclient(attributes_));
  }
  Result<TargetReply> ehlo(const std::string& name) override {
    helo_ = name;
    return answer(client_->ehlo(name));
  }
  Result<TargetReply> auth(const std::string& login) override {
    attributes_.emplace_back("LOGIN", login);
    if (const auto changed = client_->xclient(attributes_); !changed.ok()) return changed.error();
    return ehlo(helo_);
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
    const auto before = held_count();
    auto reply = answer(client_->content(content));
    if (!reply.ok() || reply->code != 250) return reply;
    reply->held = held_count() > before;
    reply->stored = daemon_->stored_since_last();
    if (!reply->held && !reply->stored) ++expected_;
    return reply;
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
  std::optional<Result<TargetReply>> sendmail(const std::string& from, const std::string& to,
                                              const std::string& content) override {
    if (const auto sent = postfix_->sendmail(bare(from), {bare(to)}, content); !sent.ok())
      return Result<TargetReply>(sent.error());
    ++expected_;
    if (!sink_->wait_for(expected_))
      return Result<TargetReply>(temporary_error("not delivered: " + postfix_->log()));
    return Result<TargetReply>(TargetReply());
  }
  Result<std::vector<std::string>> delivered_header() override {
    if (expected_ == 0 || !sink_->wait_for(expected_))
      return temporary_error("nothing was delivered: " + postfix_->log());
    return header_without_trace(sink_->messages().back().content);
  }
  Result<std::string> delivered_message() override {
    if (expected_ == 0 || !sink_->wait_for(expected_))
      return temporary_error("nothing was delivered: " + postfix_->log());
    return sink_->messages().back().content;
  }
  std::size_t delivered_count() override {
    sink_->wait_for(expected_);
    return sink_->messages().size();
  }
  std::string log() override { return daemon_->log(); }

 private:
  static std::string bare(const std::string& path) {
    return path.size() > 1 && path.front() == '<' ? path.substr(1, path.size() - 2) : path;
  }
  static Result<TargetReply> answer(const Result<SmtpReply>& reply) {
    if (!reply.ok()) return reply.error();
    return to_target(*reply);
  }
  std::size_t held_count() const {
    const auto queue = postfix_->queue();
    if (!queue.ok()) return 0;
    return static_cast<std::size_t>(
        std::count_if(queue->begin(), queue->end(),
                      [](const QueuedMessage& m) { return m.queue_name == "hold"; }));
  }

  std::unique_ptr<DaemonUnderTest> daemon_;
  std::unique_ptr<SmtpSink> sink_;
  std::unique_ptr<PostfixSandbox> postfix_;
  std::optional<SmtpClient> client_;
  std::vector<std::pair<std::string, std::string>> attributes_;
  std::string helo_;
  std::size_t expected_ = 0;
};

}  // namespace

Result<std::unique_ptr<Target>> make_postfix_target(const Scenario& scenario,
                                                    const std::filesystem::path& package) {
  auto daemon = DaemonUnderTest::start(scenario);
  if (!daemon.ok()) return daemon.error();
  auto sink = SmtpSink::start();
  if (!sink.ok()) return sink.error();
  PostfixOptions options;
  options.sink_port = (*sink)->port();
  options.smtpd_milters = {(*daemon)->endpoint().postfix_text()};
  options.non_smtpd_milters = options.smtpd_milters;
  options.main_cf = {{"message_size_limit", "62914560"},
                     {"header_size_limit", "4194304"},
                     {"smtputf8_enable", "yes"}};
  auto postfix = PostfixSandbox::start(package, options);
  if (!postfix.ok()) return postfix.error();
  return std::unique_ptr<Target>(
      std::make_unique<PostfixTarget>(std::move(*daemon), std::move(*sink), std::move(*postfix)));
}

}  // namespace gatepost::test
