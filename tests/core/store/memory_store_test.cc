#include "core/store/memory_store.h"

#include "tests/core/store/store_contract.h"

namespace gatepost::store {
namespace {

TEST(MemoryStore, KeepsTheContract) {
  FakeClock clock;
  MemoryStore store(clock);
  check_contract(store, clock);
}

TEST(MemoryStore, FullRefusesNewKeysUntilOthersExpire) {
  FakeClock clock;
  MemoryStore store(clock, 3);
  for (const char* name : {"a", "b", "c"})
    EXPECT_TRUE(written(store, Put{{"s", name}, "", 0, 100}));
  const Write fourth = Put{{"s", "d"}, "", 0, 100};
  const auto refused = store.apply(std::span(&fourth, 1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::temporary);
  EXPECT_EQ(get(store, Add{{"s", "d"}, "", 1, 1}).status, Status::unavailable);
  EXPECT_TRUE(written(store, Put{{"s", "a"}, "again", 0, 100})) << "known keys have their place";
  EXPECT_TRUE(store.health().degraded);
  EXPECT_EQ(store.health().counters.at("refused_full"), 2);
  clock.advance(std::chrono::seconds(101));
  EXPECT_TRUE(written(store, fourth));
  EXPECT_EQ(read(store, "s", "d"), ":0");
  EXPECT_FALSE(store.health().degraded);
}

}  // namespace
}  // namespace gatepost::store
