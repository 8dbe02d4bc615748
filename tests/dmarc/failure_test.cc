// Temporary DNS failures: temperror where the missing answer could change the result, and only
// there (RFC 9989 sections 4.10.1 and 5.3.6).
#include <gtest/gtest.h>

#include "tests/dmarc/zone.h"

namespace gatepost::dmarc {
namespace {

using test::author;
using test::run;
using test::with_dkim;
using test::with_spf;
using test::Zone;

struct FailureCase {
  const char* name;
  const char* author;
  const char* dkim;
  Authentication authentication;
  Zone zone;
  ResultCode expected;
};

constexpr auto kPass = Authentication::pass;
constexpr auto kTemperror = Authentication::temperror;

const FailureCase kFailureCases[] = {
    {"own_record",
     "example.com",
     "example.com",
     kPass,
     {{"example.com", "servfail"}},
     ResultCode::temperror},
    {"own_record_timeout_although_the_organization_has_one",
     "a.example.com",
     "a.example.com",
     kPass,
     {{"a.example.com", "timeout"}, {"example.com", "v=DMARC1;p=none"}},
     ResultCode::temperror},
    {"parent_without_own_record",
     "a.example.com",
     "a.example.com",
     kPass,
     {{"example.com", "servfail"}},
     ResultCode::temperror},
    {"top_level_behind_own_record_and_same_domain",
     "example.com",
     "example.com",
     kPass,
     {{"example.com", "v=DMARC1;p=reject"}, {"com", "servfail"}},
     ResultCode::pass},
    {"top_level_behind_own_record_and_unrelated",
     "example.com",
     "other.test",
     kPass,
     {{"example.com", "v=DMARC1;p=reject"}, {"com", "servfail"}},
     ResultCode::fail},
    {"top_level_behind_own_record_and_subdomain",
     "example.com",
     "a.example.com",
     kPass,
     {{"example.com", "v=DMARC1;p=reject"}, {"com", "servfail"}},
     ResultCode::pass},
    {"top_level_could_join_them",
     "example.com",
     "other.com",
     kPass,
     {{"example.com", "v=DMARC1;p=reject"}, {"com", "servfail"}},
     ResultCode::temperror},
    {"top_level_does_not_matter_when_strict",
     "example.com",
     "other.com",
     kPass,
     {{"example.com", "v=DMARC1;p=reject;adkim=s"}, {"com", "servfail"}},
     ResultCode::fail},
    {"top_level_behind_psd_n",
     "example.com",
     "other.com",
     kPass,
     {{"example.com", "v=DMARC1;p=reject;psd=n"}, {"com", "servfail"}},
     ResultCode::fail},
    {"identifier_name",
     "example.com",
     "a.example.com",
     kPass,
     {{"example.com", "v=DMARC1;p=reject"}, {"a.example.com", "servfail"}},
     ResultCode::temperror},
    {"identifier_name_outside_the_organization",
     "example.com",
     "a.other.com",
     kPass,
     {{"example.com", "v=DMARC1;p=reject"}, {"a.other.com", "servfail"}},
     ResultCode::fail},
    {"signature_temperror_aligned",
     "example.com",
     "example.com",
     kTemperror,
     {{"example.com", "v=DMARC1;p=reject"}},
     ResultCode::temperror},
    {"signature_temperror_relaxed",
     "example.com",
     "a.example.com",
     kTemperror,
     {{"example.com", "v=DMARC1;p=reject"}},
     ResultCode::temperror},
    {"signature_temperror_unrelated",
     "example.com",
     "other.com",
     kTemperror,
     {{"example.com", "v=DMARC1;p=reject"}},
     ResultCode::fail},
    {"signature_temperror_without_policy",
     "example.com",
     "example.com",
     kTemperror,
     {},
     ResultCode::none},
    {"nothing_known",
     "example.com",
     "example.com",
     kPass,
     {{"example.com", "timeout"}, {"com", "timeout"}},
     ResultCode::temperror},
};

TEST(TemporaryFailure, Matters) {
  for (const auto& c : kFailureCases) {
    const auto request = with_dkim(author(c.author), c.dkim, c.authentication);
    const auto outcome = run(request, c.zone).outcome;
    EXPECT_EQ(outcome.result, c.expected) << c.name << ": " << outcome.reason;
    if (c.expected != ResultCode::fail) {
      EXPECT_EQ(outcome.applied_policy, Policy::none) << c.name;
    }
  }
}

TEST(TemporaryFailure, AnotherIdentifierThatPassedDecides) {
  const Zone zone{{"example.com", "v=DMARC1;p=reject"}, {"a.example.com", "servfail"}};
  Request request = with_spf(author("example.com"), "example.com");
  request = with_dkim(request, "a.example.com");
  request = with_dkim(request, "b.example.com", Authentication::temperror);
  const auto outcome = run(request, zone).outcome;
  EXPECT_EQ(outcome.result, ResultCode::pass);
  EXPECT_TRUE(outcome.dkim.unknown);
  EXPECT_FALSE(outcome.dkim.aligned);
}

TEST(TemporaryFailure, Reasons) {
  const Zone own{{"example.com", "timeout"}};
  EXPECT_EQ(run(author("example.com"), own).outcome.reason, "_dmarc.example.com: timeout");

  const Zone identifier{{"example.com", "v=DMARC1;p=reject"}, {"a.example.com", "servfail"}};
  EXPECT_EQ(run(with_dkim(author("example.com"), "a.example.com"), identifier).outcome.reason,
            "a.example.com: its organizational domain is not known");

  const Zone plain{{"example.com", "v=DMARC1;p=reject"}};
  EXPECT_EQ(run(with_spf(author("example.com"), "example.com", Authentication::temperror), plain)
                .outcome.reason,
            "example.com: its authentication met a temporary error");

  const auto existence = Zone{{"example.com", "v=DMARC1;p=none;np=reject"}}.address(
      "a.example.com", dns::Status::timeout);
  const auto outcome = run(author("a.example.com"), existence).outcome;
  EXPECT_EQ(outcome.reason,
            "a.example.com: timeout, so it is not known whether sp= or np= applies");
  EXPECT_TRUE(outcome.record.has_value());
}

}  // namespace
}  // namespace gatepost::dmarc
