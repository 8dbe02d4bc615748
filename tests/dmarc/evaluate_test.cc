// Which policy is published and applied: authors, p= sp= np= t=, and RFC 7489 discovery.
#include "dmarc/evaluate.h"

#include <gtest/gtest.h>

#include "tests/dmarc/zone.h"

namespace gatepost::dmarc {
namespace {

using test::author;
using test::run;
using test::with_dkim;
using test::with_spf;
using test::Zone;

struct AuthorCase {
  const char* name;
  AuthorStatus status;
  const char* domain;
  ResultCode expected;
};

constexpr AuthorCase kAuthorCases[] = {
    {"missing_5_3_1", AuthorStatus::missing, "", ResultCode::none},
    {"several_5_3_1", AuthorStatus::several, "example.com", ResultCode::permerror},
    {"malformed_5_3_1", AuthorStatus::malformed, "example.com", ResultCode::permerror},
    {"address_literal", AuthorStatus::single, "[192.0.2.1]", ResultCode::permerror},
    {"u_label_5_3_1", AuthorStatus::single, "b\xc3\xbc.example", ResultCode::permerror},
    {"empty", AuthorStatus::single, "", ResultCode::permerror},
    {"label_too_long", AuthorStatus::single,
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com", ResultCode::permerror},
};

TEST(Evaluate, AuthorsThatAreNone) {
  for (const auto& c : kAuthorCases) {
    Request request = with_spf(author(c.domain), "example.com");
    request.author_status = c.status;
    const auto result = run(request, {{"example.com", "v=DMARC1;p=reject"}});
    EXPECT_EQ(result.outcome.result, c.expected) << c.name;
    EXPECT_EQ(result.asked, 0U) << c.name;
    EXPECT_EQ(result.outcome.applied_policy, Policy::none) << c.name;
  }
}

// A broken From with one domain that everybody sees: no way around p=reject, and no way to a pass.
TEST(Evaluate, DoubtfulAuthorFailsAndNeverPasses) {
  const Zone zone{{"example.com", "v=DMARC1;p=reject"}};
  Request request = with_spf(author("example.com"), "other.example");
  request.author_status = AuthorStatus::doubtful;
  const auto fails = run(request, zone).outcome;
  EXPECT_EQ(fails.result, ResultCode::fail);
  EXPECT_EQ(fails.applied_policy, Policy::reject);
  const auto aligned = run(with_dkim(request, "example.com"), zone).outcome;
  EXPECT_EQ(aligned.result, ResultCode::permerror);
  EXPECT_EQ(aligned.reason, "the From field is broken: nothing passes for example.com");
  EXPECT_EQ(aligned.applied_policy, Policy::none);
  EXPECT_EQ(run(request, {}).outcome.result, ResultCode::none);
}

struct PolicyCase {
  const char* name;
  const char* author;
  Zone zone;
  ResultCode result;
  Policy policy;
  PolicyTag tag;
  Policy applied;
  bool existence_asked;
};

using enum Policy;
using enum PolicyTag;

Zone exists(Zone zone, const char* name) {
  return zone.address(name, dns::Status::ok);
}

const PolicyCase kPolicyCases[] = {
    {"own_p_4_10_1",
     "example.com",
     {{"example.com", "v=DMARC1;p=reject;sp=none"}},
     ResultCode::fail,
     reject,
     p,
     reject,
     false},
    {"own_record_of_a_subdomain_uses_p_4_10_1",
     "a.example.com",
     {{"a.example.com", "v=DMARC1;p=quarantine;sp=none;np=none"},
      {"example.com", "v=DMARC1;p=reject"}},
     ResultCode::fail,
     quarantine,
     p,
     quarantine,
     false},
    {"subdomain_without_sp_4_7",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=reject"}},
     ResultCode::fail,
     reject,
     p,
     reject,
     false},
    {"subdomain_with_sp_4_7",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=reject;sp=quarantine"}},
     ResultCode::fail,
     quarantine,
     sp,
     quarantine,
     false},
    {"np_equal_to_sp_asks_nothing",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=none;sp=reject;np=reject"}},
     ResultCode::fail,
     reject,
     sp,
     reject,
     false},
    {"np_equal_to_p_asks_nothing",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=reject;np=reject"}},
     ResultCode::fail,
     reject,
     p,
     reject,
     false},
    {"np_for_nxdomain_3_2_11",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=none;np=reject"}},
     ResultCode::fail,
     reject,
     np,
     reject,
     true},
    {"sp_for_existing_4_10_1", "a.example.com",
     exists({{"example.com", "v=DMARC1;p=none;sp=quarantine;np=reject"}}, "a.example.com"),
     ResultCode::fail, quarantine, sp, quarantine, true},
    {"no_data_exists_3_2_11", "a.example.com",
     Zone{{"example.com", "v=DMARC1;p=none;np=reject"}}.address("a.example.com",
                                                                dns::Status::no_data),
     ResultCode::fail, none, p, none, true},
    {"a_name_below_proves_existence_rfc8020",
     "a.example.com",
     {{"a.example.com", "no_data"}, {"example.com", "v=DMARC1;p=none;np=reject"}},
     ResultCode::fail,
     none,
     p,
     none,
     false},
    {"other_txt_below_proves_existence_rfc8020",
     "a.example.com",
     {{"a.example.com", "v=spf1 -all"}, {"example.com", "v=DMARC1;p=none;np=reject"}},
     ResultCode::fail,
     none,
     p,
     none,
     false},
    {"np_of_public_suffix_domain",
     "ghost.example",
     {{"example", "v=DMARC1;p=none;psd=y;np=reject"}},
     ResultCode::fail,
     reject,
     np,
     reject,
     true},
    {"existence_unknown", "a.example.com",
     Zone{{"example.com", "v=DMARC1;p=none;np=reject"}}.address("a.example.com",
                                                                dns::Status::servfail),
     ResultCode::temperror, none, p, none, true},
    {"t_lowers_reject_4_7",
     "example.com",
     {{"example.com", "v=DMARC1;p=reject;t=y"}},
     ResultCode::fail,
     reject,
     p,
     quarantine,
     false},
    {"t_lowers_quarantine_4_7",
     "example.com",
     {{"example.com", "v=DMARC1;p=quarantine;t=y"}},
     ResultCode::fail,
     quarantine,
     p,
     none,
     false},
    {"t_leaves_none_4_7",
     "example.com",
     {{"example.com", "v=DMARC1;p=none;t=y"}},
     ResultCode::fail,
     none,
     p,
     none,
     false},
    {"t_lowers_sp_too_4_7",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=none;sp=reject;t=y"}},
     ResultCode::fail,
     reject,
     sp,
     quarantine,
     false},
    {"no_record_4_10_1", "example.com", {}, ResultCode::none, none, p, none, false},
    {"bad_p_without_rua_4_10_1",
     "example.com",
     {{"example.com", "v=DMARC1;p=x"}},
     ResultCode::none,
     none,
     p,
     none,
     false},
    {"bad_p_at_author_hides_what_is_above_4_10_1",
     "a.example.com",
     {{"a.example.com", "v=DMARC1;p=x"}, {"example.com", "v=DMARC1;p=reject"}},
     ResultCode::none,
     none,
     p,
     none,
     false},
    {"single_label",
     "localhost",
     {{"localhost", "v=DMARC1;p=reject"}},
     ResultCode::fail,
     reject,
     p,
     reject,
     false},
};

TEST(Evaluate, Policies) {
  for (const auto& c : kPolicyCases) {
    const auto result = run(author(c.author), c.zone);
    const Outcome& outcome = result.outcome;
    EXPECT_EQ(outcome.result, c.result) << c.name << ": " << outcome.reason;
    EXPECT_EQ(outcome.policy, c.policy) << c.name;
    EXPECT_EQ(outcome.policy_tag, c.tag) << c.name;
    EXPECT_EQ(outcome.applied_policy, c.applied) << c.name;
    const bool asked = result.rounds.size() == 2;
    EXPECT_EQ(asked, c.existence_asked) << c.name;
    if (asked) {
      EXPECT_EQ(result.rounds[1], std::vector<std::string>{"A " + std::string(c.author)}) << c.name;
    }
    EXPECT_EQ(outcome.queries, result.asked) << c.name;
  }
}

TEST(Evaluate, OversizedRecordIsPermerror) {
  Zone zone;
  zone.add("_dmarc.example.com", "v=DMARC1; p=reject;" + std::string(5000, ' '));
  EXPECT_EQ(run(author("example.com"), zone).outcome.result, ResultCode::permerror);
}

TEST(Evaluate, ExistenceIsNotAskedForWhatPasses) {
  const auto result = run(with_spf(author("a.example.com"), "a.example.com"),
                          {{"example.com", "v=DMARC1;p=none;np=reject"}});
  EXPECT_EQ(result.outcome.result, ResultCode::pass);
  EXPECT_EQ(result.rounds.size(), 1U);
}

TEST(Evaluate, OutcomeTellsAll) {
  const char* text =
      "v=DMARC1; p=none; sp=reject; t=y; rua=mailto:a@x.example; ruf=mailto:f@x.example";
  const Request request =
      with_spf(with_dkim(author("News.Example.COM."), "other.test"), "bounce.test");
  const auto outcome = run(request, {{"example.com", text}}).outcome;
  EXPECT_EQ(outcome.result, ResultCode::fail);
  EXPECT_EQ(outcome.author_domain, "news.example.com");
  EXPECT_EQ(outcome.org_domain, "example.com");
  EXPECT_EQ(outcome.record_domain, "example.com");
  EXPECT_EQ(outcome.location, RecordLocation::organizational_domain);
  EXPECT_TRUE(outcome.testing);
  ASSERT_TRUE(outcome.record.has_value());
  EXPECT_EQ(outcome.record->text, text);
  EXPECT_EQ(outcome.record->rua.at(0).mailbox, "a@x.example");
  EXPECT_EQ(outcome.record->ruf.at(0).mailbox, "f@x.example");
  EXPECT_EQ(outcome.spf.domain, "bounce.test");
  EXPECT_EQ(outcome.dkim.domain, "other.test");
  EXPECT_EQ(outcome.dkim.selector, "s0");
  EXPECT_EQ(outcome.reason,
            "spf: bounce.test is not aligned with news.example.com; "
            "dkim: other.test is not aligned with news.example.com");
}

// RFC 7489 section 6.6.3 and 3.2.
struct SuffixCase {
  const char* name;
  const char* author;
  const char* spf;
  Zone zone;
  ResultCode result;
  const char* record_domain;
  const char* org_domain;
  std::vector<std::string> asked;
};

const SuffixCase kSuffixCases[] = {
    {"author_then_organization",
     "a.b.example.co.uk",
     "x.example.co.uk",
     {{"example.co.uk", "v=DMARC1;p=reject"}},
     ResultCode::pass,
     "example.co.uk",
     "example.co.uk",
     {"_dmarc.a.b.example.co.uk", "_dmarc.example.co.uk"}},
    {"between_is_not_asked",
     "a.b.example.co.uk",
     "x.test",
     {{"b.example.co.uk", "v=DMARC1;p=reject"}},
     ResultCode::none,
     "",
     "example.co.uk",
     {"_dmarc.a.b.example.co.uk", "_dmarc.example.co.uk"}},
    {"organization_itself",
     "example.co.uk",
     "other.co.uk",
     {{"example.co.uk", "v=DMARC1;p=reject"}},
     ResultCode::fail,
     "example.co.uk",
     "example.co.uk",
     {"_dmarc.example.co.uk"}},
    {"psd_tag_is_not_read",
     "a.example.co.uk",
     "example.co.uk",
     {{"a.example.co.uk", "v=DMARC1;p=reject;psd=n"}},
     ResultCode::pass,
     "a.example.co.uk",
     "example.co.uk",
     {"_dmarc.a.example.co.uk", "_dmarc.example.co.uk"}},
    {"several_records_end_it_6_6_3",
     "a.example.co.uk",
     "x.test",
     Zone{{"a.example.co.uk", "v=DMARC1;p=reject"}, {"example.co.uk", "v=DMARC1;p=reject"}}.add(
         "_dmarc.a.example.co.uk", "v=DMARC1;p=none"),
     ResultCode::none,
     "",
     "example.co.uk",
     {"_dmarc.a.example.co.uk", "_dmarc.example.co.uk"}},
    {"public_suffix_as_author",
     "co.uk",
     "co.uk",
     {{"co.uk", "v=DMARC1;p=reject"}},
     ResultCode::pass,
     "co.uk",
     "co.uk",
     {"_dmarc.co.uk"}},
    {"own_failure",
     "a.example.co.uk",
     "a.example.co.uk",
     {{"a.example.co.uk", "servfail"}},
     ResultCode::temperror,
     "",
     "example.co.uk",
     {"_dmarc.a.example.co.uk", "_dmarc.example.co.uk"}},
    {"organization_failure",
     "a.example.co.uk",
     "a.example.co.uk",
     {{"example.co.uk", "servfail"}},
     ResultCode::temperror,
     "",
     "example.co.uk",
     {"_dmarc.a.example.co.uk", "_dmarc.example.co.uk"}},
    {"organization_failure_behind_own_record",
     "a.example.co.uk",
     "a.example.co.uk",
     {{"a.example.co.uk", "v=DMARC1;p=none"}, {"example.co.uk", "servfail"}},
     ResultCode::pass,
     "a.example.co.uk",
     "example.co.uk",
     {"_dmarc.a.example.co.uk", "_dmarc.example.co.uk"}},
};

TEST(Evaluate, PublicSuffixMode) {
  const auto list = PublicSuffixList::parse("com\nuk\nco.uk\n");
  ASSERT_TRUE(list.ok());
  for (const auto& c : kSuffixCases) {
    Request request = with_spf(author(c.author), c.spf);
    request.mode = DiscoveryMode::psl;
    request.public_suffixes = *list;
    const auto result = run(request, c.zone);
    EXPECT_EQ(result.outcome.result, c.result) << c.name << ": " << result.outcome.reason;
    EXPECT_EQ(result.outcome.record_domain, c.record_domain) << c.name;
    EXPECT_EQ(result.outcome.org_domain, c.org_domain) << c.name;
    ASSERT_EQ(result.rounds.size(), 1U) << c.name;
    EXPECT_EQ(result.rounds[0], c.asked) << c.name;
  }
}

TEST(Evaluate, PublicSuffixModeUsesTheBuiltInList) {
  Request request = author("a.example.co.uk");
  request.mode = DiscoveryMode::psl;
  const auto result = run(request, {{"example.co.uk", "v=DMARC1;p=reject;sp=quarantine"}});
  EXPECT_EQ(result.outcome.org_domain, "example.co.uk");
  EXPECT_EQ(result.outcome.policy, quarantine);
}

}  // namespace
}  // namespace gatepost::dmarc
