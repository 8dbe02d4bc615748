// Releases against a mail server that shows what it got; its filter is asked with what arrived.

#include "filter/quarantine/release.h"

#include <functional>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filter/quarantine/token.h"
#include "tests/filter/quarantine/quarantine_test.h"
#include "tests/support/postfix/smtp_sink.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::quarantine {
namespace {

using test::kLetter;
using test::message_of;
using test::record_of;
using test::SmtpSink;
using ::testing::HasSubstr;
using Kind = ReleaseOutcome::Kind;

/// The quarantine itself, in this process.
class DirectJournal : public ReleaseJournal {
 public:
  explicit DirectJournal(DiskQuarantine& quarantine) : quarantine_(quarantine) {}
  Result<std::optional<Begun>> begin(const std::string& reference, bool again) override {
    return quarantine_.begin_release(reference, again);
  }
  Result<bool> end(const std::string& reference, const std::string& nonce,
                   const std::vector<std::string>& delivered, bool whole) override {
    if (deaf) return temporary_error("nobody answers");
    return quarantine_.end_release(reference, nonce, delivered, whole);
  }
  bool deaf = false;

 private:
  DiskQuarantine& quarantine_;
};

struct Release : ::testing::Test {
  Release()
      : quarantine({.directory = folder / "q", .min_free = 0}, clock, metrics, {}),
        journal(quarantine) {
    EXPECT_TRUE(keep("AAA-1", kLetter).ok());
    quarantine.confirm("AAA-1");
    start({});
  }
  Result<void> keep(const std::string& reference, const std::string& text) {
    return quarantine.keep(*message_of(text), record_of(reference));
  }
  void start(SmtpSink::Answer answer) {
    auto started = SmtpSink::start(SmtpSink::Protocol::smtp, std::move(answer));
    ASSERT_TRUE(started.ok());
    sink = std::move(*started);
    options.directory = folder / "q";
    options.server = {"127.0.0.1", std::to_string(sink->port())};
  }
  ReleaseOutcome run(const std::string& reference = "AAA-1") {
    return release(reference, journal, options, clock);
  }
  State state() { return (**quarantine.find("AAA-1")).state; }
  /// What the filter says of a message that came to the server.
  ReleaseCheck filter_says(const test::DeliveredMessage& m) {
    const auto check = quarantine.check_release(*message_of(m.content),
                                                test::envelope_of(m.mail_from, m.recipients));
    return check.value_or(ReleaseCheck{false, "no token"});
  }

  test::TempFolder folder;
  FakeClock clock;
  Metrics metrics;
  DiskQuarantine quarantine;
  DirectJournal journal;
  ReleaseOptions options;
  std::unique_ptr<SmtpSink> sink;
};

TEST_F(Release, DeliversTheMessageAsItCame) {
  const ReleaseOutcome outcome = run();
  EXPECT_EQ(outcome.kind, Kind::released) << outcome.detail;
  EXPECT_TRUE(outcome.unseen) << "this server asks no filter";
  ASSERT_EQ(sink->messages().size(), 1U);
  const auto message = sink->messages()[0];
  EXPECT_EQ(message.mail_from, "ann@a.example");
  EXPECT_EQ(message.recipients.size(), 2U);
  EXPECT_THAT(message.content, ::testing::StartsWith("X-Gatepost-Release: v=1; r=AAA-1;"));
  EXPECT_THAT(message.content,
              ::testing::EndsWith("From: Ann <ann@a.example>\r\nTo: bob@here.example\r\n"
                                  "Subject: hello\r\nMessage-ID: <1@a.example>\r\n\r\n"
                                  ".dot\r\nbody\r\n"));
  EXPECT_EQ(state(), State::released);
  EXPECT_EQ(run().kind, Kind::refused) << "once";
  EXPECT_EQ(sink->messages().size(), 1U);
  options.again = true;
  EXPECT_EQ(run().kind, Kind::released);
  EXPECT_EQ(sink->messages().size(), 2U);
}

TEST_F(Release, KeepsTheNullSender) {
  Record bounce = record_of("BBB-1");
  bounce.envelope.mail_from.clear();
  ASSERT_TRUE(quarantine.keep(*message_of(kLetter), bounce).ok());
  EXPECT_EQ(run("BBB-1").kind, Kind::released);
  EXPECT_EQ(sink->messages().at(0).mail_from, "");
}

// The token as the filter meets it while the release is under way, and what was done to it.
struct TokenCase {
  const char* name;
  std::function<void(test::DeliveredMessage&)> change;
  bool good;
  const char* detail;
};

void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

TEST_F(Release, TheFilterKnowsItsToken) {
  const TokenCase cases[] = {
      {"as_sent", [](auto&) {}, true, "AAA-1"},
      {"received_on_top", [](auto& m) { m.content = "Received: from x\r\n by y\r\n" + m.content; },
       true, "AAA-1"},
      {"other_body", [](auto& m) { m.content += "more\r\n"; }, false, "another content"},
      {"other_subject", [](auto& m) { replace(m.content, "hello", "HELLO"); }, false,
       "another content"},
      {"other_from", [](auto& m) { replace(m.content, "<ann@", "<eve@"); }, false,
       "another content"},
      {"other_sender", [](auto& m) { m.mail_from = "eve@a.example"; }, false, "envelope"},
      {"more_recipients", [](auto& m) { m.recipients.push_back("eve@a.example"); }, false,
       "envelope"},
      {"fewer_recipients", [](auto& m) { m.recipients.pop_back(); }, false, "envelope"},
      {"expiry_put_off", [](auto& m) { replace(m.content, "x=17", "x=18"); }, false, "forged"},
      {"two_tokens",
       [](auto& m) { m.content = m.content.substr(0, m.content.find("From:")) + m.content; }, false,
       "several"},
      {"other_reference", [](auto& m) { replace(m.content, "r=AAA-1", "r=ZZZ-1"); }, false,
       "does not exist"},
      {"none", [](auto& m) { m.content.erase(0, m.content.find("From:")); }, false, "no token"},
  };
  std::vector<std::string> seen;
  test::DeliveredMessage sent;
  start([&](std::string_view command) -> std::optional<std::string> {
    // At the final dot the release is under way: its token is good now.
    if (command == ".") return "451 4.3.0 first the token must be seen";
    return std::nullopt;
  });
  // The sink keeps accepted messages only: take the token from the file and the journal instead.
  const auto begun = *quarantine.begin_release("AAA-1", false);
  ASSERT_TRUE(begun);
  const auto head = EntryFolder::read_head(*quarantine.file_of("AAA-1"));
  ReleaseToken token{"AAA-1", begun->entry.nonce, clock.unix_time() + 60, head->entry.bound, ""};
  token.mac = token_mac(*read_secret(secret_file(folder / "q")), token, head->entry.digest,
                        envelope_digest("ann@a.example", begun->recipients));
  sent.mail_from = "ann@a.example";
  sent.recipients = begun->recipients;
  sent.content = "X-Gatepost-Release: " + format_token(token) + "\r\n" +
                 std::string(
                     "From: Ann <ann@a.example>\r\nTo: bob@here.example\r\n"
                     "Subject: hello\r\nMessage-ID: <1@a.example>\r\n\r\n.dot\r\nbody\r\n");
  for (const TokenCase& c : cases) {
    test::DeliveredMessage message = sent;
    c.change(message);
    const ReleaseCheck check = filter_says(message);
    EXPECT_EQ(check.good, c.good) << c.name << ": " << check.detail;
    EXPECT_THAT(check.detail, HasSubstr(c.detail)) << c.name;
  }
  clock.advance(std::chrono::minutes(2));
  EXPECT_THAT(filter_says(sent).detail, HasSubstr("expired"));
  clock.advance(-std::chrono::minutes(2));
  EXPECT_TRUE(filter_says(sent).good) << "until the client got its 250";
  EXPECT_TRUE(*quarantine.end_release("AAA-1", begun->entry.nonce, {"*"}, false)) << "it was seen";
  const ReleaseCheck replayed = filter_says(sent);
  EXPECT_FALSE(replayed.good) << "burned";
  EXPECT_THAT(replayed.detail, HasSubstr("used already"));
}

// What the mail server answers to what, and what becomes of the entry.
struct AnswerCase {
  const char* name;
  const char* command;
  const char* answer;
  Kind kind;
  bool temporary;
  State state;
};

const AnswerCase kAnswers[] = {
    {"ehlo", "EHLO", "421 4.3.2 not now", Kind::failed, true, State::stored},
    {"mail_later", "MAIL", "451 4.3.0 later", Kind::failed, true, State::stored},
    {"mail_never", "MAIL", "550 5.7.1 no", Kind::failed, false, State::stored},
    {"rcpt_never", "RCPT", "550 5.1.1 who", Kind::failed, false, State::stored},
    {"data_later", "DATA", "451 4.3.0 later", Kind::failed, true, State::stored},
    {"content_later", ".", "452 4.3.1 full", Kind::failed, true, State::stored},
    {"content_never", ".", "554 5.6.0 no", Kind::failed, false, State::stored},
    {"not_smtp", "MAIL", "hello there", Kind::failed, false, State::stored},
    {"nonsense_at_the_end", ".", "what", Kind::unknown, true, State::releasing},
};

class Answers : public Release, public ::testing::WithParamInterface<AnswerCase> {};

TEST_P(Answers, DecideTheState) {
  const AnswerCase& c = GetParam();
  start([&](std::string_view command) -> std::optional<std::string> {
    if (!command.starts_with(c.command)) return std::nullopt;
    return std::string(c.answer);
  });
  const ReleaseOutcome outcome = run();
  EXPECT_EQ(outcome.kind, c.kind) << outcome.detail;
  EXPECT_EQ(outcome.temporary, c.temporary) << outcome.detail;
  EXPECT_EQ(state(), c.state);
  EXPECT_TRUE(outcome.delivered.empty());
  start({});
  EXPECT_EQ(run().kind, Kind::released) << "the filter let nothing pass: it may be tried again";
}

INSTANTIATE_TEST_SUITE_P(Of, Answers, ::testing::ValuesIn(kAnswers),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(Release, WhoWasRefusedStaysToBeReleased) {
  start([](std::string_view command) -> std::optional<std::string> {
    if (command.find("cy@") == std::string_view::npos) return std::nullopt;
    return "452 4.2.2 mailbox full";
  });
  const ReleaseOutcome outcome = run();
  EXPECT_EQ(outcome.kind, Kind::partly);
  EXPECT_EQ(outcome.delivered, std::vector<std::string>{"bob@here.example"});
  EXPECT_EQ(state(), State::stored);
  start({});
  EXPECT_EQ(run().kind, Kind::released);
  ASSERT_EQ(sink->messages().size(), 1U);
  EXPECT_EQ(sink->messages()[0].recipients, std::vector<std::string>{"cy@here.example"});
  EXPECT_EQ(state(), State::released);
}

TEST_F(Release, ToSomebodyElse) {
  options.to = {"admin@here.example"};
  EXPECT_EQ(run().kind, Kind::released);
  EXPECT_EQ(sink->messages()[0].recipients, options.to);
  EXPECT_EQ(state(), State::released);
}

TEST_F(Release, NobodyListens) {
  const std::string port = options.server.port;
  sink.reset();
  const ReleaseOutcome outcome = run();
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_TRUE(outcome.temporary);
  EXPECT_EQ(state(), State::stored);
}

TEST_F(Release, OneAtATime) {
  const auto file = *quarantine.file_of("AAA-1");
  const File other(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(lock_entry(other.get()));
  const ReleaseOutcome outcome = run();
  EXPECT_EQ(outcome.kind, Kind::refused);
  EXPECT_TRUE(outcome.temporary);
  EXPECT_FALSE(quarantine.erase("AAA-1").ok()) << "not deleted under a release either";
}

TEST_F(Release, ADeliveryThatCannotBeNotedIsNotRepeated) {
  // The filter lets it pass, the server takes it, then the daemon is gone for good.
  journal.deaf = true;
  start([&](std::string_view command) -> std::optional<std::string> {
    if (command == ".") {
      // What the filter would note at this moment.
      const auto begun = **quarantine.find("AAA-1");
      EXPECT_EQ(begun.state, State::releasing);
    }
    return std::nullopt;
  });
  EXPECT_EQ(run().kind, Kind::unknown);
  EXPECT_EQ(state(), State::releasing);
  ASSERT_TRUE(filter_says(sink->messages().at(0)).good);  // as the milter before the 250
  journal.deaf = false;
  const ReleaseOutcome second = run();
  EXPECT_EQ(second.kind, Kind::refused);
  EXPECT_THAT(second.detail, HasSubstr("--again"));
  EXPECT_EQ(sink->messages().size(), 1U);
}

TEST_F(Release, UnknownReferencesAndNamesOfFiles) {
  for (const char* reference : {"ZZZ-9", "", "../release.key", "a/b"})
    EXPECT_EQ(run(reference).kind, Kind::refused) << reference;
}

TEST_F(Release, AnAddressWithALineBreakIsNoCommand) {
  Record hostile = record_of("BBB-1");
  hostile.envelope.recipients[0].address = "a@b.example>\r\nRSET";
  ASSERT_TRUE(quarantine.keep(*message_of(kLetter), hostile).ok());
  const ReleaseOutcome outcome = run("BBB-1");
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_TRUE(sink->messages().empty());
}

TEST(SmtpServer, Parses) {
  EXPECT_EQ(SmtpServer::parse("127.0.0.1:25")->host, "127.0.0.1");
  EXPECT_EQ(SmtpServer::parse("[::1]:2525")->host, "::1");
  EXPECT_EQ(SmtpServer::parse("mail.example:587")->port, "587");
  for (const char* wrong :
       {"", "host", ":25", "host:", "host:0", "host:70000", "host:2x", "::1:25", "[]:25"})
    EXPECT_FALSE(SmtpServer::parse(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace gatepost::quarantine
