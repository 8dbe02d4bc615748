// DNS lists of clients, a row a rule (RFC 5782).

#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

constexpr std::string_view kZone = R"(
1.2.0.192.bl.example.    A 127.0.0.2
2.2.0.192.bl.example.    A 127.255.255.254
3.2.0.192.bl.example.    A 127.0.0.1
4.2.0.192.bl.example.    A 8.8.8.8
5.2.0.192.bl.example.    A 127.0.0.4
5.2.0.192.bl.example.    A 127.0.0.10
6.2.0.192.bl.example.    A 127.0.0.9
7.2.0.192.bl.example.    A 127.0.0.2
7.2.0.192.bl.example.    A 127.255.255.255
8.2.0.192.bl.example.    TXT "listed without an address"
1.2.0.192.wl.example.    A 127.0.0.3
10.2.0.192.wl.example.   A 127.0.2.1
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example. A 127.0.0.2
1.0.0.127.bl.example.    A 127.0.0.2
)";

struct Case {
  const char* name;
  const char* client;
  std::vector<DnsList> lists;
  const char* findings;
  double score;  // of the verdict, SPF and others are off
  void (*arrange)(Connection&, Policy&) = nullptr;
};

const DnsList kBlock{.zone = "bl.example", .weight = 4};
const DnsList kAllow{.zone = "wl.example", .weight = 2, .allows = true};

const Case kCases[] = {
    {"not_listed", "192.0.2.200", {kBlock}, "", 0},
    {"listed", "192.0.2.1", {kBlock}, "DNSLIST_LISTED(bl.example=127.0.0.2)", 4},
    {"listed_v6", "2001:db8::1", {kBlock}, "DNSLIST_LISTED(bl.example=127.0.0.2)", 4},
    {"not_listed_v6", "2001:db8::2", {kBlock}, "", 0},
    {"you_are_blocked", "192.0.2.2", {kBlock}, "DNSLIST_ERROR(bl.example=127.255.255.254)", 0},
    {"test_entry_of_a_dead_list", "192.0.2.3", {kBlock}, "DNSLIST_ERROR(bl.example=127.0.0.1)", 0},
    {"resolver_that_lies", "192.0.2.4", {kBlock}, "DNSLIST_ERROR(bl.example=8.8.8.8)", 0},
    {"an_error_among_listings_is_an_error",
     "192.0.2.7",
     {kBlock},
     "DNSLIST_ERROR(bl.example=127.255.255.255)",
     0},
    {"codes_that_count",
     "192.0.2.5",
     {{.zone = "bl.example", .weight = 3, .codes = {10}}},
     "DNSLIST_LISTED(bl.example=127.0.0.10)",
     3},
    {"codes_that_do_not_count", "192.0.2.6", {{.zone = "bl.example", .codes = {2, 10}}}, "", 0},
    {"txt_alone_is_no_listing", "192.0.2.8", {kBlock}, "", 0},
    {"servfail_is_no_listing",
     "192.0.2.1",
     {{.zone = "down.example"}},
     "DNSLIST_ERROR(down.example=servfail)",
     0},
    {"allowed", "192.0.2.10", {kAllow}, "DNSLIST_ALLOWED(wl.example=127.0.2.1)", -2},
    {"all_lists_are_asked",
     "192.0.2.1",
     {kBlock, kAllow},
     "DNSLIST_LISTED(bl.example=127.0.0.2) DNSLIST_ALLOWED(wl.example=127.0.0.3)",
     2},
    {"loopback_is_not_asked_for", "127.0.0.1", {kBlock}, "", 0},
    {"trusted_relay_is_not_asked_for",
     "192.0.2.1",
     {kBlock},
     "",
     0,
     [](Connection&, Policy& p) { p.trusted_relays = *MatchList::parse({"192.0.2.1"}); }},
    {"submit_network_is_not_asked_for",
     "192.0.2.1",
     {kBlock},
     "",
     0,
     [](Connection&, Policy& p) { p.submit_networks = *MatchList::parse({"192.0.2.1"}); }},
    {"local_mail_is_not_asked_for",
     "192.0.2.1",
     {kBlock},
     "",
     0,
     [](Connection& c, Policy&) { c.local = true; }},
    {"client_without_address", "", {kBlock}, "", 0},
};

class DnsLists : public ::testing::TestWithParam<Case> {};

TEST_P(DnsLists, Row) {
  const Case& row = GetParam();
  SessionRig rig(program_checks({"dnsbl"}), kZone);
  rig.resolver.fail("1.2.0.192.down.example", dns::Status::servfail);
  Connection connection = SessionRig::client(row.client);
  rig.set_policy([&](Policy& p) {
    p.dns_lists = row.lists;
    if (row.arrange != nullptr) row.arrange(connection, p);
  });
  const Verdict verdict = rig.send({}, connection);
  EXPECT_EQ(findings_with_details(rig), row.findings);
  EXPECT_DOUBLE_EQ(verdict.score, row.score);
}

INSTANTIATE_TEST_SUITE_P(Rows, DnsLists, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(DnsListsQuestions, GoOutInOneBatchAtConnect) {
  SessionRig rig(program_checks({"dnsbl"}));
  rig.set_policy([](Policy& p) { p.dns_lists = {{.zone = "a.example"}, {.zone = "b.example"}}; });
  rig.connect();
  EXPECT_EQ(rig.resolver.questions(), 2U);
  EXPECT_EQ(rig.resolver.batches(), 1U);
}

TEST(DnsListsRefusal, IsAnsweredAtRcptWhenConfigured) {
  SessionRig rig(program_checks({"dnsbl"}), kZone);
  rig.set_policy([](Policy& p) {
    p.dns_lists = {kBlock};
    p.set_rule("DNSLIST_LISTED", {1, Action::reject});
  });
  rig.resolver.hold(true);
  rig.connect(), rig.helo("h.example"), rig.mail();
  StageAnswer answer;
  rig.session->rcpt("<bob@here.example>", SessionRig::into(answer));
  rig.run();
  EXPECT_EQ(answer.calls, 0) << "it waits for the list";
  rig.resolver.release_all();
  rig.run();
  EXPECT_EQ(answer.calls, 1);
  EXPECT_TRUE(answer.verdict.reply.line().starts_with("550 5.7.1 client is on a DNS block list"))
      << answer.verdict.reply.line();
}

}  // namespace
}  // namespace gatepost::test
