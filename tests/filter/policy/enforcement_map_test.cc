#include "filter/policy/enforcement_map.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

using dmarc::Enforcement;

EnforcementMap map() {
  EnforcementMap map;
  for (const auto& [entry, mode] : {std::pair{".example", Enforcement::off},
                                    {"bank.example", Enforcement::strict},
                                    {".bank.example", Enforcement::standard},
                                    {"B\xc3\xbc"
                                     "cher.test",
                                     Enforcement::off},
                                    {"192.0.2.0/24", Enforcement::off},
                                    {"192.0.2.9", Enforcement::strict},
                                    {"2001:db8::/32", Enforcement::standard}}) {
    EXPECT_TRUE(map.add(entry, mode, true).ok()) << entry;
  }
  return map;
}

std::string text(const std::optional<EnforcementMap::Match>& match) {
  return match ? match->entry + " " + to_string(match->enforcement) : "none";
}

TEST(EnforcementMap, TheClosestEntryHolds) {
  EXPECT_EQ(text(map().of_name("bank.example")), "bank.example strict");
  EXPECT_EQ(text(map().of_name("a.b.bank.example")), ".bank.example standard");
  EXPECT_EQ(text(map().of_name("other.example")), ".example off");
  EXPECT_EQ(text(map().of_name("example")), "none");
  EXPECT_EQ(text(map().of_name("xn--bcher-kva.test")), "xn--bcher-kva.test off");
  EXPECT_EQ(text(map().of_name("")), "none");
  EXPECT_EQ(text(map().of_address(*IpAddress::parse("192.0.2.9"))), "192.0.2.9 strict");
  EXPECT_EQ(text(map().of_address(*IpAddress::parse("192.0.2.8"))), "192.0.2.0/24 off");
  EXPECT_EQ(text(map().of_address(*IpAddress::parse("2001:db8::1"))), "2001:db8::/32 standard");
  EXPECT_EQ(text(map().of_address(*IpAddress::parse("198.51.100.1"))), "none");
}

TEST(EnforcementMap, FaultsSayWhatWasExpected) {
  EnforcementMap map;
  for (const char* entry :
       {"", ".", "a b", "@bank.example", "user@bank.example", "bank..example"}) {
    const auto added = map.add(entry, Enforcement::off, false);
    ASSERT_FALSE(added.ok()) << entry;
    EXPECT_EQ(added.error().what, "expected a name (bank.example) or suffix (.bank.example)");
  }
  EXPECT_FALSE(map.add("192.0.2.1", Enforcement::off, false).ok());
  EXPECT_TRUE(map.empty());
}

}  // namespace
}  // namespace gatepost
