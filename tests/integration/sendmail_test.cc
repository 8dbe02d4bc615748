// The sandbox itself: Sendmail, a libmilter filter and the sink work together in a network of their
// own; and the lines that contrib/sendmail tells administrators to use.

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "tests/support/milter/sample_filter_process.h"
#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"
#include "tests/support/scenario/daemon.h"
#include "tests/support/sendmail/private_network.h"
#include "tests/support/sendmail/sendmail_sandbox.h"

namespace gatepost::test {
namespace {

constexpr auto kTimeout = Milliseconds(60'000);

class Sendmail : public testing::Test {
 protected:
  void SetUp() override {
    const auto package = sendmail_package();
    if (!package) GTEST_SKIP() << "no Sendmail: " << package.error().text();
    package_ = *package;
    auto network = PrivateNetwork::enter();
    if (!network) GTEST_SKIP() << "no Sendmail: " << network.error().text();
    network_ = std::move(*network);
    auto sink = SmtpSink::start();
    ASSERT_TRUE(sink) << sink.error().text();
    sink_ = std::move(*sink);
  }
  void TearDown() override {
    if (HasFailure() && sendmail_) std::fprintf(stderr, "%s\n", sendmail_->log().c_str());
  }

  void start(SendmailOptions options = {}) {
    options.sink_port = sink_->port();
    options.ipv6 = network_->has_ipv6();
    auto sendmail = SendmailSandbox::start(package_, options);
    ASSERT_TRUE(sendmail) << sendmail.error().text();
    sendmail_ = std::move(*sendmail);
  }
  void start_with_filter(const std::vector<std::string>& filter_options = {}) {
    auto filter = milter::SampleFilterProcess::start(filter_options);
    ASSERT_TRUE(filter) << filter.error().text();
    filter_.emplace(std::move(*filter));
    SendmailOptions options;
    options.filters = {filter_->endpoint().milter_text()};
    start(options);
  }
  /// A greeted client at that address.
  SmtpClient client(const std::string& address = "192.0.2.9") {
    auto stream = network_->connect_from(address, sendmail_->port(), kTimeout);
    EXPECT_TRUE(stream) << (stream ? "" : stream.error().text());
    auto opened = SmtpClient::over(std::move(stream).value(), kTimeout);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().text());
    EXPECT_EQ(opened->ehlo("client.example.com").value().code, 250);
    return std::move(*opened);
  }
  static SmtpMail mail_to(const std::string& local_part) {
    return {"a@example.com", {local_part + "@example.com"}, "Subject: old\nX-Remove: me\n\nbody\n"};
  }
  DeliveredMessage delivered() {
    EXPECT_TRUE(sink_->wait_for(1)) << sendmail_->log();
    const auto messages = sink_->messages();
    return messages.empty() ? DeliveredMessage() : messages.back();
  }

  std::filesystem::path package_;
  std::unique_ptr<PrivateNetwork> network_;
  std::unique_ptr<SmtpSink> sink_;
  std::optional<milter::SampleFilterProcess> filter_;
  std::unique_ptr<SendmailSandbox> sendmail_;
};

TEST_F(Sendmail, SeesTheClientOfTheTestsChoice) {
  start();
  ASSERT_TRUE(sendmail_->set_client_name("192.0.2.9", "mail.client.example"));
  const std::pair<std::string, std::string> cases[] = {
      {"192.0.2.9", "relay=mail.client.example [192.0.2.9]"},
      {"198.51.100.77", "relay=[198.51.100.77]"},
      {"2001:db8::9", "relay=[IPv6:2001:db8:0:0:0:0:0:9]"},
  };
  std::size_t count = 0;
  for (const auto& [address, relay] : cases) {
    const bool v6 = address.find(':') != std::string::npos;
    if (v6 && !network_->has_ipv6()) continue;
    SmtpClient smtp = client(address);
    EXPECT_EQ(smtp.send(mail_to("b")).value().code, 250);
    EXPECT_EQ(smtp.quit().value().code, 221);
    EXPECT_FALSE(sendmail_->log_lines({"from=<a@example.com>", relay}).empty()) << relay;
    ++count;
  }
  EXPECT_TRUE(sink_->wait_for(count));
}

TEST_F(Sendmail, FilterAddsAHeader) {
  start_with_filter();
  ASSERT_TRUE(sendmail_->set_login("ann"));
  SmtpClient smtp = client();
  EXPECT_EQ(smtp.send(mail_to("plain")).value().code, 250);
  const auto facts = delivered().headers("X-Sample-Filter");
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_NE(facts[0].find("helo=client.example.com from=<a@example.com> i="), std::string::npos)
      << facts[0];
  EXPECT_NE(facts[0].find("headers=2 body=6"), std::string::npos) << facts[0];
}

TEST_F(Sendmail, QuarantineIsItsOwnQueue) {
  start_with_filter();
  SmtpClient smtp = client();
  EXPECT_EQ(smtp.send(mail_to("quarantine")).value().code, 250);
  const auto held = sendmail_->quarantined();
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].reason, "held by the sample filter");
  const auto listed = sendmail_->run({"-bp", "-qQ"});
  ASSERT_TRUE(listed) << listed.error().text();
  EXPECT_NE(listed->output.find("QUARANTINE: held by the sample filter"), std::string::npos)
      << listed->output;
  ASSERT_TRUE(sendmail_->flush_queue());
  EXPECT_TRUE(sink_->messages().empty());
  const auto released = sendmail_->release(held[0].queue_id);
  ASSERT_TRUE(released) << released.error().text();
  EXPECT_TRUE(sendmail_->quarantined().empty());
  ASSERT_TRUE(sendmail_->flush_queue());
  EXPECT_EQ(delivered().recipients, std::vector<std::string>{"quarantine@example.com"});
}

struct AnswerCase {
  const char* recipient;
  const char* reply;
};

TEST_F(Sendmail, RepliesOfTheFilterReachTheClient) {
  start_with_filter();
  SmtpClient smtp = client();
  const AnswerCase cases[] = {
      {"reject", "550 5.7.1 <reject@example.com>... Command rejected"},
      {"tempfail", "451 4.3.2 Please try again later"},
      {"reply", "550 5.7.1 <reply@example.com>... not here, 100% sure"},
      {"refuse", "554 5.6.0 bad content"},
  };
  for (const AnswerCase& c : cases) {
    const auto reply = smtp.send(mail_to(c.recipient));
    ASSERT_TRUE(reply) << reply.error().text();
    EXPECT_EQ(reply->text(), c.reply);
    ASSERT_EQ(smtp.rset().value().code, 250);
  }
}

TEST_F(Sendmail, AFilterThatIsAwayDefersMail) {
  SendmailOptions options;
  const auto free = free_port();
  ASSERT_TRUE(free);
  options.filters = {Endpoint::loopback(*free).milter_text()};
  start(options);
  SmtpClient smtp = client();
  EXPECT_EQ(smtp.mail("a@example.com").value().code / 100, 4);
}

/// The lines of contrib/sendmail with the port of a test.
std::vector<std::string> snippet(const std::string& socket) {
  std::ifstream file(GATEPOST_SOURCE_DIR "/contrib/sendmail/gatepost.mc");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string documented = "inet:8899@127.0.0.1";
  const auto at = text.find(documented);
  if (at != std::string::npos) text.replace(at, documented.size(), socket);
  return {text};
}

TEST_F(Sendmail, TheLinesOfContribAttachTheDaemon) {
  Scenario scenario;
  scenario.config =
      "mode = \"enforce\"\ngreylist.mode = \"off\"\n[lists]\ndeny_clients = [\"192.0.2.66\"]";
  const auto daemon = DaemonUnderTest::start(scenario);
  ASSERT_TRUE(daemon.ok()) << daemon.error().text();
  SendmailOptions options;
  options.mc = snippet((*daemon)->endpoint().milter_text());
  start(options);
  SmtpClient smtp = client("192.0.2.9");
  EXPECT_EQ(smtp.send(mail_to("plain")).value().code, 250);
  EXPECT_EQ(delivered().headers("Authentication-Results").size(), 1U);
  SmtpClient denied = client("192.0.2.66");
  EXPECT_EQ(denied.send(mail_to("plain")).value().code, 550);
}

}  // namespace
}  // namespace gatepost::test
