#pragma once
// What every Store keeps to. The store under test is empty and reads the time from the clock given.

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/store/store.h"

namespace gatepost::store {

inline std::string shown(const Answer& answer) {
  if (answer.status != Status::found) return to_string(answer.status);
  return answer.value.data + ":" + std::to_string(answer.value.number);
}

/// Asks and fails the test when it is not answered once.
inline Answer get(Store& store, const Question& question) {
  int answers = 0;
  Answer got;
  store.ask({question}, Deadline::never(), [&](const Question& asked, Answer answer) {
    EXPECT_EQ(asked, question);
    ++answers;
    got = std::move(answer);
  });
  EXPECT_EQ(answers, 1) << "these stores are embedded: they answer before ask() returns";
  return got;
}

inline std::string read(Store& store, const std::string& space, const std::string& name) {
  return shown(get(store, Read{{space, name}}));
}

inline bool written(Store& store, const Write& write) {
  return store.apply(std::span(&write, 1)).ok();
}

inline std::string names(const Page& page) {
  std::string list;
  for (const Entry& entry : page.entries) list += entry.name + " ";
  return list + (page.next ? "..." : "");
}

/// `settle` makes what was written stand where it stands for good (SQLite: in the file).
using Settle = std::function<void()>;

inline void check_values(Store& store, const Settle& settle) {
  EXPECT_EQ(read(store, "s", "a"), "none");
  EXPECT_TRUE(written(store, Put{{"s", "a"}, "one", 7, 100}));
  EXPECT_EQ(read(store, "s", "a"), "one:7") << "a read after a write sees it";
  settle();
  EXPECT_EQ(read(store, "s", "a"), "one:7");
  EXPECT_EQ(read(store, "t", "a"), "none") << "spaces are apart";
  EXPECT_TRUE(written(store, Put{{"s", "a"}, "two", 8, 100 * 86400}));
  settle();
  EXPECT_EQ(read(store, "s", "a"), "two:8") << "the later put replaces, whatever its ttl";
  EXPECT_TRUE(written(store, Put{{"s", "a"}, "three", 9, 50}));
  settle();
  EXPECT_EQ(read(store, "s", "a"), "three:9");
  EXPECT_TRUE(written(store, Erase{{"s", "a"}}));
  EXPECT_EQ(read(store, "s", "a"), "none");
  settle();
  EXPECT_EQ(read(store, "s", "a"), "none");
  EXPECT_TRUE(written(store, Erase{{"s", "never there"}}));
  const std::string octets("\0\xff\n'\x1f", 5);
  EXPECT_TRUE(written(store, Put{{"s", octets}, octets, -1, 0}));
  EXPECT_TRUE(written(store, Put{{"s", ""}, "", 0, 0}));
  settle();
  EXPECT_EQ(read(store, "s", octets), octets + ":-1") << "names and data are any octets";
  EXPECT_EQ(read(store, "s", ""), ":0");
}

inline void check_add(Store& store, const Settle& settle, FakeClock& clock) {
  const auto add = [&](bool prolong = false) {
    return shown(get(store, Add{{"n", "k"}, "first", 2, 100, prolong}));
  };
  EXPECT_EQ(add(), "first:2");
  settle();
  EXPECT_EQ(shown(get(store, Add{{"n", "k"}, "second", 3, 100})), "first:5")
      << "the first writer's data stays";
  EXPECT_TRUE(written(store, Add{{"n", "k"}, "third", -1, 100}));
  settle();
  EXPECT_EQ(read(store, "n", "k"), "first:4");
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(add(), "first:6");
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(add(), "first:2") << "the expiry was that of the first";
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(add(true), "first:4");
  clock.advance(std::chrono::seconds(60));
  settle();
  EXPECT_EQ(read(store, "n", "k"), "first:4") << "it was prolonged";
}

inline void check_expiry(Store& store, const Settle& settle, FakeClock& clock) {
  EXPECT_TRUE(written(store, Put{{"e", "short"}, "s", 0, 10}));
  EXPECT_TRUE(written(store, Put{{"e", "long"}, "l", 0, 40 * 86400}));
  EXPECT_TRUE(written(store, Put{{"e", "ever"}, "e", 0, 0}));
  settle();
  clock.advance(std::chrono::seconds(9));
  EXPECT_EQ(read(store, "e", "short"), "s:0");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(read(store, "e", "short"), "none");
  EXPECT_EQ(names(*store.scan("e", "", "", 10)), "ever long ");
  settle();
  clock.advance(std::chrono::hours(24 * 60));
  settle();
  EXPECT_EQ(read(store, "e", "long"), "none");
  EXPECT_EQ(read(store, "e", "ever"), "e:0");
  // A clock that was set back: entries live longer, nothing else.
  clock.advance(-std::chrono::hours(24 * 61));
  EXPECT_EQ(read(store, "e", "ever"), "e:0");
  EXPECT_TRUE(written(store, Put{{"e", "again"}, "a", 0, 10}));
  settle();
  EXPECT_EQ(read(store, "e", "again"), "a:0");
}

inline void check_scan(Store& store, const Settle& settle) {
  EXPECT_EQ(names(*store.scan("p", "", "", 10)), "");
  for (const char* name : {"b1", "a1", "b3", "b2", "c1"})
    EXPECT_TRUE(written(store, Put{{"p", name}, name, 1, name[1] == '2' ? 100 : 9000000}));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(names(*store.scan("p", "", "", 10)), "a1 b1 b2 b3 c1 ");
    EXPECT_EQ(names(*store.scan("p", "b", "", 10)), "b1 b2 b3 ");
    EXPECT_EQ(names(*store.scan("p", "b", "b1", 10)), "b2 b3 ");
    EXPECT_EQ(names(*store.scan("p", "", "b2", 10)), "b3 c1 ");
    std::string all;
    std::string after;
    for (int pages = 0; pages < 10; ++pages) {
      const Page page = *store.scan("p", "", after, 2);
      EXPECT_LE(page.entries.size(), 2U);
      for (const Entry& entry : page.entries) all += entry.name + " ";
      if (!page.next) break;
      after = *page.next;
    }
    EXPECT_EQ(all, "a1 b1 b2 b3 c1 ");
    settle();
  }
  EXPECT_TRUE(written(store, Erase{{"p", "b1"}}));
  EXPECT_EQ(names(*store.scan("p", "b", "", 10)), "b2 b3 ") << "what is erased is not listed";
}

inline void check_budgets(Store& store) {
  const std::string long_name(kMaxName + 1, 'n');
  const std::string long_data(kMaxData + 1, 'd');
  for (const Write& write :
       std::vector<Write>{Put{{"S", "upper case"}, "", 0, 1}, Put{{"", "no space"}, "", 0, 1},
                          Put{{"9", "a digit first"}, "", 0, 1},
                          Put{{"a; DROP TABLE b", "x"}, "", 0, 1}, Put{{"s", long_name}, "", 0, 1},
                          Put{{"s", "n"}, long_data, 0, 1}, Add{{"s", "n"}, long_data, 0, 1}}) {
    const auto refused = store.apply(std::span(&write, 1));
    ASSERT_FALSE(refused.ok()) << key_of(write).space;
    EXPECT_EQ(refused.error().kind, ErrorKind::permanent) << refused.error().text();
  }
  EXPECT_EQ(get(store, Read{{"s", long_name}}).status, Status::refused);
  EXPECT_EQ(get(store, Add{{"Bad", "n"}, "", 1, 1}).status, Status::refused);
  const Write some[] = {Put{{"S", "bad"}, "", 0, 1}, Put{{"s", "good"}, "g", 0, 0}};
  EXPECT_FALSE(store.apply(some).ok());
  EXPECT_EQ(read(store, "s", "good"), "g:0") << "one bad write does not stop the others";
}

/// Numbers add up whoever adds, and readers see them grow.
inline void check_threads(Store& store, const Settle& settle) {
  constexpr int kThreads = 4;
  constexpr int kAdds = 200;
  std::vector<std::thread> threads;
  std::atomic<int> went_back{0};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::int64_t last = 0;
      for (int n = 0; n < kAdds; ++n) {
        (void)store.now(Add{{"c", "sum"}, "", 1, 0});
        const auto seen = store.now(Read{{"c", "sum"}});
        if (!seen || seen->value.number < last) ++went_back;
        if (seen) last = seen->value.number;
        written(store, Put{{"c", "own" + std::to_string(i)}, "", n, 1000 + n * 86400});
        (void)store.scan("c", "own", "", 3);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(went_back, 0);
  settle();
  EXPECT_EQ(read(store, "c", "sum"), ":" + std::to_string(kThreads * kAdds));
  EXPECT_EQ(read(store, "c", "own3"), ":" + std::to_string(kAdds - 1));
}

inline void check_contract(
    Store& store, FakeClock& clock, const Settle& settle = [] {}) {
  check_values(store, settle);
  check_add(store, settle, clock);
  check_scan(store, settle);
  check_budgets(store);
  check_threads(store, settle);
  check_expiry(store, settle, clock);
  store.ask({}, Deadline::never(), [](const Question&, const Answer&) { ADD_FAILURE(); });
  EXPECT_FALSE(store.health().degraded) << store.health().why;
}

}  // namespace gatepost::store
