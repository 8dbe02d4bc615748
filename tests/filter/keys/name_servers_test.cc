// Who serves a key: the closest NS records, CNAMEs, and one question to one server.

#include "filter/keys/name_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/flow/flow_driver.h"
#include "tests/support/dns_server.h"
#include "tests/support/fake_resolver.h"

namespace gatepost::keys {
namespace {

constexpr char kZone[] =
    "our.example. NS ns1.our.example.\n"
    "our.example. NS ns2.host.example.\n"
    "ns1.our.example. A 192.0.2.1\n"
    "ns1.our.example. AAAA 2001:db8::1\n"
    "ns2.host.example. A 192.0.2.2\n"
    "_domainkey.parted.example. NS ns3.host.example.\n"
    "parted.example. NS ns1.our.example.\n"
    "s1._domainkey.alias.example. CNAME s1._domainkey.our.example.\n"
    "a.loop.example. CNAME b.loop.example.\n"
    "b.loop.example. CNAME a.loop.example.\n";

/// "zone: name address, …" or the error.
std::string servers(testing::FakeResolver& resolver, const std::string& name) {
  ServersFlow flow(name);
  FakeClock clock;
  Answers answers(clock.unix_time());
  const auto found = run_flow(flow, resolver, clock, Deadline::never(), answers);
  if (!found) return found.error().text();
  if (!*found) return (*found).error().text();
  std::string text = (*found)->zone + ":";
  for (const NameServer& server : (*found)->servers)
    text += " " + server.name + "/" + server.address;
  return text;
}

struct Case {
  const char* name;
  const char* expected;
};

TEST(NameServers, AreTheClosest) {
  testing::FakeResolver resolver(kZone);
  const Case rows[] = {
      {"s1._domainkey.our.example",
       "our.example: ns1.our.example/192.0.2.1@53 ns1.our.example/2001:db8::1@53 "
       "ns2.host.example/192.0.2.2@53"},
      {"s1._domainkey.news.our.example",
       "our.example: ns1.our.example/192.0.2.1@53 ns1.our.example/2001:db8::1@53 "
       "ns2.host.example/192.0.2.2@53"},
      {"s1._domainkey.parted.example", "_domainkey.parted.example: ns3.host.example/"},
      {"s1._domainkey.alias.example",
       "our.example: ns1.our.example/192.0.2.1@53 ns1.our.example/2001:db8::1@53 "
       "ns2.host.example/192.0.2.2@53"},
      {"s1._domainkey.nowhere.test", "no name servers are known for s1._domainkey.nowhere.test"},
  };
  for (const Case& row : rows) EXPECT_EQ(servers(resolver, row.name), row.expected) << row.name;
}

TEST(NameServers, FailureIsTemporary) {
  testing::FakeResolver resolver(kZone);
  resolver.fail("_domainkey.our.example", dns::Status::servfail);
  EXPECT_EQ(servers(resolver, "s1._domainkey.our.example"),
            "NS of _domainkey.our.example: servfail");
}

TEST(NameServers, OneIsAskedByItsAddress) {
  const std::string text(400, 'x');
  testing::DnsServer server("k.example. TXT \"v=DKIM1; p=AQID\"\nlong.example. TXT \"" +
                            text.substr(0, 200) + "\" \"" + text.substr(200) + "\"\n");
  const auto ask = [&](const char* name, int ms = 5000) {
    return ask_server(server.address(), dns::make_query(name, dns::RrType::txt),
                      std::chrono::milliseconds(ms));
  };
  EXPECT_THAT(ask("k.example").texts, ::testing::ElementsAre("v=DKIM1; p=AQID"));
  EXPECT_EQ(ask("none.example").status, dns::Status::nxdomain);
  server.script("long.example", testing::Misbehaviour::truncate);
  EXPECT_THAT(ask("long.example").texts, ::testing::ElementsAre(text));
  EXPECT_EQ(server.tcp_questions(), 1U);
  server.script("k.example", testing::Misbehaviour::servfail);
  EXPECT_EQ(ask("k.example").status, dns::Status::servfail);
  server.script("k.example", testing::Misbehaviour::drop);
  EXPECT_EQ(ask("k.example", 50).status, dns::Status::timeout);
  server.script("k.example", testing::Misbehaviour::wrong_id);
  EXPECT_EQ(ask("k.example", 50).status, dns::Status::timeout);
  server.script("k.example", testing::Misbehaviour::garbage);
  EXPECT_TRUE(dns::is_temporary(ask("k.example", 50).status));
}

TEST(NameServers, NamesThatCannotBeAreNotAsked) {
  const auto ask = [](const std::string& server, const char* name) {
    return ask_server(server, dns::make_query(name, dns::RrType::txt),
                      std::chrono::milliseconds(50))
        .reason;
  };
  EXPECT_EQ(ask("127.0.0.1@1", "a..b"), "the name cannot be asked for");
  EXPECT_EQ(ask("", "a.example"), "it has no address");
  EXPECT_EQ(ask("localhost", "a.example"), "localhost is no address");
}

}  // namespace
}  // namespace gatepost::keys
