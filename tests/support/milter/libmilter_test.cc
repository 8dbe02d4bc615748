// The client against a real libmilter filter.

#include <gtest/gtest.h>

#include "tests/support/milter/client.h"
#include "tests/support/milter/sample_filter_process.h"
#include "tests/support/milter/transaction.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::test::milter {
namespace {

class Libmilter : public testing::Test {
 protected:
  void start(const std::vector<std::string>& options = {}, const Offer& offer = {}) {
    auto filter = SampleFilterProcess::start(options);
    ASSERT_TRUE(filter) << filter.error().text();
    filter_.emplace(std::move(*filter));
    auto client = MilterClient::open(filter_->endpoint());
    ASSERT_TRUE(client) << client.error().text();
    client_.emplace(std::move(*client));
    const auto agreed = client_->negotiate(offer);
    ASSERT_TRUE(agreed) << agreed.error().text();
    ASSERT_TRUE(client_->connect({"client.example.com", ClientInfo::Family::inet, 5, "192.0.2.9"}));
    ASSERT_TRUE(client_->helo("helo.example.com"));
  }
  Outcome run(const std::vector<std::string>& local_parts, const char* sender = "a@example.com") {
    Transaction transaction;
    transaction.mail_from = sender;
    for (const std::string& word : local_parts) {
      transaction.recipients.push_back(word + "@example.com");
    }
    transaction.message = "Received: from x\nSubject: old\nX-Remove: me\n\nbody\n";
    auto outcome = run_transaction(*client_, transaction);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().text());
    return outcome ? std::move(*outcome) : Outcome();
  }
  static std::string fact(const Outcome& outcome) {
    const auto values = outcome.final.added_headers("X-Sample-Filter");
    return values.empty() ? "" : values.front();
  }

  std::optional<SampleFilterProcess> filter_;
  std::optional<MilterClient> client_;
};

TEST_F(Libmilter, AddsAHeader) {
  start();
  const Outcome outcome = run({"plain"});
  EXPECT_TRUE(outcome.delivered());
  // {client_addr} is not in Postfix's default list of CONNECT.
  EXPECT_EQ(fact(outcome),
            "client=client.example.com/- helo=helo.example.com from=<a@example.com> i=4YzXk21Qz "
            "auth=- daemon=mx.example.test headers=3 body=6 blank=no");
  EXPECT_EQ(outcome.edited.headers.front().first, "X-Sample-Filter");
}

TEST_F(Libmilter, MacroListsAreHonoured) {
  start({"macros"});
  client_->set_macro("{auth_authen}", "joe");
  const auto& lists = client_->agreement().macro_lists;
  ASSERT_EQ(lists.size(), 2U);
  EXPECT_EQ(lists[0].first, Event::connect);
  EXPECT_EQ(lists[1].first, Event::end_of_message);
  EXPECT_EQ(lists[1].second, (std::vector<std::string>{"i", "{auth_authen}"}));
  EXPECT_EQ(fact(run({"plain"})),
            "client=client.example.com/192.0.2.9 helo=helo.example.com from=<a@example.com> "
            "i=4YzXk21Qz auth=joe daemon=- headers=3 body=6 blank=no");
}

TEST_F(Libmilter, QuietFilterSeesLeadingBlanksAndNoBody) {
  start({"quiet"});
  EXPECT_TRUE(client_->agreement().steps & step::kNoReplyHeader);
  const Outcome outcome = run({"plain"});
  EXPECT_NE(fact(outcome).find("headers=3 body=0 blank=yes"), std::string::npos) << fact(outcome);
}

TEST_F(Libmilter, FilterWithoutNegotiation) {
  start({"v2"});
  EXPECT_NE(fact(run({"plain"})).find("headers=3 body=6"), std::string::npos);
}

TEST_F(Libmilter, AnOlderMtaIsServed) {
  start({}, {.version = 2});
  EXPECT_EQ(client_->agreement().version, 2U);
  EXPECT_NE(fact(run({"plain"})).find("headers=3 body=6"), std::string::npos);
}

struct ReplyCase {
  const char* recipient;
  Verdict verdict;
  const char* smtp;
};

TEST_F(Libmilter, ReplyCodesAtRcpt) {
  start();
  const ReplyCase cases[] = {
      {"reject", Verdict::reject, "550 5.7.1 Command rejected"},
      {"tempfail", Verdict::tempfail, "451 4.7.1 Service unavailable - try again later"},
      {"reply", Verdict::reject, "550 5.7.1 not here, 100% sure"},
      {"lines", Verdict::tempfail, "451-4.7.1 one\r\n451-4.7.1 two\r\n451 4.7.1 three"},
  };
  for (const ReplyCase& c : cases) {
    const Outcome alone = run({c.recipient});
    EXPECT_EQ(alone.decided_at, Event::rcpt) << c.recipient;
    EXPECT_EQ(alone.final.verdict, c.verdict) << c.recipient;
    EXPECT_EQ(alone.final.smtp(), c.smtp) << c.recipient;
    const Outcome mixed = run({c.recipient, "plain"});
    EXPECT_TRUE(mixed.delivered()) << c.recipient;
    EXPECT_EQ(mixed.recipients.at(0).second.smtp(), c.smtp) << c.recipient;
  }
  EXPECT_EQ(run({"plain"}, "reject-mail@example.com").decided_at, Event::mail);
  EXPECT_EQ(run({"plain"}, "tempfail-mail@example.com").final.verdict, Verdict::tempfail);
}

TEST_F(Libmilter, VerdictsAtEndOfMessage) {
  start();
  EXPECT_EQ(run({"quarantine"}).final.quarantine(), "held by the sample filter");
  EXPECT_EQ(run({"discard"}).final.verdict, Verdict::discard);
  EXPECT_EQ(run({"accept"}).final.verdict, Verdict::accept);
  EXPECT_EQ(run({"refuse"}).final.smtp(), "554 5.6.0 bad content");
  EXPECT_EQ(run({"slow"}).final.progress, 2);
  EXPECT_TRUE(run({"plain"}).delivered());  // the same connection throughout
  EXPECT_TRUE(client_->quit());
}

TEST_F(Libmilter, EveryKindOfEdit) {
  start();
  const Outcome outcome = run({"edit", "envelope", "body"});
  ASSERT_TRUE(outcome.delivered());
  const std::string text = outcome.edited.text();
  const auto rest = text.find("Received: from x");
  ASSERT_NE(rest, std::string::npos) << text;
  EXPECT_NE(text.find("X-Inserted: line one\r\n\tline two\r\n"), std::string::npos) << text;
  EXPECT_EQ(text.substr(rest),
            "Received: from x\r\nSubject: changed\r\nX-Added: at the end\r\n\r\na new body\r\n");
  std::string envelope;
  for (const ReplyPacket& packet : outcome.final.modifications) {
    if (const auto* from = std::get_if<ChangeFrom>(&packet)) envelope += "from" + from->address;
    if (const auto* add = std::get_if<AddRecipient>(&packet)) envelope += " add" + add->address;
    if (const auto* gone = std::get_if<DeleteRecipient>(&packet))
      envelope += " del" + gone->address;
  }
  EXPECT_EQ(envelope, "from<changed@example.com> add<added@example.com> del<envelope@example.com>");
}

TEST_F(Libmilter, ADyingFilterIsATemporaryError) {
  start();
  Transaction transaction{"a@example.com", {}, {"die@example.com"}, "A: b\n\nc\n"};
  const auto outcome = run_transaction(*client_, transaction);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::temporary);
}

TEST_F(Libmilter, MalformedPacketsEndTheConnection) {
  start();
  ASSERT_TRUE(client_->raw_send(encode_packet('M', "no NUL at the end")));
  EXPECT_TRUE(client_->closed_by_filter(Milliseconds(5000)));
}

TEST_F(Libmilter, UnixSockets) {
  TempFolder folder("milter");
  auto filter = SampleFilterProcess::start_on(Endpoint{folder / "f.sock", "", 0});
  ASSERT_TRUE(filter) << filter.error().text();
  auto client = MilterClient::open(filter->endpoint());
  ASSERT_TRUE(client) << client.error().text();
  EXPECT_TRUE(client->negotiate());
}

}  // namespace
}  // namespace gatepost::test::milter
