// Chains made to cost much, or to be misread.

#include "tests/dkim/arc/arc_test.h"

namespace gatepost::arc::test {
namespace {

TEST(HostileChain, FiftySetsPassAndNoneIsAdded) {
  Message message = dkim::test::sample_message();
  ChainResult chain;
  for (int i = 1; i <= kMaxInstance; ++i) {
    // The chain is known to pass: validating each step would take minutes with sanitizers.
    const auto set = seal(message, {.chain = chain});
    ASSERT_TRUE(set.ok());
    add_set(message, *set);
    chain.status = ChainStatus::pass;
    chain.instance = i;
  }
  const ChainResult fifty = validate(message, hops());
  EXPECT_EQ(summary(fifty), "pass");
  const auto more = seal(message, {.chain = fifty});
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().text(), "the message has 50 sets");

  // By hand: the newest becomes number 51, or all once more.
  Message fifty_one = message;
  fifty_one.fields.insert(fifty_one.fields.begin(),
                          {"ARC-Seal", " i=51; a=rsa-sha256; cv=pass; d=x.example; s=s; b=AA=="});
  EXPECT_EQ(summary(validate(fifty_one, hops())),
            "fail: ARC-Seal: i=51 is not a number from 1 to 50");
  Message twice = message;
  twice.fields.insert(twice.fields.end(), message.fields.begin(), message.fields.begin() + 150);
  EXPECT_EQ(summary(validate(twice, hops())), "fail: more than 50 sets");
}

TEST(HostileChain, ManyFieldsAreNotParsed) {
  Message message = dkim::test::sample_message();
  for (int i = 0; i < 20000; ++i)
    message.fields.push_back(
        {"ARC-Seal", " i=" + std::to_string(i % 50 + 1) + "; " + std::string(300, 'x')});
  EXPECT_EQ(validate(message, {}).status, ChainStatus::fail);
}

// Each set could name a key of its own: a chain asks at most kMaxQueries questions, and none when
// its form is wrong already.
TEST(HostileChain, Questions) {
  Message message = dkim::test::sample_message();
  const auto add = [&](int i, const std::string& cv) {
    const std::string common = "i=" + std::to_string(i) + "; a=rsa-sha256; b=AA==; s=s";
    const std::string number = std::to_string(i);
    message.fields.insert(
        message.fields.begin(),
        {{"ARC-Seal", " " + common + "; d=seal" + number + ".example; cv=" + cv},
         {"ARC-Message-Signature", " " + common + "; d=message" + number + ".example; h=from; bh=" +
                                       "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
         {"ARC-Authentication-Results", " i=" + number + "; x.example; none"}});
  };
  for (int i = 1; i <= kMaxInstance; ++i) add(i, i == 1 ? "none" : "pass");
  const ChainVerifier many(dkim::test::library().keys(), message.fields, {}, kNow);
  EXPECT_EQ(many.key_queries().size(), ChainVerifier::kMaxQueries);
  EXPECT_EQ(many.key_queries().front().name, "s._domainkey.message50.example");

  message.fields.erase(message.fields.begin());
  const ChainVerifier broken(dkim::test::library().keys(), message.fields, {}, kNow);
  EXPECT_TRUE(broken.key_queries().empty());
  EXPECT_FALSE(broken.wants_body());
}

// The form of each body is hashed once; those beyond the budget change oldest-pass only.
TEST(HostileChain, BodyForms) {
  int instance = 0;
  Message message = dkim::test::sample_message();
  ChainResult chain;
  for (; instance < 8; ++instance) {
    auto set = seal(message, {.chain = chain});
    ASSERT_TRUE(set.ok());
    // Not what was signed any more: older message signatures may say anything.
    if (instance < 7) set->message_signature += "; l=" + std::to_string(instance);
    add_set(message, *set);
    chain.status = ChainStatus::pass;
    chain.instance = instance + 1;
  }
  const ChainResult result = validate(message, hops());
  EXPECT_EQ(result.status, ChainStatus::fail);  // the seals cover what was changed
  EXPECT_EQ(result.sets.back().message.result, SignatureCheck::Result::pass);
}

TEST(HostileChain, LongFields) {
  for (const auto kind :
       {FieldKind::authentication_results, FieldKind::message_signature, FieldKind::seal}) {
    const Field field = parse_field(kind, " i=1; " + std::string(40000, 'x'));
    EXPECT_EQ(field.problem, "is longer than 32768 octets");
  }
  Message message = dkim::test::sample_message();
  std::string names = "from";
  for (int i = 0; i < 2000; ++i) names += ":x" + std::to_string(i);
  const Field field =
      parse_field(FieldKind::message_signature,
                  " i=1; a=rsa-sha256; b=AA==; bh=AA==; d=x.example; s=s; h=" + names);
  EXPECT_EQ(field.problem, "h= holds more than 1000 names");
}

TEST(HostileChain, HeaderBeyondTheBudget) {
  Message message = forwarded(1);
  message.fields.push_back({"X", std::string(2000, 'x')});
  dkim::VerifyOptions options;
  options.max_header = 1000;
  const ChainResult chain = validate(message, hops(), {.options = options});
  EXPECT_EQ(summary(chain), "fail: the header is larger than what is verified");
}

// Control characters, line breaks and octets of all kinds in what is shown to people.
TEST(HostileChain, ReasonsAreClean) {
  Message message = dkim::test::sample_message();
  message.fields.push_back({"ARC-Seal", std::string(" i=\x1b[31m\r\n\t\xff; a=x", 17)});
  const ChainResult chain = validate(message, {});
  EXPECT_EQ(chain.status, ChainStatus::fail);
  for (const char c : chain.reason) EXPECT_TRUE(c >= 32 && c < 127) << chain.reason;
}

}  // namespace
}  // namespace gatepost::arc::test
