// Verdict store: kept before it is answered, or not answered so.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "rules/header_changes.h"
#include "tests/support/session/fake_quarantine.h"
#include "tests/support/session/session_rig.h"

namespace gatepost::test {
namespace {

// States a finding at the end of the message.
CheckInfo finds(const char* finding) {
  TestCheck check{.name = "message"};
  check.end_of_message = [finding](CheckContext& c) { c.add(finding); };
  return check.info();
}

struct Store : ::testing::Test {
  Store() : rig({finds("NUL_IN_MESSAGE")}) {
    rig.services.quarantine = &quarantine;
    enforce([](Policy&) {});
  }
  void enforce(const std::function<void(Policy&)>& more) {
    rig.set_policy([&](Policy& policy) {
      policy.set_rule("NUL_IN_MESSAGE", {1, Action::store});
      more(policy);
    });
  }
  FakeQuarantine quarantine;
  SessionRig rig;
};

TEST_F(Store, KeepsTheWholeMessageWithItsRecord) {
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.effective(), Action::store);
  EXPECT_EQ(verdict.reply.code, 0);
  ASSERT_EQ(quarantine.kept.size(), 1U);
  const auto& [reference, text] = *quarantine.kept.begin();
  EXPECT_EQ(text, "From: ann@sender.example\r\nSubject: hello\r\n\r\nhello\r\n");
  EXPECT_EQ(rig.records.back().reference, reference);
  EXPECT_EQ(quarantine.records[0].verdict.action, Action::store);
  EXPECT_EQ(quarantine.records[0].envelope.recipients.size(), 1U);
}

TEST_F(Store, IsConfirmedWhenTheConnectionGoesOn) {
  rig.send({});
  EXPECT_TRUE(quarantine.confirmed.empty()) << "the answer is on its way";
  rig.session->abort();
  EXPECT_EQ(quarantine.confirmed.size(), 1U);
  EXPECT_EQ(quarantine.confirmed.count(rig.records.back().reference), 1U);
}

TEST_F(Store, IsConfirmedAtTheNextMailAndAtClose) {
  rig.send({});
  rig.mail();
  EXPECT_EQ(quarantine.confirmed.size(), 1U);
  rig.session->abort();
  rig.reopen();
  rig.send({});
  rig.close();
  EXPECT_EQ(quarantine.confirmed.size(), 2U);
}

TEST_F(Store, AFullQuarantineDefers) {
  quarantine.full = true;
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.action, Action::tempfail);
  EXPECT_EQ(verdict.reply.code, 452);
  EXPECT_EQ(verdict.reply.enhanced, "4.3.1");
  EXPECT_EQ(rig.findings(), "NUL_IN_MESSAGE QUARANTINE_UNAVAILABLE");
  rig.session->abort();
  EXPECT_TRUE(quarantine.confirmed.empty());
}

TEST_F(Store, WithoutAQuarantineItIsDeferredToo) {
  rig.services.quarantine = nullptr;
  EXPECT_EQ(rig.send({}).reply.code, 452);
}

TEST_F(Store, LocalMailThatCannotBeStoredIsDeliveredWithATag) {
  quarantine.full = true;
  Connection local = SessionRig::client("127.0.0.1");
  local.local = true;
  EXPECT_EQ(rig.send({}, local).action, Action::tag) << "never refused, never lost";
}

TEST_F(Store, ObserveModeStoresNothing) {
  enforce([](Policy& policy) { policy.mode = Mode::observe; });
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.action, Action::store);
  EXPECT_EQ(verdict.effective(), Action::none);
  EXPECT_TRUE(quarantine.kept.empty());
}

TEST_F(Store, StoreAndRejectTellsTheClient) {
  enforce([](Policy& policy) { policy.store_and_reject = true; });
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.effective(), Action::store);
  EXPECT_EQ(verdict.reply.code, 554);
  EXPECT_THAT(verdict.reply.text, ::testing::HasSubstr("(ref "));
  EXPECT_EQ(quarantine.kept.size(), 1U);
}

TEST_F(Store, StoreAndRejectMakesNoBackscatter) {
  enforce([](Policy& policy) {
    policy.store_and_reject = true;
    policy.trusted_relays = *MatchList::parse({"192.0.2.1"});
  });
  const Verdict verdict = rig.send({});
  EXPECT_EQ(verdict.effective(), Action::store);
  EXPECT_EQ(verdict.reply.code, 0);
}

Letter with_token(const std::string& fields) {
  Letter letter;
  letter.text = fields + "From: ann@sender.example\n\nhello\n";
  return letter;
}

bool strips(const Verdict& verdict, int count) {
  int seen = 0;
  for (const HeaderEdit& edit : verdict.edits)
    seen += edit.kind == HeaderEdit::Kind::remove && edit.name == kReleaseField;
  return seen == count;
}

TEST_F(Store, AGoodTokenPassesAndIsStripped) {
  quarantine.good_tokens = {"good"};
  const Verdict verdict = rig.send(with_token("X-Gatepost-Release: good\n"));
  EXPECT_EQ(verdict.action, Action::none);
  EXPECT_TRUE(strips(verdict, 1));
  EXPECT_EQ(rig.findings(), "RELEASED NUL_IN_MESSAGE");
  EXPECT_TRUE(rig.records.back().envelope.released);
  EXPECT_TRUE(quarantine.kept.empty());
}

TEST_F(Store, AGoodTokenPassesAnyScore) {
  quarantine.good_tokens = {"good"};
  enforce([](Policy& policy) { policy.reject_score = 0.5; });
  EXPECT_EQ(rig.send(with_token("X-Gatepost-Release: good\n")).action, Action::none);
}

TEST_F(Store, ABadTokenIsStrippedAndCountsAsAnyMail) {
  const Verdict verdict =
      rig.send(with_token("X-Gatepost-Release: forged\nx-gatepost-release: twice\n"));
  EXPECT_EQ(verdict.action, Action::store);
  EXPECT_TRUE(strips(verdict, 1)) << "each by the name it has";
  EXPECT_EQ(rig.findings(), "RELEASE_TOKEN_BAD NUL_IN_MESSAGE");
  EXPECT_FALSE(rig.records.back().envelope.released);
}

TEST_F(Store, ATokenIsStrippedInObserveModeToo) {
  enforce([](Policy& policy) { policy.mode = Mode::observe; });
  const Verdict verdict = rig.send(with_token("X-Gatepost-Release: forged\n"));
  EXPECT_EQ(verdict.effective(), Action::none);
  EXPECT_EQ(verdict.edits.size(), 1U);
  EXPECT_TRUE(strips(verdict, 1));
}

// What rule files want of a Subject, beside the quarantine.
std::string subject_of(const Verdict& verdict) {
  for (const HeaderEdit& edit : verdict.edits) {
    if (iequals(edit.name, "Subject")) return edit.value;
  }
  return "";
}

void mark_subjects(Policy& policy) {
  rules::HeaderChanges changes;
  changes.subject = rules::HeaderTemplate{{{std::nullopt, "[SPAM]"}}};
  policy.header_changes = std::make_shared<const rules::HeaderChanges>(changes);
}

TEST_F(Store, ARuleFileRewritesNothingThatIsReleased) {
  quarantine.good_tokens = {"good"};
  enforce(mark_subjects);
  EXPECT_EQ(subject_of(rig.send(with_token("X-Gatepost-Release: good\nSubject: hello\n"))), "");
}

TEST_F(Store, ARuleFileRewritesWhatCouldNotBeStored) {
  enforce(mark_subjects);
  quarantine.full = true;
  Connection local = SessionRig::client("127.0.0.1");
  local.local = true;
  Letter letter;
  letter.text = "Subject: hello\nFrom: ann@sender.example\n\nhello\n";
  const Verdict verdict = rig.send(letter, local);
  EXPECT_EQ(verdict.action, Action::tag);
  EXPECT_EQ(subject_of(verdict), "[SPAM] hello");
}

TEST_F(Store, ARuleFileRewritesNothingInObserveMode) {
  enforce([](Policy& policy) {
    mark_subjects(policy);
    policy.mode = Mode::observe;
  });
  Letter letter;
  letter.text = "Subject: hello\nFrom: ann@sender.example\n\nhello\n";
  EXPECT_EQ(subject_of(rig.send(letter)), "");
  EXPECT_EQ(subject_of(rig.records.back().verdict), "[SPAM] hello") << "what would be done";
}

}  // namespace
}  // namespace gatepost::test
