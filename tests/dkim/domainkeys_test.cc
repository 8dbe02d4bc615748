#include "dkim/domainkeys.h"

#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

using namespace test;

struct Case {
  const char* name;
  std::string value;
  const char* domain;
  const char* selector;
};

const Case kCases[] = {
    {"rfc4870_3_3",
     " a=rsa-sha1; s=brisbane; d=Football.example.com;\r\n c=simple; q=dns;\r\n b=QUJD",
     "football.example.com", "brisbane"},
    {"no_domain", " a=rsa-sha1; b=QUJD", "", ""},
    {"no_tags", " hello", "", ""},
    {"empty", "", "", ""},
    {"control_characters", " d=a\x1b[2J.example", "", ""},
    {"right_to_left_override", " d=a\xe2\x80\xae.example", "a\\xe2\\x80\\xae.example", ""},
    {"too_long", " d=a.example; b=" + std::string(40000, 'A'), "", ""},
};

TEST(DomainKeys, ClaimIsRead) {
  for (const Case& c : kCases) {
    const DomainKeys claim = parse_domainkeys(c.value);
    EXPECT_EQ(claim.domain, c.domain) << c.name;
    EXPECT_EQ(claim.selector, c.selector) << c.name;
  }
}

TEST(DomainKeys, FieldIsKnownByItsName) {
  EXPECT_TRUE(is_domainkeys("DomainKey-Signature"));
  EXPECT_TRUE(is_domainkeys("domainkey-signature "));
  EXPECT_FALSE(is_domainkeys("DKIM-Signature"));
  EXPECT_FALSE(is_domainkeys("X-DomainKey-Signature"));
}

// RFC 4870 is historic: a message that has nothing else is unsigned, and no key is asked for.
TEST(DomainKeys, AreNeverVerified) {
  Message message = sample_message();
  const auto field = sign(message, rsa_key(), {.algorithm = "rsa-sha1"});
  message.fields.insert(message.fields.begin(), {"DomainKey-Signature", field.value});
  Verifier verifier(library(), {}, kNow);
  for (const auto& each : message.fields) EXPECT_FALSE(verifier.header(each).has_value());
  ASSERT_TRUE(verifier.end_of_headers().ok());
  EXPECT_TRUE(verifier.finish(Answers(kNow))->empty());
  EXPECT_EQ(verifier.cost(), VerifyCost());
}

}  // namespace
}  // namespace gatepost::dkim
