// SPF that refuses and defers, behind a real Postfix: what the client reads, and whom dead DNS
// holds up.

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "filter/control/control.h"
#include "tests/support/postfix/postfix_sandbox.h"
#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"
#include "tests/support/scenario/daemon.h"

namespace gatepost::test {
namespace {

using Json = nlohmann::json;

// Answers for all names below example and arpa; others are asked of a server that never answers.
constexpr const char* kZone = R"(
example. IN SOA . . 1 1 1 1 60
arpa. IN SOA . . 1 1 1 1 60
strict.example. IN TXT "v=spf1 ip4:192.0.2.9 -all exp=why.strict.example"
why.strict.example. IN TXT "%{i} may not send for %{o}, 100%% sure"
healthy.example. IN TXT "v=spf1 ip4:192.0.2.9 -all"
_dmarc.healthy.example. IN TXT "v=DMARC1; p=none"
mail.healthy.example. IN TXT "v=spf1 a -all"
mail.healthy.example. IN A 192.0.2.9
9.2.0.192.in-addr.arpa. IN PTR mail.healthy.example.
66.113.0.203.in-addr.arpa. IN PTR mail.healthy.example.
)";

class SpfBehindPostfix : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto package = postfix_package();
    if (!package) GTEST_SKIP() << "no Postfix: " << package.error().text();
    Scenario scenario;
    scenario.name = "spf";
    scenario.dead_dns = true;
    scenario.zone = kZone;
    scenario.config = R"(mode = "enforce"
greylist.mode = "off"
spf.on_fail = "reject"
spf.on_temperror = "tempfail"
dns.query_timeout = "8s"
dns.check_timeout = "8s"
)";
    auto daemon = DaemonUnderTest::start(scenario);
    ASSERT_TRUE(daemon.ok()) << daemon.error().text();
    daemon_ = std::move(*daemon);
    auto sink = SmtpSink::start();
    ASSERT_TRUE(sink.ok()) << sink.error().text();
    sink_ = std::move(*sink);
    PostfixOptions options;
    options.sink_port = sink_->port();
    options.smtpd_milters = {daemon_->endpoint().postfix_text()};
    auto postfix = PostfixSandbox::start(*package, options);
    ASSERT_TRUE(postfix.ok()) << postfix.error().text();
    postfix_ = std::move(*postfix);
  }

  SmtpClient client(const std::string& address, const std::string& name) const {
    auto opened = SmtpClient::open(postfix_->smtp_port(), Milliseconds(60'000));
    EXPECT_TRUE(opened.ok());
    if (!opened.ok()) std::abort();
    EXPECT_TRUE(opened->ehlo("proxy.example.test").ok());
    EXPECT_TRUE(opened->xclient({{"ADDR", address}, {"NAME", name}}).ok());
    EXPECT_TRUE(opened->ehlo(name).ok());
    return std::move(*opened);
  }
  /// Sessions that wait for DNS, so far.
  int waits() const {
    const auto answer = control::ask(daemon_->control_socket(), R"({"command":"stats"})");
    return answer.ok() ? Json::parse(*answer).value("session.waits", 0) : -1;
  }

  std::unique_ptr<DaemonUnderTest> daemon_;
  std::unique_ptr<SmtpSink> sink_;
  std::unique_ptr<PostfixSandbox> postfix_;
};

TEST_F(SpfBehindPostfix, TheClientReadsTheDomainsText) {
  SmtpClient smtp = client("203.0.113.66", "mail.healthy.example");
  ASSERT_EQ(smtp.mail("ann@strict.example")->code, 250);
  const auto reply = smtp.rcpt("bob@example.com");
  ASSERT_TRUE(reply.ok());
  EXPECT_NE(reply->text().find("550 5.7.23 "), std::string::npos) << reply->text();
  EXPECT_NE(reply->text().find("strict.example says: \"203.0.113.66 may not send for "
                               "strict.example, 100% sure\" (ref "),
            std::string::npos)
      << reply->text();
}

TEST_F(SpfBehindPostfix, DeadDnsOfOneSessionDelaysNoOther) {
  const int before = waits();
  ASSERT_GE(before, 0);
  SmtpClient slow = client("203.0.113.66", "mail.healthy.example");
  ASSERT_EQ(slow.mail("ann@nowhere.test")->code, 250);
  std::atomic<bool> answered{false};
  std::string text;
  std::thread waiting([&] {
    const auto reply = slow.rcpt("bob@example.com");
    text = reply.ok() ? reply->text() : reply.error().text();
    answered = true;
  });
  while (waits() == before && !answered) std::this_thread::yield();
  EXPECT_FALSE(answered) << "it waits for the dead server";
  for (int i = 0; i < 3; ++i) {
    SmtpClient healthy = client("192.0.2.9", "mail.healthy.example");
    const auto reply = healthy.send({"ann@healthy.example",
                                     {"bob@example.com"},
                                     "From: ann@healthy.example\nSubject: hello\n\nhello\n"});
    EXPECT_TRUE(reply.ok() && reply->code == 250) << (reply.ok() ? reply->text() : "");
  }
  EXPECT_FALSE(answered) << "three messages passed while the other session still waits: " << text;
  waiting.join();
  EXPECT_NE(text.find("451 4.7.24 "), std::string::npos) << text;
  EXPECT_TRUE(sink_->wait_for(3));
}

}  // namespace
}  // namespace gatepost::test
