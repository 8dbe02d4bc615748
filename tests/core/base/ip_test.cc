#include "core/base/ip.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

struct ParseCase {
  const char* name;
  const char* text;
  const char* expected;  // RFC 5952 text, "" = refused
};

constexpr ParseCase kParseCases[] = {
    {"dotted_quad", "192.0.2.1", "192.0.2.1"},
    {"v6_shortest_rfc5952_4", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
    {"mapped_becomes_v4_rfc7208_5", "::ffff:192.0.2.9", "192.0.2.9"},
    {"smtp_literal", "[IPv6:2001:db8::2]", "2001:db8::2"},
    {"empty", "", ""},
    {"leading_zero", "192.0.2.01", ""},
    {"three_parts", "192.0.2", ""},
    {"trailing_text", "192.0.2.1x", ""},
    {"too_long", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", ""},
};

TEST(IpAddress, Parses) {
  for (const auto& c : kParseCases) {
    const auto address = IpAddress::parse(c.text);
    EXPECT_EQ(address ? address->text() : "", c.expected) << c.name;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpAddress, ReverseNames) {
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->reverse_name(), "1.2.0.192.in-addr.arpa");
  EXPECT_EQ(IpAddress::parse("2001:db8::1")->reverse_name(),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST(IpAddress, PrivateNetworks) {
  for (const char* text : {"10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.0.1", "127.0.0.9",
                           "::1", "::", "fe80::1", "fd00::1"}) {
    EXPECT_TRUE(IpAddress::parse(text)->is_private()) << text;
  }
  for (const char* text : {"8.8.8.8", "172.32.0.1", "2001:db8::1"}) {
    EXPECT_FALSE(IpAddress::parse(text)->is_private()) << text;
  }
}

struct NetworkCase {
  const char* network;
  const char* address;
  bool contains;
};

constexpr NetworkCase kNetworkCases[] = {
    {"192.0.2.0/24", "192.0.2.255", true},        {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.77/25", "192.0.2.1", true},         {"0.0.0.0/0", "203.0.113.5", true},
    {"0.0.0.0/0", "2001:db8::1", false},          {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false}, {"192.0.2.1", "192.0.2.1", true},
};

TEST(IpNetwork, Contains) {
  for (const auto& c : kNetworkCases) {
    EXPECT_EQ(IpNetwork::parse(c.network)->contains(*IpAddress::parse(c.address)), c.contains)
        << c.network << " " << c.address;
  }
}

TEST(IpNetwork, RefusesBadPrefixes) {
  for (const char* text :
       {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/x", "::/129", "/24"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
}

}  // namespace
}  // namespace gatepost
