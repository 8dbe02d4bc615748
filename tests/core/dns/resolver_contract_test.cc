#include "tests/core/dns/resolver_contract.h"

#include "core/dns/unbound_resolver.h"
#include "core/dns/zone_resolver.h"
#include "tests/support/dns_server.h"
#include "tests/support/fake_resolver.h"

namespace gatepost::dns {
namespace {

std::shared_ptr<const Zone> contract_zone() {
  auto zone = std::make_shared<Zone>();
  EXPECT_TRUE(zone->add_text(kContractZone).ok());
  return zone;
}

TEST(ResolverContract, Fake) {
  testing::FakeResolver resolver(kContractZone);
  check_contract(resolver);
  resolver.set_cached(true);
  check_contract(resolver);
}

TEST(ResolverContract, Zone) {
  ZoneResolver resolver(contract_zone());
  check_contract(resolver);
}

TEST(ResolverContract, ZoneBeforeAnother) {
  testing::FakeResolver next;
  ZoneResolver resolver(contract_zone(), &next);
  check_contract(resolver);
  EXPECT_EQ(next.questions(), 0U);
}

TEST(ResolverContract, EmptyZoneBeforeAnother) {
  testing::FakeResolver next(kContractZone);
  ZoneResolver resolver(std::make_shared<Zone>(), &next);
  check_contract(resolver);
}

TEST(ResolverContract, Unbound) {
  testing::DnsServer server(kContractZone);
  UnboundOptions options;
  options.servers = {server.address()};
  auto resolver = UnboundResolver::create(options);
  ASSERT_TRUE(resolver.ok()) << resolver.error().text();
  check_contract(**resolver);
}

TEST(ZoneResolver, FollowsAliasesOutOfTheZone) {
  auto zone = std::make_shared<Zone>();
  ASSERT_TRUE(zone->add_text("$TTL 60\nwww.example.org. CNAME host.example.net.\n").ok());
  testing::FakeResolver next("host.example.net. 300 A 192.0.2.1\n");
  ZoneResolver resolver(zone, &next);
  const auto query = make_query("www.example.org", RrType::a);
  EXPECT_EQ(resolver.cached(query), nullptr);
  const auto answers = ask_and_wait(resolver, {query, make_query("host.example.net", RrType::a)},
                                    in(std::chrono::seconds(1)));
  EXPECT_EQ(answers.at(query)->addresses.size(), 1U);
  EXPECT_EQ(answers.at(query)->ttl, 60U) << "that of the CNAME";
  EXPECT_EQ(next.questions(), 1U) << "equal questions once";
  next.warm(make_query("host.example.net", RrType::a));
  ASSERT_NE(resolver.cached(query), nullptr);
  ZoneResolver alone(zone);
  EXPECT_EQ(alone.cached(query)->status, Status::nxdomain);
}

}  // namespace
}  // namespace gatepost::dns
