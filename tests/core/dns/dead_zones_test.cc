#include "core/dns/dead_zones.h"

#include <gtest/gtest.h>

namespace gatepost::dns {
namespace {

using std::chrono::seconds;

struct KeyCase {
  const char* name;
  const char* key;
};

constexpr KeyCase kKeyCases[] = {
    {"example.org", "example.org"},
    {"foo.co.uk", "foo.co.uk"},
    {"mail.foo.co.uk", "foo.co.uk"},
    {"a.b.c.d.example.org", "d.example.org"},
    {"_dmarc.example.org", "example.org"},
    {"sel._domainkey.example.org", "example.org"},
    {"a._spf.mail.example.org", "mail.example.org"},
    {"4.3.2.1.zen.list.example", "zen.list.example"},
    {"4.3.2.1.list.example", "list.example"},
    {"9.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
     "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
    {"_tcp", "_tcp"},
    {"org", "org"},
    {"", ""},
};

TEST(DeadZones, KeyStandsForTheZone) {
  for (const auto& c : kKeyCases) EXPECT_EQ(zone_key(c.name), c.key) << c.name;
}

TEST(DeadZones, RemembersForThePeriodAndProbesOnce) {
  DeadZones zones(seconds(60));
  const SteadyTime now{seconds(1000)};
  EXPECT_FALSE(zones.is_dead("a.list.example", now));
  zones.missed("1.2.list.example", now);
  EXPECT_TRUE(zones.is_dead("3.4.list.example", now));
  EXPECT_TRUE(zones.is_dead("list.example", now));
  EXPECT_TRUE(zones.is_dead("x.y.list.example", now)) << "below x.list.example's parent";
  EXPECT_FALSE(zones.is_dead("other.example", now));
  EXPECT_TRUE(zones.take_probe("3.4.list.example", now, now + seconds(5)));
  EXPECT_FALSE(zones.take_probe("5.6.list.example", now, now + seconds(5)));
  EXPECT_TRUE(zones.take_probe("5.6.list.example", now + seconds(5), now + seconds(10)));
  EXPECT_FALSE(zones.is_dead("3.4.list.example", now + seconds(60)));
  zones.missed("1.2.list.example", now);
  zones.answered("7.8.list.example");
  EXPECT_FALSE(zones.is_dead("3.4.list.example", now));
}

TEST(DeadZones, IsBounded) {
  DeadZones zones(seconds(60), 10);
  const SteadyTime now{seconds(1000)};
  for (int i = 0; i < 100; ++i) zones.missed("z" + std::to_string(i) + ".example", now);
  EXPECT_EQ(zones.size(), 10U);
  zones.missed("late.example", now + seconds(61));
  EXPECT_EQ(zones.size(), 1U);
  zones.missed("org", now);
  EXPECT_EQ(zones.size(), 1U) << "never a top-level domain";
}

}  // namespace
}  // namespace gatepost::dns
