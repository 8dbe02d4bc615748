#include "dmarc/domain.h"

#include <gtest/gtest.h>

namespace gatepost::dmarc {
namespace {

TEST(Domain, Canonical) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_EQ(canonical_domain("Example.COM."), "example.com");
  EXPECT_EQ(canonical_domain("xn--85x722f.cn"), "xn--85x722f.cn");
  EXPECT_EQ(canonical_domain("_x.a-b"), "_x.a-b");
  EXPECT_EQ(canonical_domain(longest), longest);
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".a"), std::string("a..b"), std::string("a b"),
        std::string("[192.0.2.1]"), std::string("b\xc3\xbc.de"), std::string("a\0b", 3),
        longest + "a", label + "a.com"}) {
    EXPECT_EQ(canonical_domain(bad), std::nullopt) << bad;
  }
}

TEST(Domain, Labels) {
  EXPECT_EQ(label_count(""), 0U);
  EXPECT_EQ(label_count("com"), 1U);
  EXPECT_EQ(label_count("a.b.com"), 3U);
  EXPECT_EQ(last_labels("a.b.com", 0), "");
  EXPECT_EQ(last_labels("a.b.com", 1), "com");
  EXPECT_EQ(last_labels("a.b.com", 2), "b.com");
  EXPECT_EQ(last_labels("a.b.com", 3), "a.b.com");
  EXPECT_EQ(last_labels("a.b.com", 9), "a.b.com");
  EXPECT_EQ(last_labels("", 2), "");
}

TEST(Domain, Relations) {
  EXPECT_TRUE(is_at_or_below("a.com", "a.com"));
  EXPECT_TRUE(is_at_or_below("b.a.com", "a.com"));
  EXPECT_FALSE(is_at_or_below("ba.com", "a.com"));
  EXPECT_FALSE(is_at_or_below("com", "a.com"));
  EXPECT_FALSE(is_at_or_below("a.com", ""));
  EXPECT_EQ(common_labels("a.b.com", "c.b.com"), 2U);
  EXPECT_EQ(common_labels("ab.com", "b.com"), 1U);
  EXPECT_EQ(common_labels("b.com", "a.b.com"), 2U);
  EXPECT_EQ(common_labels("a.org", "a.com"), 0U);
}

}  // namespace
}  // namespace gatepost::dmarc
