// The sandbox itself: Postfix, a libmilter filter and the sink work together.

#include <csignal>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/milter/sample_filter_process.h"
#include "tests/support/postfix/postfix_sandbox.h"
#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"

namespace gatepost::test {
namespace {

class Postfix : public testing::Test {
 protected:
  void SetUp() override {
    const auto package = postfix_package();
    if (!package) GTEST_SKIP() << "no Postfix: " << package.error().text();
    package_ = *package;
    auto sink = SmtpSink::start();
    ASSERT_TRUE(sink) << sink.error().text();
    sink_ = std::move(*sink);
  }
  void TearDown() override {
    if (HasFailure() && postfix_) std::fprintf(stderr, "%s\n", postfix_->log().c_str());
  }

  void start(PostfixOptions options = {}) {
    if (options.sink_port == 0) options.sink_port = sink_->port();
    auto postfix = PostfixSandbox::start(package_, options);
    ASSERT_TRUE(postfix) << postfix.error().text();
    postfix_ = std::move(*postfix);
  }
  void start_with_filter(const std::vector<std::string>& filter_options = {},
                         const std::string& default_action = "tempfail") {
    auto filter = milter::SampleFilterProcess::start(filter_options);
    ASSERT_TRUE(filter) << filter.error().text();
    filter_.emplace(std::move(*filter));
    PostfixOptions options;
    options.smtpd_milters = {filter_->endpoint().postfix_text()};
    options.non_smtpd_milters = options.smtpd_milters;
    options.default_action = default_action;
    start(options);
  }
  /// A greeted client.
  SmtpClient client() { return client_at(postfix_->smtp_port()); }
  static SmtpClient client_at(std::uint16_t port) {
    auto opened = SmtpClient::open(port);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().text());
    if (!opened) std::abort();
    EXPECT_EQ(opened->ehlo("client.example.com").value().code, 250);
    return std::move(*opened);
  }
  static SmtpMail mail_to(const std::string& local_part) {
    return {"a@example.com", {local_part + "@example.com"}, "Subject: old\nX-Remove: me\n\nbody\n"};
  }
  DeliveredMessage delivered(std::size_t index = 0) {
    EXPECT_TRUE(sink_->wait_for(index + 1)) << postfix_->log();
    const auto messages = sink_->messages();
    return index < messages.size() ? messages[index] : DeliveredMessage();
  }
  static std::string fact(const DeliveredMessage& message) {
    const auto values = message.headers("X-Sample-Filter");
    return values.empty() ? "" : values.front();
  }

  std::filesystem::path package_;
  std::unique_ptr<SmtpSink> sink_;
  std::optional<milter::SampleFilterProcess> filter_;
  std::unique_ptr<PostfixSandbox> postfix_;
};

TEST_F(Postfix, DeliversToTheSink) {
  start();
  SmtpClient smtp = client();
  EXPECT_EQ(smtp.ehlo("again.example.com").value().code, 250);
  EXPECT_TRUE(smtp.has_extension("SMTPUTF8"));
  EXPECT_TRUE(smtp.has_extension("8BITMIME"));
  EXPECT_EQ(smtp.send(mail_to("b")).value().code, 250);
  EXPECT_EQ(smtp.rset().value().code, 250);
  EXPECT_EQ(smtp.quit().value().code, 221);
  const DeliveredMessage message = delivered();
  EXPECT_EQ(message.mail_from, "a@example.com");
  EXPECT_EQ(message.recipients, std::vector<std::string>{"b@example.com"});
  EXPECT_EQ(message.headers("Subject"), std::vector<std::string>{"old"});
  EXPECT_EQ(message.body(), "body\r\n");
  const auto line = postfix_->wait_for_log("status=sent");
  EXPECT_TRUE(line) << line.error().text();
  EXPECT_TRUE(postfix_->queue().value().empty());
}

TEST_F(Postfix, FilterAddsAHeader) {
  start_with_filter();
  SmtpClient smtp = client();
  EXPECT_EQ(smtp.send(mail_to("plain")).value().code, 250);
  const DeliveredMessage message = delivered();
  EXPECT_NE(fact(message).find("helo=client.example.com from=<a@example.com> i="),
            std::string::npos)
      << fact(message);
  EXPECT_NE(fact(message).find("daemon=mx.example.test headers=2 body=6 blank=no"),
            std::string::npos)
      << fact(message);
  EXPECT_EQ(message.content.find("X-Sample-Filter:"), 0U);  // above Postfix's own Received
}

TEST_F(Postfix, QuarantineIsTheHoldQueue) {
  start_with_filter();
  SmtpClient smtp = client();
  EXPECT_EQ(smtp.send(mail_to("quarantine")).value().code, 250);
  const auto held = postfix_->wait_for_queued("hold");
  ASSERT_TRUE(held) << held.error().text();
  EXPECT_EQ(held->sender, "a@example.com");
  EXPECT_EQ(held->recipients, std::vector<std::string>{"quarantine@example.com"});
  EXPECT_TRUE(postfix_->wait_for_log("milter-hold")) << postfix_->log();
  EXPECT_TRUE(sink_->messages().empty());
  const auto released = postfix_->postsuper("-H", held->queue_id);
  ASSERT_TRUE(released) << released.error().text();
  ASSERT_TRUE(postfix_->flush_queue());
  EXPECT_EQ(delivered().recipients, std::vector<std::string>{"quarantine@example.com"});
}

struct AnswerCase {
  const char* recipient;
  const char* reply;
};

TEST_F(Postfix, RepliesReachTheClientAsTheMilterClientSaysTheyDo) {
  start_with_filter();
  SmtpClient smtp = client();
  const AnswerCase cases[] = {
      {"reject", "550 5.7.1 Command rejected"},
      {"tempfail", "451 4.7.1 Service unavailable - try again later"},
      {"reply", "550 5.7.1 not here, 100% sure"},
      {"lines", "451 4.7.1 one\n451 4.7.1 two\n451 4.7.1 three"},
      {"refuse", "554 5.6.0 bad content"},
  };
  for (const AnswerCase& c : cases) {
    const auto reply = smtp.send(mail_to(c.recipient));
    ASSERT_TRUE(reply) << c.recipient << reply.error().text();
    EXPECT_EQ(reply->text(), c.reply) << c.recipient;
    EXPECT_EQ(smtp.rset().value().code, 250);
  }
  EXPECT_EQ(smtp.send(mail_to("discard")).value().code, 250);
  EXPECT_TRUE(postfix_->wait_for_log("milter-discard"));
  EXPECT_EQ(smtp.send(mail_to("plain")).value().code, 250);
  EXPECT_EQ(delivered().recipients, std::vector<std::string>{"plain@example.com"});
}

TEST_F(Postfix, EditsArriveAsApplyModificationsSaysTheyDo) {
  start_with_filter();
  SmtpClient smtp = client();
  SmtpMail mail = mail_to("edit");
  mail.recipients.push_back("body@example.com");
  mail.recipients.push_back("envelope@example.com");
  EXPECT_EQ(smtp.send(mail).value().code, 250);
  const DeliveredMessage message = delivered();
  EXPECT_EQ(message.mail_from, "changed@example.com");
  EXPECT_EQ(std::set<std::string>(message.recipients.begin(), message.recipients.end()),
            (std::set<std::string>{"edit@example.com", "body@example.com", "added@example.com"}));
  EXPECT_EQ(message.headers("Subject"), std::vector<std::string>{"changed"});
  EXPECT_TRUE(message.headers("X-Remove").empty());
  EXPECT_EQ(message.headers("X-Added"), std::vector<std::string>{"at the end"});
  EXPECT_EQ(message.headers("X-Inserted"), std::vector<std::string>{"line one\tline two"});
  EXPECT_EQ(message.body(), "a new body\r\n");
}

TEST_F(Postfix, XclientMakesAnyClientAndLogin) {
  start_with_filter({"macros"});
  SmtpClient smtp = client_at(postfix_->submission_port());
  const auto reply = smtp.xclient(
      {{"ADDR", "192.0.2.7"}, {"NAME", "far.example.net"}, {"LOGIN", "joe@example.com"}});
  ASSERT_TRUE(reply) << reply.error().text();
  ASSERT_EQ(reply->code, 220) << reply->text();
  ASSERT_EQ(smtp.ehlo("far.example.net").value().code, 250);
  EXPECT_EQ(smtp.send(mail_to("plain")).value().code, 250);
  const std::string seen = fact(delivered());
  EXPECT_NE(seen.find("client=far.example.net/192.0.2.7"), std::string::npos) << seen;
  EXPECT_NE(seen.find("auth=joe@example.com"), std::string::npos) << seen;
}

TEST_F(Postfix, FilterOnAUnixSocket) {
  TempFolder folder("filter");
  auto filter =
      milter::SampleFilterProcess::start_on(Endpoint{folder / "f.sock", "", 0}, {"quiet"});
  ASSERT_TRUE(filter) << filter.error().text();
  PostfixOptions options;
  options.smtpd_milters = {filter->endpoint().postfix_text()};
  start(options);
  SmtpClient smtp = client();
  for (const char* recipient : {"plain", "slow"}) {  // two messages in one session
    EXPECT_EQ(smtp.send(mail_to(recipient)).value().code, 250);
  }
  for (const std::size_t index : {0, 1}) {
    EXPECT_NE(fact(delivered(index)).find("headers=2 body=0 blank=yes"), std::string::npos);
  }
}

TEST_F(Postfix, SubmissionHasItsDaemonName) {
  start_with_filter();
  SmtpClient smtp = client_at(postfix_->submission_port());
  EXPECT_EQ(smtp.send(mail_to("plain")).value().code, 250);
  EXPECT_NE(fact(delivered()).find("daemon=ORIGINATING"), std::string::npos);
}

TEST_F(Postfix, SendmailSubmissionPassesTheNonSmtpdFilter) {
  start_with_filter();
  const auto sent =
      postfix_->sendmail("root@example.com", {"plain@example.com"}, "Subject: local\n\nhi\n");
  ASSERT_TRUE(sent) << sent.error().text();
  const DeliveredMessage message = delivered();
  EXPECT_EQ(message.headers("Subject"), std::vector<std::string>{"local"});
  // Postfix simulates the SMTP session of such mail, and leaves out the angle brackets.
  EXPECT_NE(fact(message).find("client=localhost/- helo=localhost from=root@example.com i="),
            std::string::npos)
      << fact(message);
}

TEST_F(Postfix, LeavingInTheMiddleOfDataDeliversNothing) {
  start_with_filter();
  {
    SmtpClient smtp = client();
    ASSERT_EQ(smtp.mail("a@example.com", "BODY=8BITMIME SMTPUTF8").value().code, 250);
    ASSERT_EQ(smtp.rcpt("plain@example.com").value().code, 250);
    ASSERT_EQ(smtp.data().value().code, 354);
    ASSERT_TRUE(smtp.partial_content("Subject: half\n\nbody"));
  }
  EXPECT_TRUE(postfix_->wait_for_log("lost connection after DATA")) << postfix_->log();
  EXPECT_EQ(client().send(mail_to("plain")).value().code, 250);
  EXPECT_EQ(delivered().headers("Subject"), std::vector<std::string>{"old"});
}

TEST_F(Postfix, DeadFilterGetsTheDefaultAction) {
  start_with_filter();
  SmtpClient smtp = client();
  ASSERT_EQ(smtp.mail("a@example.com").value().code, 250);
  ASSERT_EQ(kill(filter_->process().id(), SIGKILL), 0);
  const auto reply = smtp.rcpt("plain@example.com");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->code, 451) << reply->text();
  PostfixOptions options;
  options.smtpd_milters = {"{ " + filter_->endpoint().postfix_text() + ", default_action=accept }"};
  options.sink_port = sink_->port();
  ASSERT_TRUE(postfix_->reload(options));
  EXPECT_EQ(client().send(mail_to("plain")).value().code, 250);
}

TEST_F(Postfix, LmtpSinkAndDeferral) {
  bool first = true;
  auto sink = SmtpSink::start(SmtpSink::Protocol::lmtp,
                              [&](std::string_view command) -> std::optional<std::string> {
                                if (command != "." || !std::exchange(first, false)) {
                                  return std::nullopt;
                                }
                                return "451 4.3.0 later";
                              });
  ASSERT_TRUE(sink);
  sink_ = std::move(*sink);
  PostfixOptions options;
  options.sink_is_lmtp = true;
  start(options);
  EXPECT_EQ(client().send(mail_to("plain")).value().code, 250);
  EXPECT_EQ(delivered().recipients, std::vector<std::string>{"plain@example.com"});
  EXPECT_FALSE(postfix_->log_lines("status=deferred").empty());
}

TEST_F(Postfix, NothingOfItOutlivesTheSandbox) {
  start();
  EXPECT_EQ(client().send(mail_to("plain")).value().code, 250);
  const std::string folder = postfix_->folders().base;
  delivered();
  postfix_.reset();
  const auto left = run_process({"pgrep", "-f", package_.string() + ".* -c " + folder});
  ASSERT_TRUE(left);
  EXPECT_EQ(left->output, "");
  EXPECT_EQ(std::filesystem::exists(folder), std::getenv("GATEPOST_KEEP_TEMP") != nullptr);
}

TEST_F(Postfix, ABadConfigurationIsTold) {
  PostfixOptions options;
  options.master_cf = {"nonsense"};
  const auto postfix = PostfixSandbox::start(package_, options);
  ASSERT_FALSE(postfix);
  EXPECT_NE(postfix.error().what.find("master.cf"), std::string::npos) << postfix.error().text();
}

}  // namespace
}  // namespace gatepost::test
