#include <atomic>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "core/dns/unbound_resolver.h"
#include "tests/core/dns/resolver_contract.h"
#include "tests/support/dns_server.h"

namespace gatepost::dns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::DnsServer;
using testing::Misbehaviour;

constexpr const char* kZone = R"($TTL 300
example.org. SOA ns.example.org. admin.example.org. 1 2 3 4 120
a.example.org. A 192.0.2.1
b.example.org. A 192.0.2.2
*.many.example.org. TXT "x"
*.list.example. A 127.0.0.2
)";

std::unique_ptr<UnboundResolver> resolver_for(const DnsServer& server,
                                              Duration query_timeout = seconds(5)) {
  UnboundOptions options;
  options.servers = {server.address()};
  options.query_timeout = query_timeout;
  options.msg_cache_size = options.rrset_cache_size = "4m";
  auto resolver = UnboundResolver::create(std::move(options));
  EXPECT_TRUE(resolver.ok()) << resolver.error().text();
  return std::move(resolver).value();
}

AnswerPtr ask_one(Resolver& resolver, const Query& query, milliseconds time = seconds(5)) {
  return ask_and_wait(resolver, {query}, in(time)).at(query);
}

struct ServerCase {
  const char* text;
  const char* expected;  // "" = refused
};

constexpr ServerCase kServerCases[] = {
    {"192.0.2.1", "192.0.2.1@53"},
    {"192.0.2.1:5353", "192.0.2.1@5353"},
    {"192.0.2.1@5353", "192.0.2.1@5353"},
    {"2001:db8::1", "2001:db8::1@53"},
    {"2001:db8::1@54", "2001:db8::1@54"},
    {"[2001:db8::1]:54", "2001:db8::1@54"},
    {"[2001:db8::1]", "2001:db8::1@53"},
    {"192.0.2.1:0", ""},
    {"192.0.2.1:65536", ""},
    {"192.0.2.1:", ""},
    {"192.0.2.1@x", ""},
    {"ns.example", ""},
    {"", ""},
};

TEST(Unbound, ServerForms) {
  for (const auto& c : kServerCases) {
    const auto server = parse_server(c.text);
    EXPECT_EQ(server ? *server : "", c.expected) << c.text;
  }
}

TEST(Unbound, RefusesBadOptions) {
  UnboundOptions options;
  options.servers = {"nonsense"};
  EXPECT_FALSE(UnboundResolver::create(options).ok());
  options = {};
  options.trust_anchor_file = "/nonexistent/root.key";
  const auto resolver = UnboundResolver::create(options);
  ASSERT_FALSE(resolver.ok());
  EXPECT_EQ(resolver.error().text(), "/nonexistent/root.key: the trust anchor file cannot be read");
  options = {};
  options.msg_cache_size = "nonsense";
  EXPECT_FALSE(UnboundResolver::create(options).ok());
}

TEST(Unbound, KnowsWhatItAsked) {
  DnsServer server(kZone);
  const auto resolver = resolver_for(server);
  const auto query = make_query("a.example.org", RrType::a);
  EXPECT_EQ(resolver->cached(query), nullptr);
  EXPECT_EQ(ask_one(*resolver, query)->status, Status::ok);
  ASSERT_NE(resolver->cached(query), nullptr);
  const auto asked = server.times_asked("a.example.org");
  EXPECT_EQ(ask_one(*resolver, query)->addresses.size(), 1U);
  EXPECT_EQ(server.times_asked("a.example.org"), asked);
  const auto counters = resolver->counters();
  EXPECT_EQ(counters.asked, 2U);
  EXPECT_EQ(counters.sent, 1U);
  EXPECT_EQ(counters.answered, 1U);
  EXPECT_EQ(counters.waiting, 0U);
  EXPECT_EQ(counters.cache.entries, 1U);
}

TEST(Unbound, CoalescesEqualQuestions) {
  DnsServer server(kZone);
  server.script("a.example.org", Misbehaviour::none, milliseconds(200));
  const auto resolver = resolver_for(server);
  const auto query = make_query("a.example.org", RrType::a);
  std::atomic<int> answered{0};
  for (int i = 0; i < 10; ++i) {
    resolver->ask({query, query}, in(seconds(5)), [&](const Query&, const AnswerPtr& answer) {
      if (answer->status == Status::ok) ++answered;
    });
  }
  EXPECT_EQ(ask_one(*resolver, query)->status, Status::ok);
  for (int i = 0; i < 100 && answered < 20; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(answered, 20);
  EXPECT_EQ(resolver->counters().sent, 1U);
}

TEST(Unbound, DeadlineEndsAQuestion) {
  DnsServer server(kZone);
  server.script("a.example.org", Misbehaviour::drop);
  const auto resolver = resolver_for(server);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(ask_one(*resolver, make_query("a.example.org", RrType::a), milliseconds(150))->status,
            Status::timeout);
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, milliseconds(140));
  EXPECT_LT(took, seconds(5));
  EXPECT_EQ(ask_one(*resolver, make_query("b.example.org", RrType::a))->status, Status::ok);
  EXPECT_EQ(resolver->cached(make_query("a.example.org", RrType::a)), nullptr);
  EXPECT_EQ(resolver->counters().timeouts, 1U);
  // A deadline that passed is answered on this thread.
  EXPECT_EQ(ask_one(*resolver, make_query("b2.example.org", RrType::a), milliseconds(-1))->status,
            Status::timeout);
}

TEST(Unbound, WaitersHaveTheirOwnDeadlines) {
  DnsServer server(kZone);
  server.script("a.example.org", Misbehaviour::none, milliseconds(250));
  const auto resolver = resolver_for(server);
  const auto query = make_query("a.example.org", RrType::a);
  std::atomic<int> early{-1};
  resolver->ask({query}, in(milliseconds(50)), [&](const Query&, const AnswerPtr& answer) {
    early = static_cast<int>(answer->status);
  });
  EXPECT_EQ(ask_one(*resolver, query)->status, Status::ok);
  EXPECT_EQ(early, static_cast<int>(Status::timeout));
}

struct FailureCase {
  const char* name;
  Misbehaviour how;
  Status expected;
};

constexpr FailureCase kFailureCases[] = {
    {"servfail", Misbehaviour::servfail, Status::servfail},
    {"refused", Misbehaviour::refused, Status::refused},
    {"truncated_goes_on_over_tcp_rfc7766_5", Misbehaviour::truncate, Status::ok},
    {"wrong_id_is_no_answer_rfc5452_9", Misbehaviour::wrong_id, Status::timeout},
    {"wrong_question", Misbehaviour::wrong_question, Status::lying},
    {"garbage", Misbehaviour::garbage, Status::timeout},
    {"other_name", Misbehaviour::other_name, Status::no_data},
    {"cname_circle", Misbehaviour::cname_circle, Status::lying},
    // Libunbound takes it for a server without the data.
    {"truncated_over_tcp_too", Misbehaviour::truncate_always, Status::servfail},
};

TEST(Unbound, MisbehavingServers) {
  for (const auto& c : kFailureCases) {
    DnsServer server(kZone);
    server.script("", c.how);
    const auto resolver = resolver_for(server, milliseconds(2500));
    const auto answer = ask_one(*resolver, make_query("a.example.org", RrType::a));
    EXPECT_EQ(answer->status, c.expected)
        << c.name << " " << to_string(answer->status) << " " << answer->reason;
    const auto counters = resolver->counters();
    if (c.expected == Status::timeout) {
      EXPECT_EQ(counters.timeouts, 1U) << c.name;
    } else {
      EXPECT_EQ(counters.by_status[static_cast<std::size_t>(c.expected)], 1U) << c.name;
    }
    EXPECT_EQ(is_temporary(answer->status), !answer->reason.empty()) << c.name;
    if (c.how == Misbehaviour::truncate) {
      EXPECT_GE(server.tcp_questions(), 1U);
    }
  }
}

struct ServersCase {
  const char* name;
  Misbehaviour how;  // of one of two servers
};

constexpr ServersCase kServersCases[] = {
    {"silent", Misbehaviour::drop},
    {"servfail", Misbehaviour::servfail},
    {"refused", Misbehaviour::refused},
};

TEST(Unbound, OneOfTwoServersIsEnough) {
  for (const auto& c : kServersCases) {
    DnsServer good(kZone);
    DnsServer bad(kZone);
    bad.script("", c.how);
    UnboundOptions options;
    options.servers = {bad.address(), good.address()};
    options.msg_cache_size = options.rrset_cache_size = "4m";
    auto resolver = UnboundResolver::create(std::move(options));
    ASSERT_TRUE(resolver.ok()) << resolver.error().text();
    constexpr int kQuestions = 60;
    for (int i = 0; i < kQuestions; ++i) {
      const Query query = make_query(std::to_string(i) + ".many.example.org", RrType::txt);
      ASSERT_EQ(ask_one(**resolver, query)->status, Status::ok) << c.name << " " << i;
    }
    if (c.how == Misbehaviour::drop) {
      EXPECT_LT(bad.questions(), kQuestions / 3) << "a server that is silent is remembered";
    }
  }
}

TEST(Unbound, AFastServerMayTakeItsTimeForOneAnswer) {
  DnsServer server(kZone);
  server.script("b.example.org", Misbehaviour::none, milliseconds(1500));
  const auto resolver = resolver_for(server);
  // What it has at hand comes at once, so that libunbound expects the same of what it must look up.
  for (int i = 0; i < 20; ++i) {
    const Query quick = make_query(std::to_string(i) + ".many.example.org", RrType::txt);
    EXPECT_EQ(ask_one(*resolver, quick)->status, Status::ok);
  }
  EXPECT_EQ(ask_one(*resolver, make_query("b.example.org", RrType::a))->status, Status::ok);
}

TEST(Unbound, LargeAnswersComeOverTcp) {
  std::string zone;
  for (int i = 0; i < 40; ++i) {
    zone += "big.example.org. TXT \"" + std::to_string(i) + std::string(200, 'x') + "\"\n";
  }
  DnsServer server(zone);
  const auto resolver = resolver_for(server);
  EXPECT_EQ(ask_one(*resolver, make_query("big.example.org", RrType::txt))->texts.size(), 40U);
}

TEST(Unbound, OddOctetsInNames) {
  DnsServer server(R"(a\032b\\.example.org. TXT "odd")");
  const auto resolver = resolver_for(server);
  EXPECT_EQ(ask_one(*resolver, make_query("a b\\.example.org", RrType::txt))->status, Status::ok);
  EXPECT_EQ(ask_one(*resolver, make_query(std::string("n\0l.x.", 6), RrType::txt))->status,
            Status::nxdomain);
}

TEST(Unbound, DeadZoneIsNotWaitedForTwice) {
  DnsServer server(kZone);
  server.script("list.example", Misbehaviour::drop);
  const auto resolver = resolver_for(server, milliseconds(400));
  const auto query = [](int i) {
    return make_query(std::to_string(i) + ".0.0.127.list.example", RrType::a);
  };
  EXPECT_EQ(ask_one(*resolver, query(1))->status, Status::timeout);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 2; i < 12; ++i) {
    EXPECT_EQ(ask_one(*resolver, query(i))->status, Status::timeout);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(350))
      << "not one was waited for";
  auto counters = resolver->counters();
  EXPECT_EQ(counters.dead_zone_skips, 10U);
  EXPECT_EQ(counters.sent, 2U) << "one probe";
  EXPECT_EQ(ask_one(*resolver, make_query("a.example.org", RrType::a))->status, Status::ok)
      << "other zones are not concerned";
  // The zone comes back: the next probe finds it.
  server.script("list.example", Misbehaviour::none);
  bool alive = false;
  for (int i = 100; i < 200 && !alive; ++i) {
    alive = ask_one(*resolver, query(i))->status == Status::ok;
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_TRUE(alive);
}

TEST(Unbound, BogusAnswersAreDropped) {
  DnsServer server(kZone);
  const std::string path = ::testing::TempDir() + "gatepost_unbound_test.key";
  // The parent says that the zone is signed; the server gives it without signatures.
  std::ofstream(path) << "example.org. IN DS 12345 13 2 " << std::string(64, 'a') << "\n";
  UnboundOptions options;
  options.servers = {server.address()};
  options.trust_anchor_file = path;
  auto resolver = UnboundResolver::create(options);
  ASSERT_TRUE(resolver.ok()) << resolver.error().text();
  const auto answer = ask_one(**resolver, make_query("a.example.org", RrType::a), seconds(10));
  EXPECT_EQ(answer->status, Status::bogus) << answer->reason;
  EXPECT_TRUE(answer->addresses.empty());
  EXPECT_FALSE(answer->reason.empty());
  EXPECT_EQ((*resolver)->counters().bogus, 1U);
  // Zones without an anchor are insecure, not bogus.
  const auto other = ask_one(**resolver, make_query("1.list.example", RrType::a), seconds(10));
  EXPECT_EQ(other->status, Status::ok) << other->reason;
  EXPECT_FALSE(other->secure);
  std::remove(path.c_str());
}

TEST(Unbound, DeadNamesDoNotHurtOthers) {
  DnsServer server(kZone);
  server.script("dead.example", Misbehaviour::drop);
  const auto resolver = resolver_for(server, milliseconds(300));
  std::vector<Query> dead;
  for (int i = 0; i < 300; ++i) {
    dead.push_back(make_query("z" + std::to_string(i) + ".dead.example", RrType::a));
  }
  for (const auto& [query, answer] : ask_and_wait(*resolver, dead, in(seconds(5)))) {
    EXPECT_EQ(answer->status, Status::timeout);
  }
  for (int i = 0; i < 20; ++i) {
    const auto query = make_query("l" + std::to_string(i) + ".many.example.org", RrType::txt);
    EXPECT_EQ(ask_one(*resolver, query)->status, Status::ok) << i;
  }
}

TEST(Unbound, TooManyWaitingAreRefusedAtOnce) {
  DnsServer server(kZone);
  server.script("", Misbehaviour::drop);
  UnboundOptions options;
  options.servers = {server.address()};
  options.query_timeout = milliseconds(300);
  options.max_waiting = 10;
  auto resolver = UnboundResolver::create(options);
  ASSERT_TRUE(resolver.ok());
  std::vector<Query> batch;
  for (int i = 0; i < 15; ++i) {
    batch.push_back(make_query("n" + std::to_string(i) + ".example.org", RrType::a));
  }
  std::size_t refused = 0;
  for (const auto& [query, answer] : ask_and_wait(**resolver, batch, in(seconds(5)))) {
    if (answer->status == Status::servfail) ++refused;
  }
  EXPECT_EQ(refused, 5U);
  EXPECT_EQ((*resolver)->counters().waiting, 0U);
}

TEST(Unbound, AThousandAtOnce) {
  DnsServer server(kZone);
  const auto resolver = resolver_for(server);
  std::vector<Query> batch;
  for (int i = 0; i < 1000; ++i) {
    batch.push_back(make_query("n" + std::to_string(i) + ".many.example.org", RrType::txt));
  }
  std::size_t ok = 0;
  for (const auto& [query, answer] : ask_and_wait(*resolver, batch, in(seconds(5)))) {
    if (answer->status == Status::ok) ++ok;
  }
  EXPECT_EQ(ok, 1000U);
}

TEST(Unbound, DestructionEndsWhatIsWaiting) {
  DnsServer server(kZone);
  server.script("", Misbehaviour::drop);
  std::atomic<int> timeouts{0};
  {
    const auto resolver = resolver_for(server);
    UnboundResolver* raw = resolver.get();
    for (int i = 0; i < 50; ++i) {
      const auto query = make_query("n" + std::to_string(i) + ".example.org", RrType::a);
      raw->ask({query}, in(seconds(5)), [&timeouts, raw, i](const Query&, const AnswerPtr& answer) {
        if (answer->status == Status::timeout) ++timeouts;
        if (i != 0) return;
        // A callback that asks again is answered as well.
        raw->ask({make_query("again.example.org", RrType::a)}, in(seconds(5)),
                 [&timeouts](const Query&, const AnswerPtr&) { ++timeouts; });
      });
    }
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(timeouts, 51);
}

TEST(Unbound, AskedFromManyThreads) {
  DnsServer server(kZone);
  const auto resolver = resolver_for(server);
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const auto query = make_query("t" + std::to_string(i) + ".many.example.org", RrType::txt);
        if (resolver->cached(query) != nullptr) {
          ++answered;
          continue;
        }
        resolver->ask({query}, in(seconds(10)), [&](const Query&, const AnswerPtr& answer) {
          if (answer->status == Status::ok) ++answered;
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 1000 && answered < 400; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(answered, 400);
}

}  // namespace
}  // namespace gatepost::dns
