#include "dkim/body_feed.h"

#include <string>

#include <gtest/gtest.h>

namespace gatepost::dkim {
namespace {

struct Case {
  const char* name;
  std::string_view body;
  std::string_view expected;
};

constexpr Case kCases[] = {
    {"empty", "", ""},
    {"clean", "a\r\nb\r\n", "a\r\nb\r\n"},
    {"bare_lf", "a\nb\n\n", "a\r\nb\r\n\r\n"},
    {"mixed", "a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n"},
    {"no_line_end_rfc6376_3_4_3", "a\r\nb", "a\r\nb\r\n"},
    {"bare_cr_stays", "a\rb\r\n", "a\rb\r\n"},
    {"ends_in_cr", "a\r", "a\r\r\n"},
    {"cr_cr_lf", "a\r\r\n", "a\r\r\n"},
    {"lf_first", "\na", "\r\na\r\n"},
};

TEST(BodyFeed, SameOutputForEveryChunking) {
  for (const auto& c : kCases) {
    for (std::size_t size = 1; size <= c.body.size() + 1; ++size) {
      std::string out;
      const auto sink = [&](std::string_view octets) { out += octets; };
      BodyFeed feed;
      for (std::size_t at = 0; at < c.body.size(); at += size) {
        feed.chunk(c.body.substr(at, size), sink);
      }
      feed.finish(sink);
      EXPECT_EQ(out, c.expected) << c.name << " in chunks of " << size;
    }
  }
}

TEST(BodyFeed, CleanChunksAreNotCopied) {
  const std::string body = "a\r\nb\r\n";
  BodyFeed feed;
  feed.chunk(body, [&](std::string_view octets) {
    EXPECT_EQ(octets.data(), body.data());
    EXPECT_EQ(octets.size(), body.size());
  });
}

}  // namespace
}  // namespace gatepost::dkim
