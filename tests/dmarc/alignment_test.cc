// Which identifiers make a message pass (RFC 9989 sections 4.4 and 4.10.2).
#include <gtest/gtest.h>

#include "tests/dmarc/zone.h"

namespace gatepost::dmarc {
namespace {

using test::author;
using test::run;
using test::with_dkim;
using test::with_spf;
using test::Zone;

struct AlignmentCase {
  const char* name;
  const char* author;
  const char* identifier;
  Zone zone;
  bool aligned;
};

const AlignmentCase kAlignmentCases[] = {
    {"identical_4_4", "example.com", "example.com", {{"example.com", "v=DMARC1;p=reject"}}, true},
    {"letter_case_and_dot_rfc4343",
     "example.com",
     "EXAMPLE.com.",
     {{"example.com", "v=DMARC1;p=reject"}},
     true},
    {"relaxed_identifier_below_4_4",
     "example.com",
     "a.b.example.com",
     {{"example.com", "v=DMARC1;p=reject"}},
     true},
    {"relaxed_identifier_above_4_4",
     "a.b.example.com",
     "example.com",
     {{"example.com", "v=DMARC1;p=reject"}},
     true},
    {"relaxed_siblings_4_4",
     "news.example.com",
     "foo.example.com",
     {{"example.com", "v=DMARC1;p=reject"}},
     true},
    {"other_organization_4_4",
     "news.example.com",
     "foo.example.net",
     {{"example.com", "v=DMARC1;p=reject"}, {"example.net", "v=DMARC1;p=none"}},
     false},
    {"name_ends_alike",
     "example.com",
     "notexample.com",
     {{"example.com", "v=DMARC1;p=reject"}, {"notexample.com", "v=DMARC1;p=none"}},
     false},
    {"strict_identical_4_4",
     "example.com",
     "example.com",
     {{"example.com", "v=DMARC1;p=reject;adkim=s;aspf=s"}},
     true},
    {"strict_below_4_4",
     "example.com",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=reject;adkim=s;aspf=s"}},
     false},
    {"strict_above_4_4",
     "a.example.com",
     "example.com",
     {{"example.com", "v=DMARC1;p=reject;adkim=s;aspf=s"}},
     false},
    {"identifier_is_its_own_organization_psd_n",
     "example.com",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=reject"}, {"a.example.com", "v=DMARC1;p=none;psd=n"}},
     false},
    {"author_is_its_own_organization_psd_n",
     "a.example.com",
     "example.com",
     {{"example.com", "v=DMARC1;p=none"}, {"a.example.com", "v=DMARC1;p=reject;psd=n"}},
     false},
    {"below_an_author_with_psd_n",
     "a.example.com",
     "b.a.example.com",
     {{"a.example.com", "v=DMARC1;p=reject;psd=n"}},
     true},
    {"siblings_below_a_public_suffix_psd_y",
     "a.bank.example",
     "b.bank.example",
     {{"bank.example", "v=DMARC1;p=reject;psd=y"}},
     false},
    {"same_below_a_public_suffix_psd_y",
     "x.a.bank.example",
     "y.a.bank.example",
     {{"bank.example", "v=DMARC1;p=reject;psd=y"}},
     true},
    {"public_suffix_itself_is_no_relative_psd_y",
     "a.bank.example",
     "bank.example",
     {{"bank.example", "v=DMARC1;p=reject;psd=y"}},
     false},
    {"author_is_a_public_suffix_psd_y",
     "bank.example",
     "a.bank.example",
     {{"bank.example", "v=DMARC1;p=reject;psd=y"}},
     false},
    {"identical_without_own_record",
     "a.example.com",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=reject"}},
     true},
    {"record_of_top_level_domain_joins_all",
     "a.example",
     "b.example",
     {{"example", "v=DMARC1;p=reject"}},
     true},
    {"deep_identifier_4_10",
     "example.com",
     "a.b.c.d.e.f.g.h.i.j.example.com",
     {{"example.com", "v=DMARC1;p=reject"}},
     true},
    {"identifier_is_no_domain",
     "example.com",
     "exa mple.com",
     {{"example.com", "v=DMARC1;p=reject"}},
     false},
    {"empty_identifier", "example.com", "", {{"example.com", "v=DMARC1;p=reject"}}, false},
};

TEST(Alignment, SpfAndDkimAlike) {
  for (const auto& c : kAlignmentCases) {
    const auto expected = c.aligned ? ResultCode::pass : ResultCode::fail;
    const auto spf = run(with_spf(author(c.author), c.identifier), c.zone).outcome;
    EXPECT_EQ(spf.result, expected) << c.name << ": " << spf.reason;
    EXPECT_EQ(spf.spf.aligned, c.aligned) << c.name;
    EXPECT_FALSE(spf.dkim.aligned) << c.name;
    const auto dkim = run(with_dkim(author(c.author), c.identifier), c.zone).outcome;
    EXPECT_EQ(dkim.result, expected) << c.name << ": " << dkim.reason;
    EXPECT_EQ(dkim.dkim.aligned, c.aligned) << c.name;
    EXPECT_FALSE(dkim.spf.aligned) << c.name;
  }
}

TEST(Alignment, ModesAreApart) {
  const Zone zone{{"example.com", "v=DMARC1;p=reject;adkim=s"}};
  const Request request =
      with_dkim(with_spf(author("example.com"), "a.example.com"), "a.example.com");
  const auto outcome = run(request, zone).outcome;
  EXPECT_TRUE(outcome.spf.aligned);
  EXPECT_EQ(outcome.spf.mode, AlignmentMode::relaxed);
  EXPECT_FALSE(outcome.dkim.aligned);
  EXPECT_EQ(outcome.dkim.mode, AlignmentMode::strict);
  EXPECT_EQ(outcome.reason, "spf passed for a.example.com, aligned (relaxed)");
}

TEST(Alignment, OnlyWhatPassedCounts) {
  const Zone zone{{"example.com", "v=DMARC1;p=reject"}};
  Request request = with_spf(author("example.com"), "example.com", Authentication::fail);
  request = with_dkim(request, "a.example.com", Authentication::fail);
  const auto result = run(request, zone);
  EXPECT_EQ(result.outcome.result, ResultCode::fail);
  EXPECT_EQ(result.outcome.reason, "spf: no identifier passed; dkim: no identifier passed");
  EXPECT_EQ(result.asked, 2U);
}

// One aligned signature is enough, wherever it stands (section 4.4.1).
TEST(Alignment, AnySignature) {
  const Zone zone{{"example.com", "v=DMARC1;p=reject"}};
  Request request = author("example.com");
  request = with_dkim(request, "esp.test");
  request = with_dkim(request, "example.com", Authentication::fail);
  request = with_dkim(request, "example.com");
  const auto outcome = run(request, zone).outcome;
  EXPECT_EQ(outcome.result, ResultCode::pass);
  EXPECT_EQ(outcome.dkim.domain, "example.com");
  EXPECT_EQ(outcome.dkim.selector, "s2");
  EXPECT_EQ(outcome.reason, "dkim passed for example.com, aligned (relaxed)");
}

}  // namespace
}  // namespace gatepost::dmarc
