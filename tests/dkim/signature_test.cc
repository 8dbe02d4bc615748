#include "dkim/signature.h"

#include <string>

#include <gtest/gtest.h>

namespace gatepost::dkim {
namespace {

const std::string kHash = "bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=; ";
const std::string kBase = "v=1; a=rsa-sha256; d=example.com; s=sel; h=from:to; " + kHash;

struct Case {
  const char* name;
  std::string value;
  std::string problem;  // "" = well formed
};

const Case kCases[] = {
    {"minimal", kBase + "b=QUJD", ""},
    {"folded_b_rfc6376_3_5", kBase + "b=QU\r\n\t JD", ""},
    {"no_version_rfc6376_3_5", kBase.substr(5) + "b=QUJD", "no v= tag"},
    {"other_version_rfc6376_6_1_1", "v=0.5" + kBase.substr(3) + "b=QUJD", "v=0.5 is not 1"},
    {"no_b", kBase, "no b= tag"},
    {"empty_b", kBase + "b=", "b= is not base64"},
    {"b_not_base64", kBase + "b=%%%%", "b= is not base64"},
    {"short_body_hash", "v=1; a=rsa-sha256; d=e.org; s=s; h=from; bh=QUJD; b=QUJD",
     "bh= has 3 octets, expected 32"},
    {"unknown_algorithm", "v=1; a=rsa-md5; d=e.org; s=s; h=from; " + kHash + "b=QUJD",
     "a=rsa-md5 is not a known algorithm"},
    {"from_not_signed_rfc6376_5_4", "v=1; a=rsa-sha256; d=e.org; s=s; h=to; " + kHash + "b=QUJD",
     "h= does not name From"},
    {"empty_name_in_h", "v=1; a=rsa-sha256; d=e.org; s=s; h=from::to; " + kHash + "b=QUJD",
     "h= holds a name that cannot be a header field's"},
    {"bad_domain", "v=1; a=rsa-sha256; d=e..org; s=s; h=from; " + kHash + "b=QUJD",
     "d=e..org is not a domain name"},
    {"empty_selector", "v=1; a=rsa-sha256; d=e.org; s=; h=from; " + kHash + "b=QUJD",
     "s= is not a selector"},
    {"identity_outside_rfc6376_3_5", kBase + "i=a@example.org; b=QUJD", "i= is not within d="},
    {"identity_is_no_suffix", kBase + "i=a@badexample.com; b=QUJD", "i= is not within d="},
    {"identity_without_at", kBase + "i=example.com; b=QUJD", "i=example.com is not an address"},
    {"identity_in_subdomain", kBase + "i=a@x.EXAMPLE.com; b=QUJD", ""},
    {"canonicalization", kBase + "c=relaxed; b=QUJD", ""},
    {"unknown_canonicalization", kBase + "c=simple/future; b=QUJD",
     "c=simple/future is not simple or relaxed"},
    {"query_method_rfc6376_3_5", kBase + "q=foo:dns/txt; b=QUJD", ""},
    {"unknown_query_method", kBase + "q=dns/http; b=QUJD", "q=dns/http is not dns/txt"},
    {"negative_length", kBase + "l=-1; b=QUJD", "l=-1 is not a length"},
    {"absurd_length", kBase + "l=9999999999999999999; b=QUJD",
     "l=9999999999999999999 is not a length"},
    {"times_rfc6376_3_5", kBase + "t=5; x=6; b=QUJD", ""},
    {"expires_before_rfc6376_3_5", kBase + "t=6; x=6; b=QUJD", "x= is not later than t="},
    {"time_is_no_number", kBase + "t=now; b=QUJD", "t=now is not a time"},
    {"unknown_tag_rfc6376_3_2", kBase + "r=y; b=QUJD", ""},
    {"duplicate_tag_rfc6376_3_2", kBase + "v=1; b=QUJD", "tag v= stands twice"},
    {"not_a_list", "x", "x: tag without '='"},
    {"empty", "", "tag list is empty"},
};

TEST(Signature, WellFormedByRfc6376Section35) {
  for (const auto& c : kCases) EXPECT_EQ(parse_signature(c.value).problem, c.problem) << c.name;
}

TEST(Signature, ReadsAllTags) {
  const auto parsed = parse_signature(
      " v=1; a=ed25519-sha256; c=relaxed/simple; d=Example.COM; s=Brisbane.A;\r\n\t"
      "i=joe=20x@Mail.example.com; h=From : To:from; l=12; q=dns/txt; t=10; x=20;\r\n\t" +
      kHash + "b=QU JD\r\n REVGR0hJSktM");
  ASSERT_EQ(parsed.problem, "");
  const Signature& s = parsed.fields;
  EXPECT_EQ(s.algorithm, Algorithm::ed25519_sha256);
  EXPECT_EQ(s.header_form, Canonicalization::relaxed);
  EXPECT_EQ(s.body_form, Canonicalization::simple);
  EXPECT_EQ(s.domain, "example.com");
  EXPECT_EQ(s.identity, "joe x@Mail.example.com");
  EXPECT_TRUE(s.identity_in_subdomain);
  EXPECT_EQ(s.signed_headers, (std::vector<std::string>{"from", "to", "from"}));
  EXPECT_EQ(s.times_signed("from"), 2U);
  EXPECT_EQ(s.body_length, 12U);
  EXPECT_EQ(s.timestamp, 10);
  EXPECT_EQ(s.expiration, 20);
  EXPECT_EQ(s.b_prefix, "QUJDREVG");
  EXPECT_EQ(s.signature, "ABCDEFGHIJKL");
  EXPECT_EQ(s.key_query().name, "brisbane.a._domainkey.example.com");
}

TEST(Signature, ALabelsRfc8616) {
  const auto parsed = parse_signature(
      "v=1; a=rsa-sha256; d=b\xc3\xbc"
      "cher.example; s=\xc3\xa4; i=\xc3\xb6@b\xc3\xbc"
      "cher.example; h=from; " +
      kHash + "b=QUJD");
  ASSERT_EQ(parsed.problem, "");
  EXPECT_EQ(parsed.fields.key_query().name, "xn--4ca._domainkey.xn--bcher-kva.example");
  EXPECT_FALSE(parsed.fields.identity_in_subdomain);
}

TEST(Signature, WhatCanBeReadIsTold) {
  const auto parsed = parse_signature("v=5; a=rsa-md5; d=example.com; s=sel; b=QUJDREVGRw==");
  EXPECT_EQ(parsed.problem, "v=5 is not 1");
  EXPECT_EQ(parsed.fields.domain, "example.com");
  EXPECT_EQ(parsed.fields.selector, "sel");
  EXPECT_EQ(parsed.algorithm, "rsa-md5");
  EXPECT_EQ(parsed.fields.b_prefix, "QUJDREVG");
}

TEST(Signature, HeaderListBudgets) {
  std::string names = "from";
  for (std::size_t i = 0; i < kMaxSignedHeaders; ++i) names += ":a";
  const auto many =
      parse_signature("v=1; a=rsa-sha256; d=e.org; s=s; h=" + names + "; " + kHash + "b=QUJD");
  EXPECT_EQ(many.problem, "h= holds more than 1000 names");
  const auto large = parse_signature(kBase + "z=" + std::string(100000, 'x') + "; b=QUJD");
  EXPECT_EQ(large.problem, "tag list is longer than 32768 octets");
}

}  // namespace
}  // namespace gatepost::dkim
