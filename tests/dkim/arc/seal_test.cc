// What a seal consists of, and when there is none.

#include "tests/dkim/arc/arc_test.h"

namespace gatepost::arc::test {
namespace {

TEST(Seal, RefusedWithReason) {
  const Message message = dkim::test::sample_message();
  ChainResult chain;
  chain.status = ChainStatus::fail;
  chain.instance = 2;
  chain.ended = true;
  EXPECT_EQ(seal(message, {.chain = chain}).error().text(), "the newest set says cv=fail already");
  chain = {};
  chain.status = ChainStatus::fail;
  EXPECT_EQ(seal(message, {.chain = chain}).error().text(),
            "no ARC field of the message has an instance");
  Message no_from = message;
  no_from.fields.erase(no_from.fields.begin());
  EXPECT_EQ(seal(no_from, {}).error().text(), "message has no From field");
  const auto ed25519 = dkim::PrivateKey::generate(dkim::KeyType::ed25519, 0);
  const auto begun = Sealer::begin(message.fields, {"x.example", "s", *ed25519}, kNow);
  ASSERT_FALSE(begun.ok());
  EXPECT_EQ(begun.error().text(), "the key is not RSA");
}

// RFC 8617 section 5.1.2: a broken chain is sealed as such, and the seal covers its own set alone.
TEST(Seal, BrokenChain) {
  Message message = forwarded(2);
  message.body += "changed by nobody\r\n";
  const ChainResult broken = validate(message, hops());
  ASSERT_EQ(broken.status, ChainStatus::fail);
  const auto set = seal(message, {.chain = broken});
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->instance, 3);
  EXPECT_NE(set->seal.find("cv=fail"), std::string::npos);
  add_set(message, *set);
  const ChainResult after = validate(message, hops());
  EXPECT_TRUE(after.ended);
  EXPECT_FALSE(can_seal(after).ok());
}

TEST(Seal, CoversWhatIsThere) {
  Message message = dkim::test::sample_message();
  message.fields.push_back({"DKIM-Signature", " v=1; a=rsa-sha256; d=x.example"});
  message.fields.push_back({"dkim-signature", " v=1; a=rsa-sha256; d=y.example"});
  message.fields.push_back({"X-Spam-Flag", " NO"});
  const auto set = seal(message, {});
  ASSERT_TRUE(set.ok());
  const Field field = parse_field(FieldKind::message_signature, set->message_signature);
  ASSERT_TRUE(field.ok()) << field.problem;
  const auto& signature = field.signature.fields;
  EXPECT_EQ(signature.signed_headers,
            (std::vector<std::string>{"from", "from", "to", "subject", "date", "dkim-signature",
                                      "dkim-signature"}));
  EXPECT_FALSE(signature.body_length.has_value());
  EXPECT_EQ(signature.timestamp, kNow);
}

TEST(Seal, LinesAreShort) {
  Message message = dkim::test::sample_message();
  for (int i = 0; i < 30; ++i) message.fields.push_back({"Received", " x"});
  message.fields.push_back({"List-Unsubscribe-Post", " List-Unsubscribe=One-Click"});
  message.fields.push_back({"Content-Transfer-Encoding", " 8bit"});
  const auto set = seal(message, {.domain = "a-long-name-of-a-mailing-list-host.example"});
  ASSERT_TRUE(set.ok());
  for (const auto& [name, value] :
       {std::pair{"ARC-Seal", set->seal},
        std::pair{"ARC-Message-Signature", set->message_signature},
        std::pair{"ARC-Authentication-Results", set->authentication_results}}) {
    std::size_t column = std::string_view(name).size() + 2;
    for (const char c : value) {
      column = c == '\n' ? 0 : column + (c == '\t' ? 8 : 1);
      EXPECT_LE(column, 78U) << value;
    }
  }
  add_set(message, *set);
  Zone zone = {{"s._domainkey.a-long-name-of-a-mailing-list-host.example", key()->record()}};
  EXPECT_EQ(summary(validate(message, zone)), "pass");
}

TEST(OwnResults, OfOneIdInTheirOrder) {
  const std::vector<mail::HeaderField> fields = {
      {"Authentication-Results", " mx.example; spf=pass smtp.mailfrom=a@b.example"},
      {"authentication-results", " MX.example 1; dkim=pass header.d=b.example; dmarc=pass"},
      {"Authentication-Results", " other.example; arc=pass"},
      {"Authentication-Results", " spf=fail"},
      {"Authentication-Results", " mx.example; (never closed"},
      {"Authentication-Results", " mx.example; none"},
  };
  const auto results = own_results(fields, "mx.example");
  EXPECT_EQ(
      authres::format(results, " "),
      "mx.example; spf=pass smtp.mailfrom=a@b.example; dkim=pass header.d=b.example; dmarc=pass");
}

}  // namespace
}  // namespace gatepost::arc::test
