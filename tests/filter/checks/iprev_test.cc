// Reverse DNS, a row a rule.

#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

constexpr std::string_view kZone = R"(
1.2.0.192.in-addr.arpa.  PTR mail.good.example.
mail.good.example.       A 192.0.2.1
2.2.0.192.in-addr.arpa.  PTR mail.other.example.
mail.other.example.      A 192.0.2.99
4.2.0.192.in-addr.arpa.  PTR down.example.
5.2.0.192.in-addr.arpa.  PTR first.example.
5.2.0.192.in-addr.arpa.  PTR second.example.
first.example.           A 192.0.2.50
second.example.          A 192.0.2.77
second.example.          A 192.0.2.5
6.2.0.192.in-addr.arpa.  PTR down.example.
6.2.0.192.in-addr.arpa.  PTR six.example.
six.example.             A 192.0.2.6
7.2.0.192.in-addr.arpa.  PTR down.example.
7.2.0.192.in-addr.arpa.  PTR seven.example.
seven.example.           A 192.0.2.70
8.2.0.192.in-addr.arpa.  PTR only-aaaa.example.
only-aaaa.example.       AAAA 2001:db8::8
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.good.example.
six.good.example.        AAAA 2001:db8::1
1.100.51.198.in-addr.arpa. PTR relay.example.
)";

struct Case {
  const char* name;
  const char* client;
  const char* findings;
  const char* result;  // in Authentication-Results; empty: none
  void (*arrange)(Connection&, Policy&) = nullptr;
};

const Case kCases[] = {
    {"pass", "192.0.2.1", "IPREV_PASS(mail.good.example)", "iprev=pass policy.iprev=192.0.2.1"},
    {"pass_v6", "2001:db8::1", "IPREV_PASS(six.good.example)",
     "iprev=pass policy.iprev=\"2001:db8::1\""},
    {"name_leads_elsewhere", "192.0.2.2", "IPREV_FAIL(mail.other.example has another address)",
     "iprev=fail policy.iprev=192.0.2.2"},
    {"no_name", "192.0.2.3", "IPREV_FAIL(no reverse name)", "iprev=fail policy.iprev=192.0.2.3"},
    {"reverse_zone_is_down", "203.0.113.1", "IPREV_TEMPERROR(PTR: servfail)",
     "iprev=temperror policy.iprev=203.0.113.1"},
    {"address_is_down", "192.0.2.4", "IPREV_TEMPERROR(address of down.example cannot be had)",
     "iprev=temperror policy.iprev=192.0.2.4"},
    {"one_of_several_names_is_enough", "192.0.2.5", "IPREV_PASS(second.example)",
     "iprev=pass policy.iprev=192.0.2.5"},
    {"a_name_that_is_down_does_no_harm", "192.0.2.6", "IPREV_PASS(six.example)",
     "iprev=pass policy.iprev=192.0.2.6"},
    {"unless_no_other_leads_back", "192.0.2.7",
     "IPREV_TEMPERROR(address of down.example cannot be had)",
     "iprev=temperror policy.iprev=192.0.2.7"},
    {"only_the_family_of_the_client_counts", "192.0.2.8",
     "IPREV_FAIL(only-aaaa.example has another address)", "iprev=fail policy.iprev=192.0.2.8"},
    {"trusted_relay_is_not_asked_for", "192.0.2.2", "", "",
     [](Connection&, Policy& p) { p.trusted_relays = *MatchList::parse({"192.0.2.0/24"}); }},
    {"submit_network_is_not_asked_for", "192.0.2.2", "", "",
     [](Connection&, Policy& p) { p.submit_networks = *MatchList::parse({"192.0.2.2"}); }},
    {"local_mail_is_not_asked_for", "192.0.2.2", "", "",
     [](Connection& c, Policy&) { c.local = true; }},
    {"client_without_address_is_not_asked_for", "", "", ""},
};

class Iprev : public ::testing::TestWithParam<Case> {};

TEST_P(Iprev, Row) {
  const Case& row = GetParam();
  SessionRig rig(program_checks({"iprev"}), kZone);
  rig.resolver.fail("1.113.0.203.in-addr.arpa", dns::Status::servfail);
  rig.resolver.fail("down.example", dns::Status::timeout);
  Connection connection = SessionRig::client(row.client);
  rig.set_policy([&](Policy& p) {
    if (row.arrange != nullptr) row.arrange(connection, p);
  });
  const Verdict verdict = rig.send({}, connection);
  EXPECT_EQ(findings_with_details(rig), row.findings);
  const std::string field = "mx.here.example; " + std::string(*row.result ? row.result : "none");
  std::string got = results_field(verdict);
  std::replace(got.begin(), got.end(), '\t', ' ');
  std::erase(got, '\n');
  EXPECT_EQ(got, field);
  EXPECT_EQ(rig.resolver.questions() == 0, *row.result == '\0');
}

INSTANTIATE_TEST_SUITE_P(Rows, Iprev, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

// A client may publish any number of names; the eleventh is not looked at.
TEST(IprevLimits, TenNamesAreLookedAt) {
  for (const int good : {9, 10}) {
    std::string zone;
    for (int i = 0; i < 12; ++i) {
      const std::string name = "n" + std::to_string(100 + i) + ".example. ";
      zone += "1.2.0.192.in-addr.arpa. PTR " + name + "\n";
      zone += name + (i == good ? "A 192.0.2.1\n" : "A 192.0.2.200\n");
    }
    SessionRig rig(program_checks({"iprev"}), zone);
    rig.send({});
    EXPECT_EQ(rig.findings(), good == 9 ? "IPREV_PASS" : "IPREV_FAIL") << good;
    EXPECT_LE(rig.resolver.questions(), 11U);
  }
}

}  // namespace
}  // namespace gatepost::test
