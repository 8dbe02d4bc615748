// Greylisting in sessions, a row a rule (RFC 6647).

#include "core/store/memory_store.h"
#include "filter/checks/greylist_entry.h"
#include "tests/core/store/remote_store.h"
#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kZone = R"(
proven.example.   TXT "v=spf1 ip4:192.0.2.1 -all"
soft.example.     TXT "v=spf1 ~all"
broken.example.   TXT "v=spf1 nonsense"
10.2.0.192.in-addr.arpa. PTR mail.named.example.
mail.named.example. A 192.0.2.10
1.2.0.192.bl.example. A 127.0.0.2
10.2.0.192.bl.example. A 127.0.0.2
20.2.0.192.wl.example. A 127.0.0.3
)";

const std::vector<std::string_view> kChecks = {"client_lists", "iprev", "dnsbl",
                                               "spf",          "lists", "greylist"};

/// A session with a store and a policy that greylists.
struct GreylistRig : SessionRig {
  explicit GreylistRig(const std::function<void(Policy&)>& change = {})
      : SessionRig(program_checks(kChecks), kZone) {
    set(change);
    services.store = &store;
  }
  void set(const std::function<void(Policy&)>& change) {
    set_policy([&](Policy& p) {
      p.greylist.mode = GreylistPolicy::Mode::suspicious;
      if (change) change(p);
    });
  }
  /// connect to RCPT of one recipient. @return "451 4.7.1 …" without the reference, or "ok".
  std::string try_rcpt(const std::string& client = "192.0.2.9",
                       const std::string& sender = "<ann@sender.example>",
                       const std::string& recipient = "<bob@here.example>") {
    reopen();
    connect(SessionRig::client(client)), helo("mail.sender.example"), mail(sender);
    return shown(rcpt(recipient));
  }
  static std::string shown(const Verdict& verdict) {
    if (verdict.effective() < Action::tempfail) return "ok";
    const std::string line = verdict.reply.line();
    return line.substr(0, line.find(" (ref"));
  }
  std::string deliver(const std::string& client = "192.0.2.9",
                      const std::string& sender = "<ann@sender.example>") {
    const std::string answer = try_rcpt(client, sender);
    return answer == "ok" ? shown(content("From: ann@sender.example\n\nhello\n")) : answer;
  }
  std::size_t count(std::string_view space) {
    return store.scan(space, "", "", 100)->entries.size();
  }

  store::MemoryStore store{clock};
};

constexpr const char* kFirst = "451 4.7.1 greylisted, try again in 300 seconds";

struct WhoCase {
  const char* name;
  const char* client;
  const char* sender;
  const char* answer;
  void (*policy)(Policy&) = nullptr;
};

void all(Policy& p) {
  p.greylist.mode = GreylistPolicy::Mode::all;
}
void block_list(Policy& p) {
  p.dns_lists = {{.zone = "bl.example"}};
}

const WhoCase kWho[] = {
    {"proves_nothing", "192.0.2.9", "<ann@sender.example>", kFirst},
    {"spf_pass", "192.0.2.1", "<ann@proven.example>", "ok"},
    {"spf_fail", "192.0.2.9", "<ann@proven.example>", kFirst},
    {"spf_softfail", "192.0.2.9", "<ann@soft.example>", kFirst},
    {"spf_permerror", "192.0.2.9", "<ann@broken.example>", kFirst},
    {"reverse_dns_confirmed", "192.0.2.10", "<ann@sender.example>", "ok"},
    {"reverse_dns_outweighs_spf_fail", "192.0.2.10", "<ann@proven.example>", "ok"},
    {"listed_outweighs_spf_pass", "192.0.2.1", "<ann@proven.example>", kFirst, block_list},
    {"listed_outweighs_reverse_dns", "192.0.2.10", "<ann@sender.example>", kFirst, block_list},
    {"on_an_allowing_list", "192.0.2.20", "<ann@sender.example>", "ok",
     [](Policy& p) { p.dns_lists = {{.zone = "wl.example", .allows = true}}; }},
    {"nothing_looked_for_is_no_suspicion", "192.0.2.9", "<ann@sender.example>", "ok",
     [](Policy& p) {
       p.disabled_checks = {"spf", "iprev"};
     }},
    {"mode_all", "192.0.2.1", "<ann@proven.example>", kFirst, all},
    {"mode_off", "192.0.2.9", "<ann@sender.example>", "ok",
     [](Policy& p) { p.greylist.mode = GreylistPolicy::Mode::off; }},
    {"check_disabled", "192.0.2.9", "<ann@sender.example>", "ok",
     [](Policy& p) { p.disabled_checks = {"greylist"}; }},
    {"client_without_address", "", "<ann@sender.example>", "ok", all},
    {"null_sender_not_at_rcpt", "192.0.2.9", "<>", "ok"},
    {"submit_network", "192.0.2.9", "<ann@sender.example>", "ok",
     [](Policy& p) { all(p), p.submit_networks = *MatchList::parse({"192.0.2.9"}); }},
    {"trusted_relay", "192.0.2.9", "<ann@sender.example>", "ok",
     [](Policy& p) { all(p), p.trusted_relays = *MatchList::parse({"192.0.2.9"}); }},
    {"allowed_client", "192.0.2.9", "<ann@sender.example>", "ok",
     [](Policy& p) { all(p), p.allow_clients = *MatchList::parse({"192.0.2.0/24"}); }},
    {"allowed_sender", "192.0.2.1", "<ann@proven.example>", "ok",
     [](Policy& p) { all(p), p.allow_senders = *MatchList::parse({"proven.example"}); }},
    {"allowed_sender_that_is_forged", "192.0.2.9", "<ann@proven.example>", kFirst,
     [](Policy& p) { all(p), p.allow_senders = *MatchList::parse({"proven.example"}); }},
    {"allowed_recipient", "192.0.2.9", "<ann@sender.example>", "ok",
     [](Policy& p) { all(p), p.allow_recipients = *MatchList::parse({"bob@here.example"}); }},
    {"shorter_delay", "192.0.2.9", "<ann@sender.example>",
     "451 4.7.1 greylisted, try again in 1 second",
     [](Policy& p) { p.greylist.delay = seconds(1); }},
};

class GreylistWho : public ::testing::TestWithParam<WhoCase> {};

TEST_P(GreylistWho, Row) {
  GreylistRig rig(GetParam().policy);
  EXPECT_EQ(rig.try_rcpt(GetParam().client, GetParam().sender), GetParam().answer);
  EXPECT_EQ(rig.count(greylist::kPending), GetParam().answer == std::string("ok") ? 0U : 1U)
      << "only who is deferred is learned";
}

INSTANTIATE_TEST_SUITE_P(Rows, GreylistWho, ::testing::ValuesIn(kWho),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Greylist, DnsThatFailsIsNoSuspicion) {
  GreylistRig rig;
  rig.resolver.fail("9.2.0.192.in-addr.arpa", dns::Status::servfail);
  rig.resolver.fail("sender.example", dns::Status::servfail);
  EXPECT_EQ(rig.try_rcpt(), "ok");
}

TEST(Greylist, FirstTryStaysTheFirst) {
  GreylistRig rig;
  EXPECT_EQ(rig.try_rcpt(), kFirst);
  rig.clock.advance(seconds(299));
  EXPECT_EQ(rig.try_rcpt(), "451 4.7.1 greylisted, try again in 1 second");
  rig.clock.advance(seconds(1));
  EXPECT_EQ(rig.deliver(), "ok");
  EXPECT_NE(findings_with_details(rig).find("GREYLIST_PASSED(delayed 300 seconds)"),
            std::string::npos)
      << findings_with_details(rig);
  EXPECT_EQ(rig.count(greylist::kPending), 0U);
  EXPECT_EQ(rig.count(greylist::kKnown), 1U);
  EXPECT_EQ(rig.deliver(), "ok");
  EXPECT_NE(rig.findings().find("GREYLIST_KNOWN"), std::string::npos) << rig.findings();
}

TEST(Greylist, RetryWindowEnds) {
  GreylistRig rig;
  rig.try_rcpt();
  rig.clock.advance(hours(48));
  EXPECT_EQ(rig.try_rcpt(), kFirst);
}

TEST(Greylist, ClockSetBackADayStrandsNobody) {
  GreylistRig rig;
  rig.try_rcpt();
  rig.clock.advance(-hours(24));
  EXPECT_EQ(rig.try_rcpt(), kFirst) << "a first try that lies ahead counts as now";
  rig.clock.advance(minutes(5));
  EXPECT_EQ(rig.try_rcpt(), "ok");
}

TEST(Greylist, NetworksAreMasked) {
  GreylistRig rig([](Policy& p) { p.greylist.delay = seconds(0); });
  rig.try_rcpt("192.0.2.9");
  EXPECT_EQ(rig.try_rcpt("192.0.2.200"), "ok");
  EXPECT_NE(rig.try_rcpt("192.0.3.9"), "ok");
  rig.try_rcpt("2001:db8::1");
  EXPECT_EQ(rig.try_rcpt("2001:db8::ffff:1"), "ok");
  EXPECT_NE(rig.try_rcpt("2001:db8:0:1::1"), "ok");
}

TEST(Greylist, KnownIsProlongedAndExpires) {
  GreylistRig rig([](Policy& p) { p.greylist.auto_allow_after = 0; });
  rig.try_rcpt();
  rig.clock.advance(minutes(5));
  EXPECT_EQ(rig.deliver(), "ok");
  rig.clock.advance(hours(35 * 24));
  EXPECT_EQ(rig.deliver(), "ok");
  rig.clock.advance(hours(35 * 24));
  EXPECT_EQ(rig.deliver(), "ok") << "the delivery before prolonged it";
  rig.clock.advance(hours(36 * 24));
  EXPECT_EQ(rig.deliver(), kFirst);
}

TEST(Greylist, NetworkThatPassedIsAllowedForTheDomain) {
  GreylistRig rig([](Policy& p) { p.greylist.auto_allow_after = 2; });
  for (const char* sender : {"<one@sender.example>", "<two@sender.example>"}) {
    EXPECT_EQ(rig.deliver("192.0.2.9", sender), kFirst) << sender;
    rig.clock.advance(minutes(6));
    EXPECT_EQ(rig.deliver("192.0.2.9", sender), "ok") << sender;
  }
  EXPECT_EQ(rig.deliver("192.0.2.9", "<three@sender.example>"), "ok");
  EXPECT_NE(rig.findings().find("GREYLIST_AUTO_ALLOWED"), std::string::npos);
  EXPECT_EQ(rig.deliver("192.0.2.9", "<three@another.example>"), kFirst);
  EXPECT_EQ(rig.deliver("198.51.100.9", "<three@sender.example>"), kFirst);
}

TEST(Greylist, WhatIsRefusedInTheEndTeachesNothing) {
  GreylistRig rig([](Policy& p) {
    p.greylist.delay = seconds(0);
    p.set_rule("SPF_NONE", {20, Action::none});  // refused by its score at the end
  });
  rig.try_rcpt();
  EXPECT_EQ(rig.deliver().substr(0, 3), "550");
  EXPECT_EQ(rig.count(greylist::kKnown), 0U);
  EXPECT_EQ(rig.count(greylist::kAuto), 0U);
  EXPECT_EQ(rig.try_rcpt(), "ok") << "it is not a first try again";
}

TEST(Greylist, RefusedRecipientIsNotLearned) {
  GreylistRig rig([](Policy& p) { p.deny_recipients = *MatchList::parse({"bob@here.example"}); });
  EXPECT_EQ(rig.try_rcpt().substr(0, 3), "550");
  EXPECT_EQ(rig.count(greylist::kPending), 0U);
}

TEST(Greylist, EachRecipientHasATriplet) {
  GreylistRig rig([](Policy& p) { p.greylist.auto_allow_after = 0; });
  EXPECT_EQ(rig.try_rcpt(), kFirst);
  EXPECT_EQ(rig.shown(rig.rcpt("<carol@here.example>")), kFirst);
  rig.clock.advance(minutes(6));
  EXPECT_EQ(rig.try_rcpt(), "ok");
  EXPECT_EQ(rig.shown(rig.rcpt("<dave@here.example>")), kFirst);
  EXPECT_EQ(rig.shown(rig.rcpt("<carol@here.example>")), "ok");
  EXPECT_EQ(rig.shown(rig.content("From: ann@sender.example\n\nhello\n")), "ok");
  EXPECT_EQ(rig.records.back().envelope.recipients.size(), 2U);
  EXPECT_EQ(rig.count(greylist::kKnown), 2U);
  EXPECT_EQ(rig.count(greylist::kPending), 1U) << "dave's";
}

TEST(Greylist, AbortDropsWhatWasToFollow) {
  GreylistRig rig;
  rig.try_rcpt();
  rig.clock.advance(minutes(6));
  EXPECT_EQ(rig.try_rcpt(), "ok");
  rig.session->abort();
  EXPECT_EQ(rig.count(greylist::kKnown), 0U);
  EXPECT_EQ(rig.try_rcpt(), "ok") << "it may come again within the window";
}

TEST(Greylist, NullSenderIsDeferredAtData) {
  GreylistRig rig;
  EXPECT_EQ(rig.try_rcpt("192.0.2.9", "<>"), "ok");
  EXPECT_EQ(rig.shown(rig.data()), kFirst);
  EXPECT_EQ(rig.count(greylist::kPending), 1U);
  rig.clock.advance(minutes(5));
  EXPECT_EQ(rig.deliver("192.0.2.9", "<>"), "ok");
  EXPECT_EQ(rig.try_rcpt("192.0.2.9", "<>", "<postmaster@here.example>"), "ok");
  EXPECT_EQ(rig.shown(rig.data()), "ok");
}

TEST(Greylist, ObservingLearnsAndDefersNobody) {
  GreylistRig rig([](Policy& p) { p.mode = Mode::observe; });
  EXPECT_EQ(rig.deliver(), "ok");
  EXPECT_EQ(rig.records.front().verdict.action, Action::tempfail);
  EXPECT_TRUE(rig.records.front().verdict.observed);
  rig.clock.advance(minutes(5));
  EXPECT_EQ(rig.deliver(), "ok");
  EXPECT_NE(rig.findings().find("GREYLIST_PASSED"), std::string::npos) << rig.findings();
}

TEST(Greylist, PassedMailSaysSo) {
  GreylistRig rig;
  rig.try_rcpt();
  rig.clock.advance(seconds(311));
  EXPECT_EQ(rig.try_rcpt(), "ok");
  const Verdict verdict = rig.content("From: ann@sender.example\n\nhello\n");
  const bool said = std::any_of(verdict.edits.begin(), verdict.edits.end(), [](const auto& e) {
    return e.name == "X-Greylist" && e.value == "delayed 311 seconds by mx.here.example";
  });
  EXPECT_TRUE(said);
}

TEST(Greylist, StoreThatIsDownLetsPass) {
  GreylistRig rig;
  rig.services.store = nullptr;
  EXPECT_EQ(rig.deliver(), "ok");
  EXPECT_NE(findings_with_details(rig).find("GREYLIST_STORE_DOWN(there is no store)"),
            std::string::npos)
      << findings_with_details(rig);
}

TEST(Greylist, WritesThatAreLostAreCounted) {
  GreylistRig rig;
  store::MemoryStore full(rig.clock, 0);
  rig.services.store = &full;
  EXPECT_EQ(rig.try_rcpt(), kFirst);
  EXPECT_EQ(rig.metrics.counter("session.effects_lost").value(), 1);
}

TEST(Greylist, RemoteStoreIsWaitedFor) {
  GreylistRig rig;
  testing::RemoteStore remote(rig.store);
  rig.services.store = &remote;
  remote.hold(true);
  rig.reopen();
  rig.connect(SessionRig::client("192.0.2.9")), rig.helo("h.example"), rig.mail();
  StageAnswer answer;
  rig.session->rcpt("<bob@here.example>", SessionRig::into(answer));
  rig.run();
  for (int rounds = 0; rounds < 3; ++rounds) {
    EXPECT_EQ(answer.calls, 0) << rounds;
    remote.release();
    rig.run();
  }
  ASSERT_EQ(answer.calls, 1);
  EXPECT_EQ(rig.shown(answer.verdict), kFirst);
}

TEST(Greylist, OperatorsEntriesLetPass) {
  for (const char* entry : {"192.0.2.0/24", "192.0.2.9", "192.0.0.0/16", "sender.example",
                            ".example", "Ann@Sender.Example"}) {
    GreylistRig rig;
    const auto name = greylist::parse_allow_entry(entry);
    ASSERT_TRUE(name.ok()) << name.error().text();
    const store::Write allow = store::Put{{std::string(greylist::kAllow), *name}, "", 1, 0};
    ASSERT_TRUE(rig.store.apply(std::span(&allow, 1)).ok());
    EXPECT_EQ(rig.try_rcpt(), "ok") << entry;
    EXPECT_NE(rig.try_rcpt("198.51.100.1", "<ann@elsewhere.test>"), "ok") << entry;
  }
}

struct EntryCase {
  const char* text;
  const char* entry;  // or what the error says
};

TEST(GreylistEntry, AllowEntries) {
  const EntryCase cases[] = {
      {"192.0.2.1", "192.0.2.1/32"},
      {"192.0.2.9/24", "192.0.2.0/24"},
      {"2001:db8::1/48", "2001:db8::/48"},
      {"Mail.Example", "mail.example"},
      {".Example.org", ".example.org"},
      {"Ann@Mail.Example", "ann@mail.example"},
      {"192.0.2.0/23", "expected a network of /32, /28, /24, /20, /16, /12, /8"},
      {"2001:db8::/47", "expected a network of /128, /64, /56, /48, /32"},
      {"", "expected an address or network"},
      {"localhost", "expected an address or network"},
      {"a..b", "expected an address or network"},
      {"@example.org", "expected an address or network"},
      {"ann@", "expected an address or network"},
      {"\x1b[31m.example", "'\\x1b[31m.example': expected an address or network"},
  };
  for (const auto& c : cases) {
    const auto entry = greylist::parse_allow_entry(c.text);
    if (entry.ok()) {
      EXPECT_EQ(*entry, c.entry) << c.text;
    } else {
      EXPECT_NE(entry.error().text().find(c.entry), std::string::npos) << entry.error().text();
    }
  }
}

TEST(GreylistEntry, NamesAreBoundedAndReadBack) {
  const auto plain = greylist::make_triplet("192.0.2.0/24", "Ann@A.example", "bob@b.example");
  EXPECT_EQ(plain.sender, "ann@a.example");
  EXPECT_EQ(greylist::parse_name(greylist::name_of(plain)), plain);
  const std::string huge(5000, 'x');
  const auto bounded = greylist::make_triplet("192.0.2.0/24", huge + "1@a", huge + "@b");
  EXPECT_TRUE(store::is_valid(greylist::pending_key(bounded)));
  EXPECT_NE(bounded, greylist::make_triplet("192.0.2.0/24", huge + "2@a", huge + "@b"));
  const auto split = greylist::make_triplet("n",
                                            "a\x1f"
                                            "b",
                                            "c");
  EXPECT_EQ(greylist::parse_name(greylist::name_of(split)), split)
      << "nobody can write a part of his own";
  for (const char* name : {"", "a",
                           "a\x1f"
                           "b",
                           "a\x1f"
                           "b\x1f"
                           "c\x1f"
                           "d"})
    EXPECT_FALSE(greylist::parse_name(name)) << name;
}

}  // namespace
}  // namespace gatepost::test
