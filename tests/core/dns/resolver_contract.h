#pragma once
// What every Resolver keeps to. A resolver under test answers from kContractZone.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "core/dns/resolver.h"

namespace gatepost::dns {

inline constexpr const char* kContractZone = R"($TTL 300
example.org. SOA ns.example.org. admin.example.org. 1 2 3 4 120
example.org. TXT "v=spf1 " "-all"
example.org. MX 10 mail.example.org.
example.org. MX 20 backup.example.org.
mail.example.org. A 192.0.2.1
mail.example.org. AAAA 2001:db8::1
www.example.org. CNAME mail.example.org.
below.nothing.example.org. A 192.0.2.2
nullmx.example.org. MX 0 .
*.wild.example.org. TXT "star"
host.test. A 192.0.2.3
host.invalid. A 192.0.2.4
1.2.0.192.in-addr.arpa. PTR mail.example.org.
7.1.168.192.in-addr.arpa. PTR lan.example.org.
)";

/// Asks and waits; fails the test when an answer comes twice or not at all.
inline std::map<Query, AnswerPtr> ask_and_wait(Resolver& resolver, const std::vector<Query>& batch,
                                               Deadline deadline) {
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::multimap<Query, AnswerPtr> answers;
  };
  const auto state = std::make_shared<State>();
  resolver.ask(batch, deadline, [state](const Query& query, AnswerPtr answer) {
    std::lock_guard lock(state->mutex);
    state->answers.emplace(query, std::move(answer));
    state->wake.notify_one();
  });
  std::unique_lock lock(state->mutex);
  EXPECT_TRUE(state->wake.wait_for(lock, std::chrono::seconds(20),
                                   [&] { return state->answers.size() >= batch.size(); }));
  EXPECT_EQ(state->answers.size(), batch.size());
  std::map<Query, AnswerPtr> answers;
  for (const auto& [query, answer] : state->answers) {
    EXPECT_TRUE(answer != nullptr && answers.emplace(query, answer).second) << query.name;
  }
  return answers;
}

inline Deadline in(std::chrono::milliseconds time) {
  return {std::chrono::steady_clock::now() + time};
}

struct ContractCase {
  const char* name;
  const char* domain;
  RrType type;
  Status status;
  std::size_t records;
};

inline const ContractCase kContractCases[] = {
    {"txt", "example.org", RrType::txt, Status::ok, 1},
    {"mx", "example.org", RrType::mx, Status::ok, 2},
    {"a", "mail.example.org", RrType::a, Status::ok, 1},
    {"aaaa", "mail.example.org", RrType::aaaa, Status::ok, 1},
    {"cname_followed", "www.example.org", RrType::a, Status::ok, 1},
    {"cname_without_the_type", "www.example.org", RrType::txt, Status::no_data, 0},
    {"no_data", "mail.example.org", RrType::txt, Status::no_data, 0},
    {"empty_non_terminal", "nothing.example.org", RrType::a, Status::no_data, 0},
    {"nxdomain", "none.example.org", RrType::a, Status::nxdomain, 0},
    {"wildcard", "any.wild.example.org", RrType::txt, Status::ok, 1},
    {"null_mx", "nullmx.example.org", RrType::mx, Status::ok, 1},
    {"ptr", "1.2.0.192.in-addr.arpa", RrType::ptr, Status::ok, 1},
    {"private_reverse_zone_is_asked", "7.1.168.192.in-addr.arpa", RrType::ptr, Status::ok, 1},
    {"test_is_asked", "host.test", RrType::a, Status::ok, 1},
    {"invalid_is_asked", "host.invalid", RrType::a, Status::ok, 1},
    {"impossible_name", "a..example.org", RrType::a, Status::nxdomain, 0},
};

inline void check_contract(Resolver& resolver) {
  std::vector<Query> batch;
  for (const auto& c : kContractCases) batch.push_back(make_query(c.domain, c.type));
  for (int round = 0; round < 2; ++round) {
    const auto answers = ask_and_wait(resolver, batch, in(std::chrono::seconds(10)));
    for (const auto& c : kContractCases) {
      const auto found = answers.find(make_query(c.domain, c.type));
      ASSERT_NE(found, answers.end()) << c.name;
      const Answer& answer = *found->second;
      EXPECT_EQ(answer.status, c.status) << c.name << " " << answer.reason;
      EXPECT_EQ(
          answer.addresses.size() + answer.texts.size() + answer.names.size() + answer.mx.size(),
          c.records)
          << c.name;
      if (const auto known = resolver.cached(found->first)) {
        EXPECT_EQ(known->status, c.status) << c.name;
      }
    }
    const auto spf = answers.at(make_query("example.org", RrType::txt));
    EXPECT_EQ(spf->texts, std::vector<std::string>{"v=spf1 -all"});
  }
  // Nothing asked: nothing said.
  resolver.ask({}, in(std::chrono::seconds(1)),
               [](const Query&, const AnswerPtr&) { ADD_FAILURE(); });
}

}  // namespace gatepost::dns
