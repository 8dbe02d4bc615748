// gatepostd behind a real Postfix: XCLIENT makes the client, a sink takes what is delivered.

#include <algorithm>

#include "tests/support/postfix/postfix_sandbox.h"
#include "tests/support/scenario/mta_target.h"

namespace gatepost::test {

namespace {

class PostfixTarget final : public MtaTarget {
 public:
  PostfixTarget(std::unique_ptr<DaemonUnderTest> daemon, std::unique_ptr<SmtpSink> sink,
                std::unique_ptr<PostfixSandbox> postfix)
      : MtaTarget(std::move(daemon), std::move(sink)), postfix_(std::move(postfix)) {}
  ~PostfixTarget() override { close_client(); }

  Result<TargetReply> connect(const std::string& address, const std::string& name) override {
    auto opened = SmtpClient::open(postfix_->smtp_port(), Milliseconds(60'000));
    if (!opened.ok()) return opened.error();
    set_client(std::move(*opened));
    if (const auto greeted = client().ehlo("proxy.example.test"); !greeted.ok())
      return greeted.error();
    const bool v6 = address.find(':') != std::string::npos;
    attributes_ = {{"ADDR", (v6 ? "IPV6:" : "") + address},
                   {"NAME", name == "unknown" ? "[UNAVAILABLE]" : name}};
    return answer(client().xclient(attributes_));
  }
  Result<TargetReply> ehlo(const std::string& name) override {
    helo_ = name;
    return answer(client().ehlo(name));
  }
  Result<TargetReply> auth(const std::string& login) override {
    attributes_.emplace_back("LOGIN", login);
    if (const auto changed = client().xclient(attributes_); !changed.ok()) return changed.error();
    return ehlo(helo_);
  }
  std::optional<Result<TargetReply>> sendmail(const std::string& from, const std::string& to,
                                              const std::string& content) override {
    if (const auto sent = postfix_->sendmail(bare(from), {bare(to)}, content); !sent.ok())
      return Result<TargetReply>(sent.error());
    expect_delivery();
    if (const auto there = delivered(); !there.ok()) return Result<TargetReply>(there.error());
    return Result<TargetReply>(TargetReply());
  }

 private:
  Result<TargetReply> taken(Result<TargetReply> reply) override {
    if (!reply.ok() || reply->code != 250) return reply;
    const std::size_t held = held_count();
    reply->held = held > held_;
    held_ = held;
    reply->stored = daemon().stored_since_last();
    if (!reply->held && !reply->stored) expect_delivery();
    return reply;
  }
  std::string mta_log() const override { return postfix_->log(); }
  std::size_t held_count() const {
    const auto queue = postfix_->queue();
    if (!queue.ok()) return 0;
    return static_cast<std::size_t>(
        std::count_if(queue->begin(), queue->end(),
                      [](const QueuedMessage& m) { return m.queue_name == "hold"; }));
  }

  std::unique_ptr<PostfixSandbox> postfix_;
  std::vector<std::pair<std::string, std::string>> attributes_;
  std::string helo_;
  std::size_t held_ = 0;
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
