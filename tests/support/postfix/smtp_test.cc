// The SMTP client and the sink against each other.

#include <gtest/gtest.h>

#include "tests/support/postfix/smtp_client.h"
#include "tests/support/postfix/smtp_sink.h"

namespace gatepost::test {
namespace {

struct StuffCase {
  const char* name;
  const char* message;
  const char* expected;
};

constexpr StuffCase kStuffCases[] = {
    {"lines_get_crlf", "a\nb\r\nc\n", "a\r\nb\r\nc\r\n"},
    {"last_line_is_closed", "a", "a\r\n"},
    {"dots_are_doubled_rfc5321_4_5_2", ".\n..\na.\n", "..\r\n...\r\na.\r\n"},
    {"empty", "", ""},
};

TEST(DotStuffed, Rfc5321) {
  for (const StuffCase& c : kStuffCases) EXPECT_EQ(dot_stuffed(c.message), c.expected) << c.name;
}

TEST(SmtpReply, EnhancedCodeIsOfTheClassOfTheReply) {
  EXPECT_EQ((SmtpReply{550, {"5.7.1 no"}}).enhanced(), "5.7.1");
  EXPECT_EQ((SmtpReply{550, {"4.7.1 no"}}).enhanced(), "");
  EXPECT_EQ((SmtpReply{550, {"no"}}).enhanced(), "");
  EXPECT_EQ((SmtpReply{550, {"5.7.1 a", "5.7.1 b"}}).text(), "550 5.7.1 a\n550 5.7.1 b");
}

TEST(SmtpSink, KeepsEnvelopeAndContent) {
  auto sink = SmtpSink::start();
  ASSERT_TRUE(sink) << sink.error().text();
  auto client = SmtpClient::open((*sink)->port());
  ASSERT_TRUE(client) << client.error().text();
  EXPECT_EQ(client->banner().code, 220);
  ASSERT_TRUE(client->ehlo("a.example"));
  ASSERT_TRUE(client->ehlo("b.example"));
  EXPECT_TRUE(client->has_extension("smtputf8"));
  EXPECT_FALSE(client->has_extension("STARTTLS"));
  const auto reply = client->send({"me@example.com",
                                   {"you@example.org", "they@example.org"},
                                   "Subject: a\n b\nX: 1\nx:  2 \n\n.dot\nend\n",
                                   "BODY=8BITMIME"});
  ASSERT_TRUE(reply) << reply.error().text();
  EXPECT_EQ(reply->code, 250);
  ASSERT_TRUE((*sink)->wait_for(1, Milliseconds(2000)));
  const DeliveredMessage message = (*sink)->messages().at(0);
  EXPECT_EQ(message.helo, "b.example");
  EXPECT_EQ(message.mail_from, "me@example.com");
  EXPECT_EQ(message.mail_parameters, "BODY=8BITMIME");
  EXPECT_EQ(message.recipients, (std::vector<std::string>{"you@example.org", "they@example.org"}));
  EXPECT_EQ(message.headers("subject"), std::vector<std::string>{"a b"});
  EXPECT_EQ(message.headers("X"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(message.body(), ".dot\r\nend\r\n");
  EXPECT_EQ(client->quit().value().code, 221);
  (*sink)->clear();
  EXPECT_TRUE((*sink)->messages().empty());
}

TEST(SmtpSink, AnswersAsTheTestWants) {
  auto sink = SmtpSink::start(SmtpSink::Protocol::smtp,
                              [](std::string_view command) -> std::optional<std::string> {
                                if (command == "RCPT TO:<no@example.org>") return "550 5.1.1 no";
                                if (command == ".") return "451 4.3.0 later";
                                return std::nullopt;
                              });
  ASSERT_TRUE(sink);
  auto client = SmtpClient::open((*sink)->port());
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->helo("a.example"));
  EXPECT_EQ(client->send({"", {"no@example.org"}, "x\n"}).value().text(), "550 5.1.1 no");
  EXPECT_EQ(client->send({"", {"no@example.org", "yes@example.org"}, "x\n"}).value().text(),
            "451 4.3.0 later");
  EXPECT_TRUE((*sink)->messages().empty());
}

TEST(SmtpSink, LmtpAnswersForEachRecipientRfc2033) {
  int dots = 0;
  auto sink = SmtpSink::start(SmtpSink::Protocol::lmtp,
                              [&](std::string_view command) -> std::optional<std::string> {
                                if (command == "." && ++dots == 2) return "550 5.2.1 second";
                                return std::nullopt;
                              });
  ASSERT_TRUE(sink);
  auto client = SmtpClient::open((*sink)->port());
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->command("LHLO a.example"));
  EXPECT_EQ(client->send({"", {"a@x", "b@x"}, "x\n"}).value().code, 250);
  EXPECT_EQ(client->read_reply().value().code, 550);
  EXPECT_EQ((*sink)->messages().at(0).recipients, std::vector<std::string>{"a@x"});
}

TEST(SmtpSink, EndsWithOpenConnections) {
  auto sink = SmtpSink::start();
  ASSERT_TRUE(sink);
  auto client = SmtpClient::open((*sink)->port());
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->mail("a@x"));
  ASSERT_TRUE(client->rcpt("b@x"));
  ASSERT_TRUE(client->data());
  ASSERT_TRUE(client->partial_content("half\n"));
  sink->reset();
  EXPECT_FALSE(client->read_reply());
}

}  // namespace
}  // namespace gatepost::test
