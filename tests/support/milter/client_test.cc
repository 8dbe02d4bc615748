#include "tests/support/milter/client.h"

#include <gtest/gtest.h>

#include "tests/support/milter/scripted_filter.h"
#include "tests/support/milter/transaction.h"

namespace gatepost::test::milter {
namespace {

using namespace std::string_literals;

std::string number(std::uint32_t value) {
  return encode_negotiate(value, 0, 0).substr(5, 4);
}
std::string negotiation(std::uint32_t version, std::uint32_t actions, std::uint32_t steps,
                        const std::string& lists = {}) {
  return encode_packet('O', number(version) + number(actions) + number(steps) + lists);
}
const std::string kContinue = encode_packet('c', {});

/// Answers the negotiation with this and everything that wants an answer with CONTINUE, except the
/// commands in `special`.
ScriptedFilter::Answer script(std::string agreed, std::map<char, std::string> special = {},
                              std::string silent = "") {
  return [=](char command, std::string_view) -> std::string {
    if (command == 'O') return agreed;
    if (const auto found = special.find(command); found != special.end()) return found->second;
    if (std::string_view("DAQK").find(command) != std::string_view::npos) return "";
    return silent.find(command) == silent.npos ? kContinue : "";
  };
}

MilterClient::Options quick() {
  MilterClient::Options options;
  options.reply_timeout = Milliseconds(3000);
  options.no_delay = true;
  return options;
}

Result<MilterClient> negotiated(const ScriptedFilter& filter, const Offer& offer = {},
                                const MilterClient::Options& options = quick()) {
  auto client = MilterClient::open(filter.endpoint(), options);
  if (!client) return client;
  if (auto agreed = client->negotiate(offer); !agreed) return agreed.error();
  return client;
}

const Transaction kTransaction = {"a@example.com",
                                  {},
                                  {"one@example.org", "two@example.org"},
                                  "From: <a@example.com>\nSubject: x\n y\n\nbody\n"};

Result<Outcome> greet_and_run(MilterClient& client, const Transaction& transaction = kTransaction) {
  if (auto reply = client.connect({}); !reply) return reply.error();
  if (auto reply = client.helo("a.example.com"); !reply) return reply.error();
  return run_transaction(client, transaction);
}

struct SequenceCase {
  const char* name;
  std::uint32_t steps;
  const char* silent;    ///< commands the filter does not answer
  const char* expected;  ///< commands it must have seen
};

const SequenceCase kSequenceCases[] = {
    {"everything", 0, "", "ODCDHDMDRDRDTDLDLDNDBDEA"},
    {"events_that_are_not_wanted_still_send_macros_outside_the_content",
     step::kNoConnect | step::kNoHelo | step::kNoMail | step::kNoRcpt | step::kNoData |
         step::kNoHeaders | step::kNoEndOfHeaders | step::kNoBody,
     "", "ODDDDDDDEA"},
    {"no_replies",
     step::kNoReplyConnect | step::kNoReplyHelo | step::kNoReplyMail | step::kNoReplyRcpt |
         step::kNoReplyData | step::kNoReplyHeader | step::kNoReplyEndOfHeaders |
         step::kNoReplyBody,
     "CHMRTLNB", "ODCDHDMDRDRDTDLDLDNDBDEA"},
};

TEST(Client, SendsWhatTheFilterAgreedTo) {
  for (const SequenceCase& c : kSequenceCases) {
    ScriptedFilter filter(script(negotiation(6, 0, c.steps), {}, c.silent));
    auto client = negotiated(filter);
    ASSERT_TRUE(client) << c.name << client.error().text();
    const auto outcome = greet_and_run(*client);
    ASSERT_TRUE(outcome) << c.name << outcome.error().text();
    EXPECT_TRUE(outcome->delivered()) << c.name;
    EXPECT_EQ(outcome->decided_at, Event::end_of_message) << c.name;
    ASSERT_TRUE(client->quit()) << c.name;
    std::string commands = filter.commands();
    for (int i = 0; i < 200 && !commands.ends_with("Q"); ++i) {
      std::this_thread::sleep_for(Milliseconds(5));
      commands = filter.commands();
    }
    EXPECT_EQ(commands, std::string(c.expected) + "Q") << c.name;
  }
}

TEST(Client, OlderFiltersGetNoNewerEvents) {
  for (const std::uint32_t version : {2U, 3U, 4U, 6U}) {
    ScriptedFilter filter(script(negotiation(version, 0, 0)));
    auto client = negotiated(filter);
    ASSERT_TRUE(client) << version;
    ASSERT_TRUE(client->connect({}));
    EXPECT_EQ(client->unknown("FOO").value().sent, version >= 3) << version;
    EXPECT_EQ(client->data().value().sent, version >= 4) << version;
  }
}

TEST(Client, OffersOnlyWhatTheVersionKnows) {
  ScriptedFilter filter(script(negotiation(2, 0, 0)));
  ASSERT_TRUE(negotiated(filter, {.version = 2}));
  EXPECT_EQ(filter.received().at(0), encode_negotiate(2, 0x3f, 0x7f).substr(4));
}

struct RefusalCase {
  const char* name;
  std::string answer;  ///< to the negotiation
  const char* error;
};

TEST(Client, RefusesABrokenNegotiation) {
  const std::string list = "\0\0\0\0j\0"s;
  const RefusalCase cases[] = {
      {"newer_version", negotiation(7, 0, 0), "version 7 was not offered"},
      {"too_old", negotiation(1, 0, 0), "version 1 was not offered"},
      {"unknown_action", negotiation(6, 0x200, 0), "actions that were not offered"},
      {"unknown_step", negotiation(6, 0, 0x200000), "steps that were not offered"},
      {"other_reply", kContinue, "answered with continue"},
      {"list_without_action", negotiation(6, 0, 0, list), "macro lists without the action"},
      {"giant_packet", "\xff\xff\xff\xffO", "at most"},
      {"hang_up", ScriptedFilter::kHangUp, "closed the connection"},
  };
  for (const RefusalCase& c : cases) {
    ScriptedFilter filter(script(c.answer));
    const auto client = negotiated(filter);
    ASSERT_FALSE(client) << c.name;
    EXPECT_NE(client.error().text().find(c.error), std::string::npos)
        << c.name << ": " << client.error().text();
  }
}

TEST(Macros, ArePostfixsListsByDefault) {
  ScriptedFilter filter(script(negotiation(6, 0, 0)));
  auto client = negotiated(filter);
  ASSERT_TRUE(client);
  client->set_macro("{auth_authen}", "joe");
  client->set_macro("{tls_version}", "TLSv1.3");
  ASSERT_TRUE(client->connect({"a.example", ClientInfo::Family::inet, 5, "192.0.2.1"}));
  ASSERT_TRUE(client->helo("a"));
  ASSERT_TRUE(client->mail("<joe@example.com>"));
  client->set_macro("i", "4Y");
  ASSERT_TRUE(client->rcpt("b@example.org"));
  ASSERT_TRUE(client->header("A", " b"));
  ASSERT_TRUE(client->abort());
  ASSERT_TRUE(client->mail(""));
  const auto packets = filter.received();
  ASSERT_EQ(packets.size(), 14U);  // O, six events with macros, ABORT
  EXPECT_EQ(packets[1],
            "DCj\0mx.example.test\0{daemon_name}\0mx.example.test\0{daemon_addr}\0"
            "127.0.0.1\0v\0Postfix 3.7.11\0_\0a.example [192.0.2.1]\0"s);
  EXPECT_EQ(packets[3], "DH{tls_version}\0TLSv1.3\0"s);
  EXPECT_EQ(packets[5],
            "DM{auth_authen}\0joe\0{mail_addr}\0joe@example.com\0{mail_host}\0example.com\0"
            "{mail_mailer}\0smtp\0"s);
  EXPECT_EQ(packets[7],
            "DRi\0"
            "4Y\0{rcpt_addr}\0b@example.org\0{rcpt_host}\0example.org\0{rcpt_mailer}\0smtp\0"s);
  EXPECT_EQ(packets[9],
            "DLi\0"
            "4Y\0"s);
  EXPECT_EQ(packets[12],
            "DM{auth_authen}\0joe\0{mail_addr}\0\0{mail_host}\0\0{mail_mailer}\0smtp\0"s);
}

TEST(Macros, OnlyThoseAskedForOnceAnyListIsSet) {
  ScriptedFilter filter(script(negotiation(
      6, action::kSetMacroList, 0, number(0) + "{client_addr} {i}\0"s + number(5) + "i\0"s)));
  auto client = negotiated(filter);
  ASSERT_TRUE(client) << client.error().text();
  ASSERT_TRUE(client->connect({}));
  ASSERT_TRUE(client->helo("a"));
  client->set_macro("i", "4Y");
  ASSERT_TRUE(client->mail("a@b"));
  ASSERT_TRUE(client->end_of_message());
  const auto packets = filter.received();
  ASSERT_EQ(packets.size(), 9U);
  EXPECT_EQ(packets[1],
            "DC{client_addr}\0"s
            "127.0.0.1\0"s);
  EXPECT_EQ(packets[3], "DH");
  EXPECT_EQ(packets[5], "DM");
  EXPECT_EQ(packets[7],
            "DEi\0"
            "4Y\0"s);
}

TEST(Client, SkipEndsTheRepetition) {
  ScriptedFilter filter(script(negotiation(6, 0, step::kSkip), {{'L', encode_packet('s', {})}}));
  auto client = negotiated(filter);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->connect({}));
  EXPECT_TRUE(client->header("A", "1").value().skip);
  EXPECT_FALSE(client->header("B", "2").value().sent);
  EXPECT_TRUE(client->end_of_headers().value().sent);
  EXPECT_TRUE(client->header("C", "3").value().sent);  // another event came between
  EXPECT_EQ(filter.commands(), "ODCDLDNDL");
}

TEST(Client, LeadingBlankOnlyWhenAskedFor) {
  for (const bool keeps : {false, true}) {
    ScriptedFilter filter(script(negotiation(6, 0, keeps ? step::kHeaderLeadingSpace : 0)));
    auto client = negotiated(filter);
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->connect({}));
    ASSERT_TRUE(client->header("A", " b"));
    ASSERT_TRUE(client->header("A", "\tb"));
    EXPECT_EQ(filter.received().at(4), keeps ? "LA\0 b\0"s : "LA\0b\0"s);
    EXPECT_EQ(filter.received().at(6), "LA\0\tb\0"s);
  }
}

TEST(Client, RefusedRecipientsOnlyWhenAskedFor) {
  for (const bool asks : {false, true}) {
    ScriptedFilter filter(script(negotiation(6, 0, asks ? step::kRejectedRecipients : 0)));
    auto client = negotiated(filter);
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->connect({}));
    ASSERT_TRUE(client->mail("a@b"));
    const auto reply = client->refused_rcpt("x@example.org", "5.1.1", "no such user");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->sent, asks);
    if (asks) {
      EXPECT_EQ(filter.received().at(5),
                "DR{rcpt_addr}\0no such user\0{rcpt_host}\0"
                "5.1.1\0{rcpt_mailer}\0error\0"s);
    }
  }
}

struct VerdictCase {
  const char* name;
  char at;  ///< the command that gets the answer
  std::string answer;
  Verdict verdict;
  const char* smtp;
  const char* commands;  ///< seen by the filter in all, for two messages
};

TEST(Client, SettlesAsPostfixDoes) {
  const std::string accept = encode_packet('a', {});
  const std::string reject = encode_packet('r', {});
  const std::string percent = encode_packet('y', "550 5.7.1 100%% no%\0"s);
  const VerdictCase cases[] = {
      {"accept_at_connect_ends_all_events", 'C', accept, Verdict::accept, "", "ODC"},
      {"accept_at_helo_ends_all_events", 'H', accept, Verdict::accept, "", "ODCDH"},
      {"accept_at_mail_ends_the_message", 'M', accept, Verdict::accept, "", "ODCDHDMADM"},
      {"discard_at_data_ends_the_message", 'T', encode_packet('d', {}), Verdict::discard, "",
       "ODCDHDMDRDRDTADMDRDRDT"},
      {"reject_at_helo_lasts", 'H', reject, Verdict::reject, "550 5.7.1 Command rejected", "ODCDH"},
      {"tempfail_at_connect_lasts", 'C', encode_packet('t', {}), Verdict::tempfail,
       "451 4.7.1 Service unavailable - try again later", "ODC"},
      {"reject_at_mail", 'M', reject, Verdict::reject, "550 5.7.1 Command rejected", "ODCDHDMADM"},
      {"no_recipient_left", 'R', percent, Verdict::reject, "550 5.7.1 100% no",
       "ODCDHDMDRDRADMDRDR"},
      {"reject_at_a_header", 'L', reject, Verdict::reject, "550 5.7.1 Command rejected",
       "ODCDHDMDRDRDTDLADMDRDRDTDL"},
      {"lines", 'E', encode_packet('y', "451-4.7.1 a\r\n451 4.7.1 b\0"s), Verdict::tempfail,
       "451-4.7.1 a\r\n451 4.7.1 b", "ODCDHDMDRDRDTDLDLDNDBDEADMDRDRDTDLDLDNDBDE"},
      {"shutdown_ends_all_events", 'M', encode_packet('4', {}), Verdict::shutdown,
       "421 4.7.0 Service unavailable - closing connection", "ODCDHDM"},
      {"conn_fail_ends_all_events", 'M', encode_packet('f', {}), Verdict::connection_failed, "",
       "ODCDHDM"},
  };
  for (const VerdictCase& c : cases) {
    ScriptedFilter filter(script(negotiation(6, 0, 0), {{c.at, c.answer}}));
    auto client = negotiated(filter);
    ASSERT_TRUE(client) << c.name;
    const auto first = greet_and_run(*client);
    ASSERT_TRUE(first) << c.name << ": " << first.error().text();
    const auto second = run_transaction(*client, kTransaction);
    ASSERT_TRUE(second) << c.name << ": " << second.error().text();
    for (const auto* outcome : {&*first, &*second}) {
      EXPECT_EQ(outcome->final.verdict, c.verdict) << c.name;
      EXPECT_EQ(outcome->final.smtp(), c.smtp) << c.name;
    }
    // The last ABORT waits in our buffer: nothing has had to be answered since.
    EXPECT_EQ(filter.commands(), c.commands) << c.name;
  }
}

struct BreachCase {
  const char* name;
  char at;
  std::string answer;
  const char* error;
};

TEST(Client, NamesEachBreachOfTheProtocol) {
  const std::string add = encode_packet('h', "A\0b\0"s);
  const std::string chunk = encode_packet('b', "x\r\n");
  const BreachCase cases[] = {
      {"edit_before_the_end", 'M', add, "add header is allowed at end of message only"},
      {"quarantine_before_the_end", 'M', encode_packet('q', "x\0"s),
       "quarantine is allowed at end of message only"},
      {"edit_that_was_not_negotiated", 'E', encode_packet('-', "<a>\0"s),
       "delete recipient was not negotiated"},
      {"discard_at_connect", 'C', encode_packet('d', {}), "discard before a message began"},
      {"skip_not_negotiated", 'L', encode_packet('s', {}), "skip is not allowed here"},
      {"negotiation_again", 'H', negotiation(6, 0, 0), "a second negotiation"},
      {"interrupted_body", 'E', chunk + add + chunk, "replace body is interrupted"},
      {"unknown_reply", 'M', encode_packet('z', {}), "no reply of the protocol"},
      {"hang_up", 'M', ScriptedFilter::kHangUp, "closed the connection"},
  };
  for (const BreachCase& c : cases) {
    ScriptedFilter filter(
        script(negotiation(6, action::kAddHeaders | action::kReplaceBody | action::kQuarantine, 0),
               {{c.at, c.answer}}));
    auto client = negotiated(filter);
    ASSERT_TRUE(client) << c.name;
    const auto outcome = greet_and_run(*client);
    ASSERT_FALSE(outcome) << c.name;
    EXPECT_NE(outcome.error().text().find(c.error), std::string::npos)
        << c.name << ": " << outcome.error().text();
    EXPECT_FALSE(client->helo("again")) << c.name;  // closed for good
  }
}

TEST(Client, BudgetsEndAFloodOfReplies) {
  std::string flood;
  for (int i = 0; i < 20; ++i) flood += encode_packet('p', {});
  for (const char kind : {'p', 'h'}) {
    MilterClient::Options options = quick();
    options.limits.progress = options.limits.modifications = 10;
    std::string answer;
    for (int i = 0; i < 20; ++i) answer += encode_packet(kind, kind == 'h' ? "A\0b\0"s : "");
    ScriptedFilter filter(
        script(negotiation(6, action::kAddHeaders, 0), {{'E', answer + kContinue}}));
    auto client = negotiated(filter, {}, options);
    ASSERT_TRUE(client);
    const auto outcome = greet_and_run(*client);
    ASSERT_FALSE(outcome) << kind;
    EXPECT_EQ(outcome.error().kind, ErrorKind::permanent) << kind;
  }
}

TEST(Client, ASilentFilterIsATemporaryError) {
  MilterClient::Options options = quick();
  options.reply_timeout = Milliseconds(50);
  ScriptedFilter filter(script(negotiation(6, 0, 0), {}, "H"));
  auto client = negotiated(filter, {}, options);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->connect({}));
  const auto reply = client->helo("a");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::temporary);
  EXPECT_EQ(reply.error().text(), "reply to HELO: receive: timed out");
}

TEST(Client, ModificationsComeWithTheReply) {
  const std::string edits = encode_packet('p', {}) + encode_packet('i', number(0) + "X-Top\0t\0"s) +
                            encode_packet('i', number(1) + "X-Second\0s\0"s) +
                            encode_packet('h', "X-Last\0l\0"s) +
                            encode_packet('m', number(1) + "subject\0new\0"s) +
                            encode_packet('m', number(1) + "From\0\0"s) + encode_packet('b', "B1") +
                            encode_packet('b', "B2\r\n") + encode_packet('q', "why\0"s) + kContinue;
  ScriptedFilter filter(
      script(negotiation(6, action::kAll & ~action::kSetMacroList, 0), {{'E', edits}}));
  auto client = negotiated(filter);
  ASSERT_TRUE(client);
  const auto outcome = greet_and_run(*client);
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(outcome->final.progress, 1);
  EXPECT_EQ(outcome->final.modifications.size(), 8U);
  EXPECT_EQ(outcome->final.quarantine(), "why");
  EXPECT_EQ(outcome->final.added_headers("x-top"), std::vector<std::string>{"t"});
  EXPECT_EQ(outcome->edited.text(),
            "X-Second: s\r\nX-Top: t\r\nSubject: new\r\nX-Last: l\r\n\r\nB1B2\r\n");
}

TEST(Client, QuitNewConnectionServesTheNextSession) {
  ScriptedFilter filter(script(negotiation(6, 0, 0)));
  auto client = negotiated(filter);
  ASSERT_TRUE(client);
  ASSERT_TRUE(greet_and_run(*client));
  ASSERT_TRUE(client->quit_new_connection());
  const auto outcome = greet_and_run(*client);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(filter.commands(), "ODCDHDMDRDRDTDLDLDNDBDEAKDCDHDMDRDRDTDLDLDNDBDE");
}

TEST(Client, LongBodiesGoInChunks) {
  ScriptedFilter filter(script(negotiation(6, 0, 0)));
  auto client = negotiated(filter);
  ASSERT_TRUE(client);
  Transaction transaction = kTransaction;
  for (int i = 0; i < 3000; ++i) transaction.message += std::string(60, 'x') + "\n";
  ASSERT_TRUE(greet_and_run(*client, transaction));
  std::size_t octets = 0;
  for (const std::string& packet : filter.received()) {
    if (packet[0] != 'B') continue;
    EXPECT_LE(packet.size(), kMaxBodyChunk + 1);
    octets += packet.size() - 1;
  }
  EXPECT_EQ(octets, 3000U * 62 + 6);
  EXPECT_FALSE(client->body(std::string(kMaxBodyChunk + 1, 'x')));
}

struct ParseCase {
  const char* name;
  const char* text;
  const char* expected;  ///< the text again, with CR LF
};

constexpr ParseCase kParseCases[] = {
    {"folded", "A: b\n c\n\nd\n", "A: b\r\n c\r\n\r\nd\r\n"},
    {"crlf", "A:b\r\n\r\nd\r\n", "A:b\r\n\r\nd\r\n"},
    {"no_body", "A: b\n", "A: b\r\n\r\n"},
    {"no_header", "just text\n", "\r\njust text\r\n"},
    {"blank_line_first", "\nA: b\n", "\r\nA: b\r\n"},
    {"last_line_open", "A: b\n\nd", "A: b\r\n\r\nd\r\n"},
    {"empty", "", "\r\n"},
};

TEST(MessageParts, RoundTrip) {
  for (const ParseCase& c : kParseCases) {
    EXPECT_EQ(MessageParts::parse(c.text).text(), c.expected) << c.name;
  }
}

}  // namespace
}  // namespace gatepost::test::milter
