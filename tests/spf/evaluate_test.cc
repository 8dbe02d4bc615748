#include "spf/evaluate.h"

#include <gtest/gtest.h>

#include "tests/spf/zone.h"

namespace gatepost::spf::test {
namespace {

struct Expected {
  ResultCode code = ResultCode::none;
  const char* mechanism = "";
  const char* reason = "";
  int lookups = 0;
  int void_lookups = 0;
};

struct TermCase {
  const char* name;
  const char* record;  ///< of example.com
  Expected expected;
};

/// What the records of the table speak of; the client is 192.0.2.1.
Zone usual_zone() {
  Zone zone;
  zone.address("yes.example", "192.0.2.1");
  zone.address("near.example", "192.0.2.77");
  zone.address("no.example", "203.0.113.1");
  zone.address("six.example", "2001:db8::1");
  zone.timeout("slow.example");
  zone.txt("pass.example", "v=spf1 ip4:192.0.2.1 -all");
  zone.txt("fail.example", "v=spf1 -all");
  zone.txt("soft.example", "v=spf1 ~all");
  zone.txt("open.example", "v=spf1");
  zone.txt("faulty.example", "v=spf1 moo");
  zone.txt("other.example", "not a policy");
  zone.txt("twice.example", "v=spf1 -all");
  zone.txt("twice.example", "v=spf1 +all");
  zone.mx("one.example", "no.example");
  zone.mx("one.example", "yes.example");
  zone.mx("half.example", "slow.example");
  zone.mx("half.example", "yes.example");
  zone.mx("slowmx.example", "slow.example");
  zone.mx("slowmx.example", "no.example");
  zone.mx("gone.example", "nowhere1.example");
  zone.mx("gone.example", "nowhere2.example");
  zone.mx("null.example", "");
  zone.ptr("1.2.0.192.in-addr.arpa", "forged.example.com");
  zone.ptr("1.2.0.192.in-addr.arpa", "notyes.example");
  zone.ptr("1.2.0.192.in-addr.arpa", "yes.example");
  zone.address("forged.example.com", "203.0.113.9");
  return zone;
}

constexpr auto kPass = ResultCode::pass;
constexpr auto kFail = ResultCode::fail;
constexpr auto kPerm = ResultCode::permerror;
constexpr auto kTemp = ResultCode::temperror;
constexpr auto kNeutral = ResultCode::neutral;

constexpr TermCase kTermCases[] = {
    {"default_4_7", "v=spf1", {kNeutral, "default"}},
    {"softfail_2_6", "v=spf1 ~all", {ResultCode::softfail, "~all"}},
    {"first_match_wins_4_6_2", "v=spf1 ?ip4:192.0.2.0/24 -all", {kNeutral, "?ip4:192.0.2.0/24"}},
    {"syntax_first_4_6",
     "v=spf1 +all moo",
     {kPerm, "", "record of example.com: column 13: unknown mechanism: moo"}},
    {"a_5_3", "v=spf1 a:yes.example -all", {kPass, "a:yes.example", "", 1}},
    {"a_cidr_5_3", "v=spf1 a:near.example/24 -all", {kPass, "a:near.example/24", "", 1}},
    {"a_cidr_misses_5_3", "v=spf1 a:near.example/26 -all", {kFail, "-all", "", 1}},
    {"a_no_data_is_void_4_6_4", "v=spf1 a:six.example -all", {kFail, "-all", "", 1, 1}},
    {"a_timeout_5", "v=spf1 a:slow.example +all", {kTemp, "", "DNS A slow.example: timeout", 1}},
    {"unqueryable_name_4_8", "v=spf1 a:x..example -all", {kFail, "-all", "", 1}},
    {"exists_5_7", "v=spf1 exists:no.example -all", {kPass, "exists:no.example", "", 1}},
    {"mx_5_4", "v=spf1 mx:one.example -all", {kPass, "mx:one.example", "", 1}},
    {"mx_is_not_implicit_5_4", "v=spf1 mx:yes.example -all", {kFail, "-all", "", 1, 1}},
    {"mx_match_beats_timeout_5_4",
     "v=spf1 mx:half.example -all",
     {kPass, "mx:half.example", "", 1}},
    {"mx_timeout_5",
     "v=spf1 mx:slowmx.example +all",
     {kTemp, "", "DNS A slow.example: timeout", 1}},
    {"mx_is_one_void_term_4_6_4", "v=spf1 mx:gone.example -all", {kFail, "-all", "", 1, 1}},
    {"null_mx_rfc7505", "v=spf1 mx:null.example -all", {kFail, "-all", "", 1}},
    {"ptr_5_5", "v=spf1 ptr:yes.example -all", {kPass, "ptr:yes.example", "", 1}},
    {"ptr_not_validated_5_5", "v=spf1 ptr:example.com -all", {kFail, "-all", "", 1}},
    {"ptr_ends_at_a_label_5_5", "v=spf1 ptr:es.example -all", {kFail, "-all", "", 1}},
    {"include_pass_5_2",
     "v=spf1 ?include:pass.example -all",
     {kNeutral, "?include:pass.example", "", 1}},
    {"include_fail_5_2", "v=spf1 include:fail.example ~all", {ResultCode::softfail, "~all", "", 1}},
    {"include_softfail_5_2", "v=spf1 include:soft.example -all", {kFail, "-all", "", 1}},
    {"include_neutral_5_2", "v=spf1 include:open.example -all", {kFail, "-all", "", 1}},
    {"include_temperror_5_2",
     "v=spf1 include:slow.example +all",
     {kTemp, "", "DNS TXT slow.example: timeout", 1}},
    {"include_permerror_5_2",
     "v=spf1 include:faulty.example +all",
     {kPerm, "", "record of faulty.example: column 8: unknown mechanism: moo", 1}},
    {"include_none_5_2",
     "v=spf1 include:other.example +all",
     {kPerm, "", "include:other.example: the target has no SPF record", 1}},
    {"include_nxdomain_5_2",
     "v=spf1 include:nowhere.example +all",
     {kPerm, "", "include:nowhere.example: the target has no SPF record", 1, 1}},
    {"include_two_records_4_5",
     "v=spf1 include:twice.example +all",
     {kPerm, "", "twice.example has more than one SPF record (RFC 7208 section 4.5)", 1}},
    {"include_unqueryable_4_8",
     "v=spf1 include:x..example +all",
     {kPerm, "", "include:x..example: the target is not a domain name", 1}},
    {"redirect_6_1", "v=spf1 redirect=fail.example", {kFail, "-all", "", 1}},
    {"redirect_behind_all_5_1", "v=spf1 redirect=fail.example ?all", {kNeutral, "?all"}},
    {"redirect_none_6_1",
     "v=spf1 redirect=other.example",
     {kPerm, "", "redirect=other.example: the target has no SPF record", 1}},
    {"redirect_timeout",
     "v=spf1 redirect=slow.example",
     {kTemp, "", "DNS TXT slow.example: timeout", 1}},
    {"two_voids_4_6_4", "v=spf1 a:n1.example mx:n2.example -all", {kFail, "-all", "", 2, 2}},
    {"three_voids_4_6_4",
     "v=spf1 a:n1.example mx:n2.example exists:n3.example -all",
     {kPerm, "",
      "exists:n3.example: more than 2 lookups without an answer (RFC 7208 section 4.6.4)", 3, 3}},
    {"validated_name_7_3", "v=spf1 exists:%{p} -all", {kPass, "exists:%{p}", "", 1}},
    {"networks_cost_nothing_4_6_4",
     "v=spf1 ip4:203.0.113.0/24 ip6:2001:db8::/32 -all",
     {kFail, "-all"}},
};

TEST(CheckHost, Terms) {
  for (const auto& c : kTermCases) {
    Zone zone = usual_zone();
    zone.txt("example.com", c.record);
    for (const bool prefetch : {true, false}) {
      Request request = request_for("192.0.2.1", "example.com");
      request.prefetch = prefetch;
      const CheckRun run = check(zone, request);
      const Outcome& outcome = run.outcome;
      EXPECT_TRUE(run.finished && run.contract_kept) << c.name;
      EXPECT_STREQ(to_string(outcome.code), to_string(c.expected.code)) << c.name;
      EXPECT_EQ(outcome.mechanism, c.expected.mechanism) << c.name;
      EXPECT_EQ(outcome.reason, c.expected.reason) << c.name;
      EXPECT_EQ(outcome.lookups, c.expected.lookups) << c.name;
      EXPECT_EQ(outcome.void_lookups, c.expected.void_lookups) << c.name;
      EXPECT_EQ(outcome.domain, "example.com") << c.name;
    }
  }
}

struct DnsCase {
  dns::Status status;
  ResultCode code;
};

TEST(CheckHost, EveryDnsStatusOfTheFirstLookupRfc7208Section44) {
  for (const auto& c : std::initializer_list<DnsCase>{{dns::Status::no_data, ResultCode::none},
                                                      {dns::Status::nxdomain, ResultCode::none},
                                                      {dns::Status::servfail, kTemp},
                                                      {dns::Status::refused, kTemp},
                                                      {dns::Status::timeout, kTemp},
                                                      {dns::Status::bogus, kTemp},
                                                      {dns::Status::malformed, kTemp}}) {
    Zone zone;
    zone.status("example.com", dns::RrType::txt, c.status);
    const CheckRun run = check(zone, request_for("192.0.2.1", "example.com"));
    EXPECT_EQ(run.outcome.code, c.code) << dns::to_string(c.status);
    EXPECT_FALSE(run.outcome.reason.empty());
    EXPECT_EQ(run.outcome.lookups, 0);
  }
}

TEST(CheckHost, NothingIsAskedForIdentitiesThatCannotBe) {
  for (const char* domain : {"localhost", "[192.0.2.1]", "a..b", ""}) {
    const CheckRun run = check(Zone(), request_for("192.0.2.1", domain));
    EXPECT_EQ(run.outcome.code, ResultCode::none) << domain;
    EXPECT_FALSE(run.outcome.reason.empty()) << domain;
    EXPECT_TRUE(run.asked.empty()) << domain;
  }
}

TEST(CheckHost, HeloIdentityIsCheckedByItself) {
  Zone zone;
  zone.txt("mail.example.com", "v=spf1 -all exp=why.example");
  zone.txt("why.example", "%{s} %{h} %{o}");
  zone.txt("example.com", "v=spf1 +all");
  Request request = request_for("192.0.2.1", "example.com");
  request.identity = Identity::helo;
  const CheckRun run = check(zone, request);
  EXPECT_EQ(run.outcome.code, kFail);
  EXPECT_EQ(run.outcome.domain, "mail.example.com");
  EXPECT_EQ(run.outcome.explanation,
            "postmaster@mail.example.com mail.example.com mail.example.com");
}

TEST(CheckHost, ALabelsAreAskedForRfc8616Section4) {
  Zone zone;
  zone.txt("xn--bcher-kva.example", "v=spf1 -all");
  const CheckRun run = check(zone, request_for("192.0.2.1",
                                               "B\xc3\xbc"
                                               "cher.example"));
  EXPECT_EQ(run.outcome.code, kFail);
  EXPECT_EQ(run.outcome.domain, "xn--bcher-kva.example");
}

TEST(CheckHost, LocalPartsBeyondAsciiMatchNothingRfc8616Section4) {
  Zone zone;
  zone.txt("example.com",
           "v=spf1 -exists:%{l}.example.com include:%{s}.x.example -all exp=why.example");
  zone.txt("why.example", "no %{l} here");
  Request request = request_for("192.0.2.1", "example.com");
  request.mail_from = "j\xc3\xbcrgen@example.com";
  const CheckRun run = check(zone, request);
  EXPECT_EQ(run.outcome.code, kFail);
  EXPECT_EQ(run.outcome.mechanism, "-all");
  EXPECT_EQ(run.outcome.explanation, "");
  EXPECT_EQ(run.outcome.lookups, 2);
}

TEST(CheckHost, ExplainsWithTheRecordThatFailedRfc7208Section62) {
  Zone zone;
  zone.txt("example.com", "v=spf1 include:inner.example redirect=outer.example exp=not.example");
  zone.txt("inner.example", "v=spf1 -all exp=not.example");
  zone.txt("outer.example", "v=spf1 -all exp=why.%{d}");
  zone.txt("why.outer.example", "%{i} is not of %{d}; %{r}; %{p}");
  zone.txt("not.example", "wrong");
  const CheckRun run = check(zone, request_for("192.0.2.1", "example.com"));
  EXPECT_EQ(run.outcome.explanation, "192.0.2.1 is not of outer.example; mx.example.net; unknown");
}

TEST(CheckHost, PrefersTheValidatedNameOfTheDomainRfc7208Section73) {
  Zone zone;
  for (const char* name : {"other.example", "sub.example.com", "example.com", "zz.example.com"}) {
    zone.ptr("1.2.0.192.in-addr.arpa", name);
    zone.address(name, "192.0.2.1");
  }
  zone.txt("example.com", "v=spf1 -all exp=why.example");
  zone.txt("why.example", "%{p}");
  EXPECT_EQ(check(zone, request_for("192.0.2.1", "example.com")).outcome.explanation,
            "example.com");
  zone.address("foreign.example", "192.0.2.1");
  zone.txt("foreign.net", "v=spf1 -all exp=why.example");
  EXPECT_EQ(check(zone, request_for("192.0.2.1", "foreign.net")).outcome.explanation,
            "other.example");
  zone.txt("mple.com", "v=spf1 -all exp=why.example");  // is no parent of example.com
  EXPECT_EQ(check(zone, request_for("192.0.2.1", "mple.com")).outcome.explanation, "other.example");
}

TEST(CheckHost, MappedClientsAreIpv4Rfc7208Section5) {
  Zone zone;
  zone.txt("example.com", "v=spf1 -ip6:::/0 ip4:192.0.2.1 -all");
  EXPECT_EQ(check(zone, request_for("::ffff:192.0.2.1", "example.com")).outcome.code, kPass);
}

TEST(CheckHost, TracesEachTermWhenAsked) {
  Zone zone = usual_zone();
  zone.txt("example.com", "v=spf1 a:no.%{d1r} include:pass.example -all");
  Request request = request_for("192.0.2.1", "example.com");
  EXPECT_TRUE(check(zone, request).outcome.trace.empty());
  request.trace = true;
  const dns::Status ok = dns::Status::ok;
  const std::vector<TraceEntry> expected = {
      {0,
       "example.com",
       "a:no.%{d1r}",
       "no.example",
       "no match",
       1,
       0,
       {{{"no.example", dns::RrType::a}, ok, 1}}},
      {0,
       "example.com",
       "include:pass.example",
       "pass.example",
       "match",
       2,
       0,
       {{{"pass.example", dns::RrType::txt}, ok, 1}}},
      {1, "pass.example", "ip4:192.0.2.1", "", "match", 2, 0, {}},
  };
  EXPECT_EQ(check(zone, request).outcome.trace, expected);
}

TEST(CheckHost, AsksAheadInOneBatch) {
  Zone zone = usual_zone();
  zone.txt("example.com", "v=spf1 a:no.example mx:one.example include:fail.example -all");
  Request request = request_for("192.0.2.1", "example.com");
  EXPECT_EQ(check(zone, request).steps, 4);  // record, terms, exchanges, the outcome
  request.prefetch = false;
  EXPECT_EQ(check(zone, request).steps, 5);
}

TEST(CheckHost, DoesNotAskBehindACertainEnd) {
  Zone zone;
  zone.txt("example.com", "v=spf1 a:n1.example ip4:192.0.2.0/24 a:n2.example -all");
  const CheckRun run = check(zone, request_for("192.0.2.1", "example.com"));
  EXPECT_EQ(run.outcome.code, kPass);
  EXPECT_EQ(run.asked.size(), 2U);  // the record, n1.example
}

}  // namespace
}  // namespace gatepost::spf::test
