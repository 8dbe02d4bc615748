#include "filter/session/session.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/session/session_rig.h"

namespace gatepost::test {
namespace {

using ::testing::ElementsAre;
using Scope = CheckInfo::Scope;

// Asks for slow.example at a hook and states a finding when it is known.
TestCheck slow_check(std::string_view name, Scope scope, const char* finding) {
  TestCheck check{.name = name, .scope = scope};
  auto& hook = scope == Scope::connection ? check.connect : check.mail;
  hook = [](CheckContext& c) { c.start<std::string>(std::make_unique<TxtFlow>("slow.example")); };
  check.conclude = [finding](CheckContext& c) {
    c.add(finding);
    return true;
  };
  return check;
}

TEST(Session, AnswersEachStageExactlyOnce) {
  SessionRig rig({});
  EXPECT_EQ(rig.connect().stage, Stage::connect);
  EXPECT_EQ(rig.helo("h.example").stage, Stage::helo);
  EXPECT_EQ(rig.mail().stage, Stage::mail);
  EXPECT_EQ(rig.rcpt().stage, Stage::rcpt);
  EXPECT_EQ(rig.data().stage, Stage::data);
  EXPECT_EQ(rig.end_of_headers().stage, Stage::end_of_headers);
  EXPECT_TRUE(rig.session->body("hello\r\n"));
  const Verdict verdict = rig.end_of_message();
  EXPECT_EQ(verdict.stage, Stage::end_of_message);
  EXPECT_EQ(verdict.action, Action::none);
  EXPECT_EQ(rig.records.size(), 1U);
  EXPECT_FALSE(rig.session->in_transaction());
}

TEST(Session, HooksComeInTheOrderOfSmtp) {
  std::string seen;
  const auto note = [&seen](const char* word) {
    return [&seen, word](CheckContext&) { seen += std::string(word) + " "; };
  };
  TestCheck both{.name = "both"};
  both.connect = note("connect"), both.helo = note("helo"), both.mail = note("mail");
  both.rcpt = note("rcpt"), both.data = note("data"), both.header = note("header");
  both.end_of_headers = note("eoh"), both.body = note("body"), both.end_of_message = note("eom");
  both.conclude = [&seen](CheckContext&) { return seen += "conclude ", true; };
  SessionRig rig({both.info()});
  rig.send({});
  EXPECT_EQ(seen, "mail rcpt data header header eoh body eom conclude ");
}

// What a thrown exception of any hook makes of the message.
struct ThrowCase {
  const char* name;
  TestCheck::Hook TestCheck::*hook;
  Scope scope;
  Stage answered;
};

constexpr auto kConnection = Scope::connection;
constexpr auto kTransaction = Scope::transaction;
const ThrowCase kThrowCases[] = {
    {"connect", &TestCheck::connect, kConnection, Stage::rcpt},
    {"helo", &TestCheck::helo, kConnection, Stage::rcpt},
    {"mail", &TestCheck::mail, kTransaction, Stage::rcpt},
    {"rcpt", &TestCheck::rcpt, kTransaction, Stage::rcpt},
    {"data", &TestCheck::data, kTransaction, Stage::data},
    {"header", &TestCheck::header, kTransaction, Stage::end_of_headers},
    {"end_of_headers", &TestCheck::end_of_headers, kTransaction, Stage::end_of_headers},
    {"body", &TestCheck::body, kTransaction, Stage::end_of_message},
    {"end_of_message", &TestCheck::end_of_message, kTransaction, Stage::end_of_message},
};

class CheckThrows : public ::testing::TestWithParam<ThrowCase> {};

TEST_P(CheckThrows, IsACheckErrorAndTempfail) {
  TestCheck check{.name = "broken", .scope = GetParam().scope};
  check.*GetParam().hook = [](CheckContext&) { throw std::runtime_error("of ours"); };
  SessionRig rig({check.info()});
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.action, Action::tempfail);
  EXPECT_EQ(verdict.stage, GetParam().answered);
  EXPECT_EQ(verdict.reply.code, 451);
  EXPECT_EQ(verdict.reply.enhanced, "4.3.0");
  ASSERT_FALSE(rig.records.empty());
  ASSERT_FALSE(rig.records[0].findings.empty());
  EXPECT_EQ(rig.records[0].findings[0].name, "CHECK_ERROR");
  EXPECT_EQ(rig.records[0].findings[0].detail, "broken: of ours");
}

INSTANTIATE_TEST_SUITE_P(Hooks, CheckThrows, ::testing::ValuesIn(kThrowCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Session, ConcludeThatThrowsIsACheckErrorToo) {
  TestCheck check{.name = "broken"};
  check.conclude = [](CheckContext&) -> bool { throw std::logic_error("x"); };
  SessionRig rig({check.info()});
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.action, Action::tempfail);
  EXPECT_EQ(rig.findings(), "CHECK_ERROR") << "once, it is not called again";
}

TEST(Session, FindingOutsideOfTheTableIsACheckError) {
  TestCheck check{.name = "odd"};
  check.mail = [](CheckContext& c) { c.add("NO_SUCH_FINDING"); };
  SessionRig rig({check.info()});
  EXPECT_EQ(rig.send({}).action, Action::tempfail);
  EXPECT_EQ(rig.findings(), "CHECK_ERROR");
  EXPECT_EQ(rig.records[0].findings[0].detail, "unknown finding NO_SUCH_FINDING");
}

TEST(Session, CheckConcludesBehindThoseItNeeds) {
  std::string order;
  const auto named = [&order](std::string_view name, std::vector<std::string_view> needs) {
    TestCheck check{.name = name, .needs = std::move(needs)};
    check.conclude = [&order, name](CheckContext&) { return order += name, order += ' ', true; };
    return check;
  };
  TestCheck slow = named("c", {});
  slow.mail = [](CheckContext& c) {
    c.start<std::string>(std::make_unique<TxtFlow>("slow.example"));
  };
  SessionRig rig(
      {named("a", {"b"}).info(), named("b", {"c"}).info(), slow.info(), named("d", {}).info()});
  rig.resolver.hold(true);
  rig.connect(), rig.helo("h.example"), rig.mail(), rig.rcpt(), rig.data(), rig.end_of_headers();
  StageAnswer answer;
  rig.session->end_of_message(SessionRig::into(answer));
  rig.run();
  EXPECT_EQ(order, "d ") << "the others wait for c";
  EXPECT_EQ(answer.calls, 0);
  rig.resolver.release_all();
  EXPECT_EQ(answer.calls, 0) << "on the executor, not on the thread that brings the answer";
  rig.run();
  EXPECT_EQ(answer.calls, 1);
  EXPECT_EQ(order, "d c b a ");
}

TEST(Session, ConcludeMayStartAnotherFlow) {
  TestCheck check{.name = "twice"};
  auto rounds = std::make_shared<int>(0);
  check.conclude = [rounds](CheckContext& c) {
    if (++*rounds == 3) return true;
    c.start<std::string>(std::make_unique<TxtFlow>("slow" + std::to_string(*rounds) + ".example"));
    return false;
  };
  SessionRig rig({check.info()});
  rig.resolver.hold(true);
  rig.connect(), rig.mail(), rig.rcpt(), rig.data(), rig.end_of_headers();
  StageAnswer answer;
  rig.session->end_of_message(SessionRig::into(answer));
  for (int round = 1; round <= 2; ++round) {
    rig.run();
    EXPECT_EQ(*rounds, round);
    EXPECT_EQ(answer.calls, 0);
    EXPECT_EQ(rig.resolver.release_all(), 1U);
  }
  rig.run();
  EXPECT_EQ(*rounds, 3);
  EXPECT_EQ(answer.calls, 1);
}

// Only a finding that could be answered there makes a stage wait.
TEST(Session, RcptWaitsOnlyForWhatThePolicyNeedsThere) {
  for (const auto action : {Action::none, Action::tag, Action::tempfail, Action::reject}) {
    const bool needed = action == Action::tempfail || action == Action::reject;
    SessionRig rig({slow_check("iprev", Scope::connection, "IPREV_FAIL").info()});
    rig.set_policy([&](Policy& p) { p.set_rule("IPREV_FAIL", {1, action}); });
    rig.resolver.hold(true);
    rig.connect(), rig.helo("h.example"), rig.mail();
    StageAnswer answer;
    rig.session->rcpt("<bob@here.example>", SessionRig::into(answer));
    rig.run();
    EXPECT_EQ(answer.calls, needed ? 0 : 1) << to_string(action);
    EXPECT_EQ(rig.places.taken(), needed ? 1U : 0U);
    rig.resolver.release_all();
    rig.run();
    EXPECT_EQ(answer.calls, 1) << to_string(action);
    EXPECT_EQ(answer.verdict.action, needed ? action : Action::none);
    EXPECT_EQ(rig.places.taken(), 0U);
    EXPECT_EQ(rig.metrics.counter("session.waits").value(), needed ? 1 : 0);
  }
}

TEST(Session, WhatIsCachedIsNotWaitedFor) {
  SessionRig rig({slow_check("iprev", Scope::connection, "IPREV_FAIL").info()});
  rig.set_policy([](Policy& p) { p.set_rule("IPREV_FAIL", {1, Action::reject}); });
  rig.resolver.set_cached(true);
  StageAnswer answer;
  rig.connect(), rig.mail();
  rig.session->rcpt("<bob@here.example>", SessionRig::into(answer));
  EXPECT_EQ(answer.calls, 1) << "before the call returned";
  EXPECT_EQ(answer.verdict.action, Action::reject);
  EXPECT_EQ(rig.metrics.counter("session.waits").value(), 0);
}

TEST(Session, AbortWhileWaitingCallsNobodyAndLeavesNothing) {
  const TestCheck check = slow_check("spf", Scope::transaction, "SPF_FAIL");
  SessionRig rig({check.info()});
  rig.resolver.hold(true);
  rig.connect(), rig.mail(), rig.rcpt(), rig.data(), rig.end_of_headers();
  rig.session->body(std::string(1000, 'x'));
  EXPECT_EQ(check.count(), 1);
  EXPECT_GT(rig.budget->used(), 0U);
  StageAnswer answer;
  rig.session->end_of_message(SessionRig::into(answer));
  rig.run();
  EXPECT_EQ(rig.places.taken(), 1U);
  rig.session->abort();
  EXPECT_EQ(rig.places.taken(), 0U);
  EXPECT_EQ(check.count(), 0) << "destruction is the reset";
  EXPECT_EQ(rig.budget->used(), 0U);
  rig.resolver.release_all();
  rig.run();
  EXPECT_EQ(answer.calls, 0);
  EXPECT_TRUE(rig.records.empty());

  rig.resolver.hold(false);
  EXPECT_EQ(rig.mail().stage, Stage::mail) << "the connection goes on";
  rig.rcpt();
  EXPECT_EQ(rig.content("Subject: x\n\n").stage, Stage::end_of_message);
  EXPECT_EQ(rig.findings(), "SPF_FAIL");
}

TEST(Session, CloseWhileWaitingForTheConnectionCallsNobody) {
  SessionRig rig({slow_check("iprev", Scope::connection, "IPREV_FAIL").info()});
  rig.set_policy([](Policy& p) {
    p.set_rule("IPREV_FAIL", {1, Action::reject});
    p.answer_at_rcpt = false;
  });
  rig.resolver.hold(true);
  StageAnswer answer;
  rig.session->connect(SessionRig::client(), SessionRig::into(answer));
  rig.run();
  EXPECT_EQ(answer.calls, 0);
  rig.close();
  EXPECT_EQ(rig.places.taken(), 0U);
  rig.resolver.release_all();
  rig.run();
  EXPECT_EQ(answer.calls, 0);
}

TEST(Session, SecondTransactionKeepsWhatTheConnectionIs) {
  TestCheck of_connection{.name = "iprev", .scope = Scope::connection};
  of_connection.connect = [](CheckContext& c) { c.add("IPREV_FAIL"); };
  TestCheck of_transaction{.name = "spf"};
  of_transaction.mail = [](CheckContext& c) {
    if (c.envelope().mail_from == "first@a.example") c.add("SPF_FAIL");
  };
  SessionRig rig({of_connection.info(), of_transaction.info()});
  rig.connect();
  rig.mail("<first@a.example>"), rig.rcpt(), rig.content("Subject: 1\n\n");
  EXPECT_EQ(rig.findings(), "IPREV_FAIL SPF_FAIL");
  rig.mail("<second@a.example>"), rig.rcpt("<eve@here.example>"), rig.content("Subject: 2\n\n");
  EXPECT_EQ(rig.findings(), "IPREV_FAIL");
  ASSERT_EQ(rig.records.size(), 2U);
  EXPECT_EQ(rig.records[1].envelope.mail_from, "second@a.example");
  ASSERT_EQ(rig.records[1].envelope.recipients.size(), 1U);
  EXPECT_EQ(rig.records[1].envelope.recipients[0].address, "eve@here.example");
  EXPECT_NE(rig.records[0].reference, rig.records[1].reference);
  EXPECT_EQ(rig.records[0].session_id, rig.records[1].session_id);
  EXPECT_EQ(of_connection.count(), 1);
  EXPECT_EQ(of_transaction.count(), 0);
  rig.close();
  EXPECT_EQ(of_connection.count(), 0);
}

TEST(Session, MailWithoutAnEndDropsTheOneBefore) {
  TestCheck check{.name = "spf"};
  check.mail = [](CheckContext& c) { c.add("SPF_FAIL"); };
  SessionRig rig({check.info()});
  rig.connect(), rig.mail("<first@a.example>"), rig.rcpt("<one@here.example>");
  rig.mail("<second@a.example>"), rig.rcpt("<two@here.example>");
  EXPECT_EQ(check.count(), 1);
  rig.content("Subject: x\n\n");
  EXPECT_EQ(rig.findings(), "SPF_FAIL");
  ASSERT_EQ(rig.records[0].envelope.recipients.size(), 1U);
  EXPECT_EQ(rig.records[0].envelope.recipients[0].address, "two@here.example");
}

TEST(Session, SecondEhloReplacesWhatTheFirstSaid) {
  TestCheck check{.name = "client_lists", .scope = Scope::connection};
  check.connect = [](CheckContext& c) { c.add("IPREV_FAIL", "of connect"); };
  check.helo = [](CheckContext& c) {
    if (c.connection().helo == "bad.example") c.add("DENY_HELO", c.connection().helo);
  };
  SessionRig rig({check.info()});
  rig.connect(), rig.helo("bad.example"), rig.mail();
  EXPECT_EQ(rig.rcpt().reply.code, 550);
  EXPECT_EQ(rig.findings(), "IPREV_FAIL DENY_HELO");
  rig.session->abort();
  rig.helo("good.example"), rig.mail();
  EXPECT_EQ(rig.rcpt().action, Action::none);
  rig.helo("bad.example");
  rig.helo("bad.example"), rig.mail(), rig.rcpt();
  EXPECT_EQ(rig.findings(), "IPREV_FAIL DENY_HELO") << "once";
}

// What is said of a recipient concerns that one, refused or not.
TEST(Session, RefusedRecipientDoesNotHarmTheNext) {
  TestCheck check{.name = "lists"};
  auto count = std::make_shared<int>(0);
  check.rcpt = [count](CheckContext& c) {
    if (++*count == 1) c.add("DENY_RECIPIENT");
  };
  SessionRig rig({check.info()});
  rig.connect(), rig.mail();
  EXPECT_EQ(rig.rcpt("<no@here.example>").action, Action::reject);
  EXPECT_EQ(rig.findings(), "DENY_RECIPIENT");
  EXPECT_EQ(rig.records[0].refused_recipient, "no@here.example");
  EXPECT_EQ(rig.rcpt("<yes@here.example>").action, Action::none);
  EXPECT_EQ(rig.content("Subject: x\n\n").action, Action::none);
  ASSERT_EQ(rig.records[1].envelope.recipients.size(), 1U);
  EXPECT_EQ(rig.records[1].envelope.recipients[0].address, "yes@here.example");
}

TEST(Session, NoWaitingPlaceMeansTempfail) {
  SessionRig rig({slow_check("iprev", Scope::connection, "IPREV_FAIL").info()});
  rig.set_policy([](Policy& p) { p.set_rule("IPREV_FAIL", {1, Action::reject}); });
  rig.resolver.hold(true);
  std::vector<WaitingPlaces::Place> taken;
  // An eighth of 100 is for one network.
  while (auto place = rig.places.take(IpAddress::parse("192.0.2.77"))) {
    taken.push_back(std::move(*place));
  }
  EXPECT_EQ(taken.size(), 12U);
  rig.connect(), rig.mail();
  const Verdict verdict = rig.rcpt();
  EXPECT_EQ(verdict.action, Action::tempfail);
  EXPECT_TRUE(verdict.reply.line().starts_with("451 4.3.2 ")) << verdict.reply.line();
  EXPECT_EQ(rig.findings(), "TOO_MANY_WAITING");
  EXPECT_EQ(rig.metrics.counter("session.no_waiting_place").value(), 1);

  rig.reopen();
  rig.connect(SessionRig::client("198.51.100.1")), rig.mail();
  StageAnswer answer;
  rig.session->rcpt("<bob@here.example>", SessionRig::into(answer));
  rig.run();
  EXPECT_EQ(answer.calls, 0) << "another network has its own places";
  EXPECT_EQ(rig.places.taken(), 13U);
}

TEST(Session, TransactionKeepsThePolicyItBeganWith) {
  TestCheck check{.name = "spf"};
  check.mail = [](CheckContext& c) { c.add("SPF_FAIL"); };
  SessionRig rig({check.info()});
  rig.set_policy([](Policy& p) { p.set_rule("SPF_FAIL", {1, Action::none}), p.hash = "old"; });
  rig.connect(), rig.mail();
  rig.set_policy([](Policy& p) { p.set_rule("SPF_FAIL", {1, Action::reject}), p.hash = "new"; });
  EXPECT_EQ(rig.rcpt().action, Action::none);
  EXPECT_EQ(rig.content("Subject: x\n\n").action, Action::none);
  EXPECT_EQ(rig.records[0].policy->hash, "old");
  rig.mail();
  EXPECT_EQ(rig.rcpt().action, Action::reject);
  EXPECT_EQ(rig.records[1].policy->hash, "new");
}

TEST(Session, RepliesCarryTheReferenceAndTheHelpPage) {
  TestCheck check{.name = "spf"};
  check.mail = [](CheckContext& c) { c.add("SPF_FAIL"); };
  SessionRig rig({check.info()});
  rig.set_policy([](Policy& p) {
    p.set_rule("SPF_FAIL", {1, Action::reject});
    p.help_url = "https://here.example/help";
  });
  rig.connect(), rig.mail();
  const Verdict verdict = rig.rcpt();
  EXPECT_EQ(verdict.reply.line(),
            "550 5.7.23 client may not send for the sender's domain (SPF) (ref " +
                rig.records[0].reference + "; see https://here.example/help)");
  EXPECT_EQ(rig.records[0].verdict.reply, verdict.reply);
}

TEST(Session, HoldReasonCarriesTheReference) {
  TestCheck check{.name = "spf"};
  check.mail = [](CheckContext& c) { c.add("SPF_FAIL"); };
  SessionRig rig({check.info()});
  rig.set_policy([](Policy& p) { p.set_rule("SPF_FAIL", {1, Action::hold}); });
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.action, Action::hold);
  EXPECT_EQ(verdict.hold_reason, "SPF_FAIL (ref " + rig.records[0].reference + ")");
}

TEST(Session, ObserveChangesNothingAndRecordsWhatItWould) {
  TestCheck check{.name = "spf"};
  check.mail = [](CheckContext& c) { c.add("SPF_FAIL"); };
  SessionRig rig({check.info()});
  rig.set_policy([](Policy& p) {
    p.mode = Mode::observe;
    p.set_rule("SPF_FAIL", {1, Action::reject});
  });
  rig.connect(), rig.mail();
  const Verdict at_rcpt = rig.rcpt();
  EXPECT_EQ(at_rcpt.effective(), Action::none);
  EXPECT_EQ(at_rcpt.reply.code, 0);
  const Verdict verdict = rig.content("X-Spam-Flag: NO\n\n");
  EXPECT_EQ(verdict.effective(), Action::none);
  EXPECT_TRUE(verdict.observed);
  EXPECT_TRUE(verdict.edits.empty());
  const Record& last = rig.records.back();
  EXPECT_EQ(last.verdict.action, Action::reject);
  EXPECT_EQ(last.verdict.reply.code, 550);
  EXPECT_FALSE(last.verdict.edits.empty());
  EXPECT_EQ(last.envelope.recipients.size(), 1U) << "the recipient was accepted";
}

TEST(Session, DisabledCheckIsNeverMade) {
  TestCheck check{.name = "spf"};
  check.mail = [](CheckContext& c) { c.add("SPF_FAIL"); };
  SessionRig rig({check.info()});
  rig.set_policy([](Policy& p) { p.disabled_checks = {"spf"}; });
  rig.send({});
  EXPECT_EQ(rig.findings(), "");
}

TEST(Session, ContextTellsWhatIsKnown) {
  TestCheck check{.name = "spf"};
  std::string seen;
  check.mail = [&](CheckContext& c) {
    seen = c.connection().client->text() + " " + c.connection().helo + " " +
           c.envelope().mail_from + " " + c.envelope().auth_authen + " " +
           std::to_string(c.unix_time());
  };
  SessionRig rig({check.info()});
  rig.connect(), rig.helo("h.example"), rig.mail("<Ann@Sender.Example>", "ann");
  EXPECT_EQ(seen, "192.0.2.1 h.example Ann@sender.example ann 1767225600");
}

// accepted() comes once, for mail that goes on, and what it finds still counts.
struct AcceptedCase {
  const char* name;
  Action before;  // what the check's finding asks for ahead of it
  Mode mode;
  int calls;
};

TEST(Session, AcceptedIsCalledForMailThatGoesOn) {
  const AcceptedCase rows[] = {
      {"nothing", Action::none, Mode::enforce, 1},   {"tag", Action::tag, Mode::enforce, 1},
      {"hold", Action::hold, Mode::enforce, 1},      {"store", Action::store, Mode::enforce, 0},
      {"defer", Action::tempfail, Mode::enforce, 0}, {"reject", Action::reject, Mode::enforce, 0},
      {"observe", Action::none, Mode::observe, 0}};
  for (const AcceptedCase& row : rows) {
    int calls = 0;
    TestCheck check{.name = "message"};
    check.end_of_message = [](CheckContext& c) { c.add("NUL_IN_MESSAGE"); };
    check.accepted = [&calls](CheckContext&) { ++calls; };
    SessionRig rig({check.info()});
    rig.set_policy([&](Policy& p) {
      p.mode = row.mode;
      p.set_rule("NUL_IN_MESSAGE", {0, row.before});
    });
    rig.send({});
    EXPECT_EQ(calls, row.calls) << row.name;
  }
}

TEST(Session, WhatAcceptedFindsIsDecidedAgain) {
  TestCheck check{.name = "signing"};
  check.accepted = [](CheckContext& c) { c.add("SIGN_FAILED", "why"); };
  SessionRig rig({check.info()});
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.action, Action::tempfail);
  EXPECT_EQ(rig.findings(), "SIGN_FAILED");
}

TEST(Session, LoginNeedsNameAndMechanism) {
  SessionRig rig({});
  rig.connect();
  StageAnswer answer;
  rig.session->mail({"<a@b.example>", "ann", "", ""}, SessionRig::into(answer));
  EXPECT_FALSE(rig.session->envelope().authenticated());
  rig.session->mail({"<a@b.example>", "ann", "PLAIN", ""}, SessionRig::into(answer));
  EXPECT_TRUE(rig.session->envelope().authenticated());
}

TEST(Session, ListsOfThePolicyMarkTheConnection) {
  SessionRig rig({});
  rig.set_policy([](Policy& p) {
    p.trusted_relays = *MatchList::parse({"192.0.2.0/24"});
    p.submit_networks = *MatchList::parse({"198.51.100.0/24"});
  });
  rig.connect(SessionRig::client("192.0.2.9"));
  EXPECT_TRUE(rig.session->connection().trusted_relay);
  EXPECT_FALSE(rig.session->connection().submit_network);
  rig.reopen();
  rig.connect(SessionRig::client("198.51.100.9"));
  EXPECT_FALSE(rig.session->connection().trusted_relay);
  EXPECT_TRUE(rig.session->connection().submit_network);
}

TEST(Session, BodyThatCannotBeKeptIsDeferred) {
  SessionRig rig({});
  rig.services.message_limits.max_body_memory = 10;
  rig.services.message_limits.max_body_spool = 100;
  rig.connect(), rig.mail(), rig.rcpt(), rig.data(), rig.end_of_headers();
  EXPECT_TRUE(rig.session->body(std::string(100, 'x')));
  EXPECT_FALSE(rig.session->body(std::string(100, 'x')));
  EXPECT_FALSE(rig.session->body("y"));
  const Verdict verdict = rig.end_of_message();
  EXPECT_TRUE(verdict.reply.line().starts_with("452 4.3.1 ")) << verdict.reply.line();
  EXPECT_EQ(rig.findings(), "NO_SPACE") << "once";
}

TEST(Session, DefectsOfTheMessageAreFindings) {
  SessionRig rig({});
  rig.set_policy([](Policy& p) { p.max_header_fields = 3; });
  EXPECT_EQ(rig.send({.text = "A: 1\nB: 2\nC: 3\nD: 4\n\n"}).reply.line().substr(0, 9),
            "554 5.6.0");
  EXPECT_EQ(rig.findings(), "HEADER_LIMIT");
  rig.reopen();
  rig.send({.text = std::string("A: 1\n\na\0b\n", 10)});
  EXPECT_EQ(rig.findings(), "NUL_IN_MESSAGE");
}

TEST(Session, RecordTellsTheMessage) {
  TestCheck check = slow_check("spf", Scope::transaction, "SPF_PASS");
  SessionRig rig({check.info()}, "slow.example. TXT \"v=x\"\n");
  rig.connect(), rig.helo("h.example"), rig.mail();
  rig.session->set_queue_id("4YzXk21Qz");
  rig.session->set_queue_id("");
  rig.clock.advance(std::chrono::milliseconds(250));
  rig.rcpt();
  rig.content("Message-ID: <1@sender.example>\n\n1234\n");
  ASSERT_EQ(rig.records.size(), 1U);
  const Record& r = rig.records[0];
  EXPECT_EQ(r.unix_time, 1767225600);
  EXPECT_EQ(r.duration_us, 250000);
  EXPECT_EQ(r.envelope.queue_id, "4YzXk21Qz");
  EXPECT_EQ(r.message_id, "<1@sender.example>");
  EXPECT_EQ(r.message_size, std::string("Message-ID <1@sender.example>").size() + 6);
  EXPECT_NE(r.answers.find(dns::make_query("slow.example", dns::RrType::txt)), nullptr);
  EXPECT_EQ(rig.metrics.counter("verdict.none.eom").value(), 1);
  EXPECT_EQ(rig.metrics.counter("finding.SPF_PASS").value(), 1);
}

}  // namespace
}  // namespace gatepost::test
