#include "core/dns/zone.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "core/dns/zone_resolver.h"

namespace gatepost::dns {
namespace {

constexpr const char* kZone = R"(; a comment
$ORIGIN example.org.
$TTL 1h
@ IN 600 SOA ns.example.org. admin ( 1 ; serial
      2 3 4
      120 ) ; minimum
  300 IN NS ns
  IN 300 MX 10 mail
  MX 20 backup.example.net.
  TXT "v=spf1 " "-all"
  TXT "quoted \"inside\" ; no comment" plain\032word \065\;
mail A 192.0.2.1
     A 192.0.2.2
     A 192.0.2.1
     AAAA 2001:db8::1
www CNAME mail
far CNAME host.example.net.
loop1 CNAME loop2
loop2 CNAME loop1
*.wild TXT "star"
host.sub.deep A 192.0.2.3
fixed.wild A 192.0.2.4
multi TXT ( "a"
   "b" )
srv._tcp SRV 0 0 25 mail
MiXeD.CaSe A 192.0.2.5
nullmx MX 0 .
$ORIGIN 2.0.192.in-addr.arpa.
1 PTR mail.example.org.
$ORIGIN .
alone.example.com A 192.0.2.9
)";

std::string show(const Answer& answer) {
  std::string text = to_string(answer.status);
  for (const auto& address : answer.addresses) text += " " + address.text();
  for (const auto& one : answer.texts) text += " [" + one + "]";
  for (const auto& name : answer.names) text += " " + name;
  for (const auto& mx : answer.mx) text += " " + std::to_string(mx.preference) + ":" + mx.exchange;
  return text + " " + std::to_string(answer.ttl);
}

struct LookupCase {
  const char* name;
  const char* domain;
  RrType type;
  const char* expected;
};

constexpr LookupCase kLookupCases[] = {
    {"apex_soa", "example.org", RrType::soa, "ok ns.example.org 600"},
    {"omitted_owner_ttl_first", "example.org", RrType::ns, "ok ns.example.org 300"},
    {"smallest_ttl_of_the_set_rfc2181_5_2", "example.org", RrType::mx,
     "ok 10:mail.example.org 20:backup.example.net 300"},
    {"strings_joined_and_escapes_rfc1035_5_1", "example.org", RrType::txt,
     "ok [v=spf1 -all] [quoted \"inside\" ; no commentplain wordA;] 3600"},
    {"duplicates_once_rfc2181_5", "mail.example.org", RrType::a, "ok 192.0.2.1 192.0.2.2 3600"},
    {"aaaa", "mail.example.org", RrType::aaaa, "ok 2001:db8::1 3600"},
    {"cname_followed", "www.example.org", RrType::aaaa, "ok 2001:db8::1 3600"},
    {"cname_asked_itself", "www.example.org", RrType::cname, "ok mail.example.org 3600"},
    {"cname_then_no_data", "www.example.org", RrType::txt, "no_data 120"},
    {"cname_out_of_the_zone", "far.example.org", RrType::a, "nxdomain 300"},
    {"cname_loop", "loop1.example.org", RrType::a, "servfail 0"},
    {"wildcard_rfc4592", "any.thing.wild.example.org", RrType::txt, "ok [star] 3600"},
    {"wildcard_not_for_existing_rfc4592_3_3_1", "fixed.wild.example.org", RrType::txt,
     "no_data 120"},
    {"wildcard_not_below_existing_rfc4592_3_3_1", "a.fixed.wild.example.org", RrType::txt,
     "nxdomain 120"},
    {"wildcard_other_type", "x.wild.example.org", RrType::a, "no_data 120"},
    {"empty_non_terminal_rfc8020", "sub.deep.example.org", RrType::a, "no_data 120"},
    {"nxdomain_negative_ttl_rfc2308_5", "nothing.example.org", RrType::a, "nxdomain 120"},
    {"parentheses", "multi.example.org", RrType::txt, "ok [ab] 3600"},
    {"other_type_makes_the_name", "srv._tcp.example.org", RrType::a, "no_data 120"},
    {"case_is_folded", "mixed.case.example.org", RrType::a, "ok 192.0.2.5 3600"},
    {"null_mx_rfc7505", "nullmx.example.org", RrType::mx, "ok 0: 3600"},
    {"ptr", "1.2.0.192.in-addr.arpa", RrType::ptr, "ok mail.example.org 3600"},
    {"name_from_the_root", "alone.example.com", RrType::a, "ok 192.0.2.9 3600"},
    {"unknown", "example.net", RrType::a, "nxdomain 300"},
};

TEST(Zone, LooksUp) {
  Zone zone;
  const auto added = zone.add_text(kZone);
  ASSERT_TRUE(added.ok()) << added.error().text();
  for (const auto& c : kLookupCases) {
    EXPECT_EQ(show(zone.lookup(make_query(c.domain, c.type)).answer), c.expected) << c.name;
  }
  EXPECT_EQ(zone.lookup(make_query("far.example.org", RrType::a)).outside, "host.example.net");
}

struct FaultCase {
  const char* name;
  const char* text;
  const char* expected;
};

constexpr FaultCase kFaultCases[] = {
    {"unknown_type", "a.example A 192.0.2.1\nb.example FOO x", "z:2: \"FOO\" is no record type"},
    {"no_type", "a.example 300 IN", "z:1: a record type is missing"},
    {"bad_address", "a. A 192.0.2.256", "z:1: A needs an address, not 192.0.2.256"},
    {"v6_in_a", "a. A ::1", "z:1: A needs an address, not ::1"},
    {"open_parenthesis", "\na. TXT ( \"x\"\n\n", "z:2: a ( is not closed"},
    {"close_parenthesis", "a. TXT x )", "z:1: a ) stands without its ("},
    {"open_quote", "\na. TXT \"x\n\n", "z:2: a quoted string is not closed"},
    {"bad_escape", "a. TXT \\25x", "z:1: a \\ with digits needs three, from 000 to 255"},
    {"no_owner", "  A 192.0.2.1", "z:1: the first record needs a name at the start of its line"},
    {"class_ch", "a. CH TXT x", "z:1: only records of class IN are supported"},
    {"include", "$INCLUDE other", "z:1: \"$INCLUDE\" is not supported, only $ORIGIN and $TTL are"},
    {"bad_ttl", "$TTL x", "z:1: $TTL needs a number of seconds"},
    {"mx_without_name", "a. MX 10", "z:1: MX needs a preference from 0 to 65535 and a name"},
    {"mx_preference", "a. MX 70000 b.", "z:1: MX needs a preference from 0 to 65535 and a name"},
    {"soa_short", "a. SOA a. b. 1", "z:1: SOA needs two names and five numbers"},
    {"two_values", "a. PTR b. c.", "z:1: PTR needs one value, found 2"},
    {"cname_and_other_rfc1034_3_6_2", "a. A 192.0.2.1\na. CNAME b.",
     "z:2: a has a CNAME and another record"},
    {"empty_label", "a..b. A 192.0.2.1",
     "z:1: \"a..b.\" is no domain name (labels of 1 to 63 octets, 253 in all)"},
    {"dot_in_label", "a\\.b. A 192.0.2.1", "z:1: a dot within a label is not supported"},
};

TEST(Zone, RefusesWithItsPlace) {
  for (const auto& c : kFaultCases) {
    Zone zone;
    const auto added = zone.add_text(c.text, "z");
    ASSERT_FALSE(added.ok()) << c.name;
    EXPECT_EQ(added.error().text(), c.expected) << c.name;
    EXPECT_EQ(added.error().kind, ErrorKind::config) << c.name;
  }
  Zone zone;
  const auto added = zone.add_text("a. TXT " + std::string(256, 'x'), "z");
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().text(), "z:1: a string of TXT has more than 255 octets, split it");
}

TEST(Zone, TtlUnits) {
  Zone zone;
  ASSERT_TRUE(zone.add_text("a. 1h30m A 192.0.2.1\nb. 1W TXT x\nc. IN 5 TXT x").ok());
  EXPECT_EQ(zone.lookup(make_query("a", RrType::a)).answer.ttl, 5400U);
  EXPECT_EQ(zone.lookup(make_query("b", RrType::txt)).answer.ttl, 604800U);
  EXPECT_EQ(zone.lookup(make_query("c", RrType::txt)).answer.ttl, 5U);
}

TEST(Zone, ReadsFiles) {
  Zone zone;
  const auto missing = zone.add_file("/nonexistent/file.zone");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().text(), "/nonexistent/file.zone: the zone file cannot be read");
  const std::string path = ::testing::TempDir() + "gatepost_zone_test.zone";
  std::ofstream(path) << "a. A 192.0.2.1\n";
  EXPECT_TRUE(zone.add_file(path).ok());
  std::remove(path.c_str());
  EXPECT_EQ(zone.lookup(make_query("A.", RrType::a)).answer.addresses.size(), 1U);
}

struct CoverCase {
  const char* name;
  bool covered;
};

constexpr CoverCase kCoverCases[] = {
    {"example.org", true},
    {"no.such.example.org", true},
    {"alone.example.com", true},
    {"example.com", true} /* empty non-terminal */,
    {"below.alone.example.com", false},
    {"other.example.com", false},
    {"example.net", false},
    {"", false},
};

TEST(Zone, Covers) {
  Zone zone;
  ASSERT_TRUE(zone.add_text(kZone).ok());
  for (const auto& c : kCoverCases) EXPECT_EQ(zone.covers(c.name), c.covered) << c.name;
}

}  // namespace
}  // namespace gatepost::dns
