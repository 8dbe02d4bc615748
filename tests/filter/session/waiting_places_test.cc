#include "filter/session/waiting_places.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gatepost {
namespace {

using Places = std::vector<WaitingPlaces::Place>;

std::size_t take_all(WaitingPlaces& waiting, const char* client, Places& places) {
  std::size_t count = 0;
  while (auto place = waiting.take(*client != '\0' ? IpAddress::parse(client) : std::nullopt)) {
    places.push_back(std::move(*place));
    ++count;
  }
  return count;
}

struct Case {
  const char* name;
  std::size_t places;
  const char* first;
  const char* second;
  std::size_t of_first;   // until it is refused
  std::size_t of_second;  // then
};

const Case kCases[] = {
    {"an_eighth_for_one_address", 80, "192.0.2.1", "192.0.2.1", 10, 0},
    {"the_network_counts_v4", 80, "192.0.2.1", "192.0.2.254", 10, 0},
    {"the_next_network_v4", 80, "192.0.2.1", "192.0.3.1", 10, 10},
    {"the_network_counts_v6", 80, "2001:db8::1", "2001:db8::ffff:0:1", 10, 0},
    {"the_next_network_v6", 80, "2001:db8::1", "2001:db8:0:1::1", 10, 10},
    {"one_at_least", 4, "192.0.2.1", "198.51.100.1", 1, 1},
    {"loopback_has_all", 80, "127.0.0.1", "::1", 80, 0},
    {"local_mail_has_all", 80, "", "192.0.2.1", 80, 0},
};

class WaitingPlacesShares : public ::testing::TestWithParam<Case> {};

TEST_P(WaitingPlacesShares, Row) {
  WaitingPlaces waiting(GetParam().places);
  {
    Places places;
    EXPECT_EQ(take_all(waiting, GetParam().first, places), GetParam().of_first);
    EXPECT_EQ(take_all(waiting, GetParam().second, places), GetParam().of_second);
    EXPECT_EQ(waiting.taken(), GetParam().of_first + GetParam().of_second);
  }
  EXPECT_EQ(waiting.taken(), 0U);
  Places again;
  EXPECT_EQ(take_all(waiting, GetParam().first, again), GetParam().of_first);
}

INSTANTIATE_TEST_SUITE_P(Rows, WaitingPlacesShares, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(WaitingPlaces, MovedPlacesAreGivenBackOnce) {
  WaitingPlaces waiting(8);
  auto place = waiting.take(IpAddress::parse("192.0.2.1"));
  ASSERT_TRUE(place);
  WaitingPlaces::Place moved = std::move(*place);
  place.reset();
  EXPECT_EQ(waiting.taken(), 1U);
  auto other = waiting.take(IpAddress::parse("198.51.100.1"));
  ASSERT_TRUE(other);
  moved = std::move(*other);
  other.reset();
  EXPECT_EQ(waiting.taken(), 1U) << "what it held before went with the other";
}

TEST(WaitingPlaces, ThreadsNeverTakeMoreThanThereAre) {
  WaitingPlaces waiting(16);
  std::atomic<std::size_t> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto client = IpAddress::parse("192.0." + std::to_string(t) + ".1");
      for (int i = 0; i < 2000; ++i) {
        const auto place = waiting.take(client);
        const auto taken = waiting.taken();
        for (auto known = most.load();
             known < taken && !most.compare_exchange_weak(known, taken);) {
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most.load(), 8U) << "four networks with two places each";
  EXPECT_EQ(waiting.taken(), 0U);
}

}  // namespace
}  // namespace gatepost
