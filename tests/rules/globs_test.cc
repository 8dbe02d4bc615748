#include "rules/globs.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

std::string random_text(std::mt19937& random, std::string_view letters, std::size_t most) {
  std::string out;
  for (std::size_t i = random() % (most + 1); i > 0; --i) out += letters[random() % letters.size()];
  return out;
}

// The index finds what looking at each glob finds.
TEST(GlobList, MatchesAsEachGlobDoes) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    GlobList list;
    std::vector<std::string> globs;
    for (int i = 0; i < 30; ++i) {
      globs.push_back(random_text(random, "ab*?.A", 11));
      list.add(globs.back());
    }
    for (int i = 0; i < 5; ++i) {
      list.remove(globs.back());
      const std::string gone = to_lower(globs.back());
      std::erase_if(globs, [&](const std::string& one) { return to_lower(one) == gone; });
      if (globs.empty()) break;
    }
    for (int i = 0; i < 100; ++i) {
      const std::string text = random_text(random, "ab.B", 12);
      const bool expected = std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
        return glob_matches(to_lower(glob), to_lower(text));
      });
      ASSERT_EQ(list.matches(text), expected) << text;
    }
  }
}

TEST(GlobList, TextsAreInOrderAndOnce) {
  GlobList list;
  for (const char* text : {"b@x", "*@Y", "A@x", "?.z", "*@y", "B@X"}) list.add(text);
  EXPECT_EQ(list.texts(), (std::vector<std::string>{"a@x", "b@x", "*@y", "?.z"}));
  list.remove("*@Y");
  EXPECT_EQ(list.texts(), (std::vector<std::string>{"a@x", "b@x", "?.z"}));
  list.clear();
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(list.matches("a@x"));
}

TEST(GlobList, LongTextsMatchToo) {
  GlobList list;
  list.add("*" + std::string(400, 'x'));
  EXPECT_TRUE(list.matches(std::string(300, 'y') + std::string(400, 'X')));
  EXPECT_FALSE(list.matches(std::string(300, 'y') + std::string(399, 'X')));
}

}  // namespace
}  // namespace gatepost::rules
