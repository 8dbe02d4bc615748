#include "rules/database_block.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

namespace gatepost::rules {
namespace {

TEST(DatabaseBlock, GivesAlignedPlacesAsLongAsThereIsRoom) {
  DatabaseBlock block;
  EXPECT_EQ(block.take(1), nullptr);
  ASSERT_TRUE(block.reserve(DatabaseBlock::rounded(100) + DatabaseBlock::rounded(1)));
  auto* const first = static_cast<char*>(block.take(100));
  auto* const second = static_cast<char*>(block.take(1));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % DatabaseBlock::kAlignment, 0U);
  EXPECT_EQ(second - first, 128);
  EXPECT_EQ(block.take(1), nullptr);
}

TEST(DatabaseBlock, PlacesMoveWithIt) {
  constexpr std::size_t kSize = std::size_t{5} << 20;
  DatabaseBlock block;
  ASSERT_TRUE(block.reserve(kSize));
  auto* const place = static_cast<char*>(block.take(kSize));
  ASSERT_NE(place, nullptr);
  std::memset(place, 7, kSize);
  DatabaseBlock other;
  ASSERT_TRUE(other.reserve(1));
  other = std::move(block);
  EXPECT_EQ(place[kSize - 1], 7);
  EXPECT_EQ(other.take(1), nullptr);
  ASSERT_TRUE(other.reserve(64));  // what was there is gone
  EXPECT_NE(other.take(64), nullptr);
}

TEST(DatabaseBlock, NothingIsReservedForNothing) {
  DatabaseBlock block;
  EXPECT_TRUE(block.reserve(0));
  EXPECT_EQ(block.take(1), nullptr);
}

TEST(DatabaseBlock, MoreThanThereIsIsRefused) {
  DatabaseBlock block;
  EXPECT_FALSE(block.reserve(std::size_t{1} << 60));
  EXPECT_EQ(block.take(1), nullptr);
}

}  // namespace
}  // namespace gatepost::rules
