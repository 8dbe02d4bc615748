// Chains that were changed on their way: result, reason and oldest-pass (RFC 8617 section 5.2).

#include "core/base/encoding.h"
#include "dkim/header_hash.h"
#include "tests/dkim/arc/arc_test.h"

namespace gatepost::arc::test {
namespace {

constexpr auto kResults = FieldKind::authentication_results;
constexpr auto kMessage = FieldKind::message_signature;
constexpr auto kSeal = FieldKind::seal;

void erase(Message& message, FieldKind kind, int instance) {
  const auto* field = &field_of(message, kind, instance);
  message.fields.erase(message.fields.begin() + (field - message.fields.data()));
}

struct Case {
  const char* name;
  int sealers;
  const char* expected;
  void (*change)(Message&) = [](Message&) {};
  void (*zone)(Zone&) = [](Zone&) {};
  Change by_hop = no_change;
  Change on_the_way = no_change;
  std::int64_t now = kNow;
};

const Case kCases[] = {
    {"no_chain", 0, "none"},
    {"one_set", 1, "pass"},
    {"five_sets", 5, "pass"},
    {"names_in_any_case", 1, "pass", [](Message& m) { field_of(m, kSeal, 1).name = "arc-SEAL "; }},
    {"sets_in_any_order", 2, "pass",
     [](Message& m) { std::reverse(m.fields.begin(), m.fields.begin() + 6); }},

    // oldest-pass, section 5.2 step 5
    {"changed_by_the_second_hop", 3, "pass, oldest 2", [](Message&) {}, [](Zone&) {},
     [](int instance, Message& m) {
       if (instance == 2) m.body += "A footer.\r\n";
     }},
    {"changed_by_every_hop", 3, "pass, oldest 3", [](Message&) {}, [](Zone&) {},
     [](int instance, Message& m) {
       if (instance > 1) m.body += "A footer.\r\n";
     }},
    {"old_key_of_a_message_signature_is_gone", 2, "fail: ARC-Seal of set 1: no key for signature",
     [](Message&) {}, [](Zone& z) { z.erase("s._domainkey.hop1.example"); }},

    // steps 4 and 6
    {"body_changed", 2, "fail: ARC-Message-Signature of set 2: body hash does not match",
     [](Message& m) { m.body += "x\r\n"; }},
    {"subject_changed", 2, "fail: ARC-Message-Signature of set 2: signature does not match",
     [](Message& m) { m.fields.back().value += "x"; }},
    {"second_from", 1, "fail: ARC-Message-Signature of set 1: signature does not match",
     [](Message& m) {
       m.fields.push_back({"From", " eve@evil.example"});
     }},
    {"old_results_changed", 2, "fail: ARC-Seal of set 2: signature does not match",
     [](Message& m) { replace(field_of(m, kResults, 1), "dmarc=pass", "dmarc=fail"); }},
    {"newest_results_changed", 2, "fail: ARC-Seal of set 2: signature does not match",
     [](Message& m) { replace(field_of(m, kResults, 2), "dmarc=pass", "dmarc=fail"); }},
    {"old_message_signature_changed", 2, "fail: ARC-Seal of set 2: signature does not match",
     [](Message& m) { replace(field_of(m, kMessage, 1), "t=", "t=1"); }},

    // step 2
    {"ended_chain", 3,
     "fail: the sealer hop3.example found the chain broken before us (cv=fail in set 3)",
     [](Message&) {}, [](Zone&) {}, no_change,
     [](int instance, Message& m) {
       if (instance == 2) m.body += "unsealed change\r\n";
     }},

    // step 3: structure
    {"gap", 3, "fail: set 2 is missing, the newest is 3",
     [](Message& m) {
       for (const auto kind : {kResults, kMessage, kSeal}) erase(m, kind, 2);
     }},
    {"first_set_is_missing", 2, "fail: set 1 is missing, the newest is 2",
     [](Message& m) {
       for (const auto kind : {kResults, kMessage, kSeal}) erase(m, kind, 1);
     }},
    {"newest_set_is_cut_off", 2, "pass",
     [](Message& m) {
       for (const auto kind : {kResults, kMessage, kSeal}) erase(m, kind, 2);
     }},
    {"no_seal", 2, "fail: set 1 has no ARC-Seal field", [](Message& m) { erase(m, kSeal, 1); }},
    {"no_message_signature", 1, "fail: set 1 has no ARC-Message-Signature field",
     [](Message& m) { erase(m, kMessage, 1); }},
    {"no_results", 1, "fail: set 1 has no ARC-Authentication-Results field",
     [](Message& m) { erase(m, kResults, 1); }},
    {"seal_twice", 1, "fail: set 1 has two ARC-Seal fields",
     [](Message& m) {
       const auto copy = field_of(m, kSeal, 1);
       m.fields.push_back(copy);
     }},
    {"results_twice", 1, "fail: set 1 has two ARC-Authentication-Results fields",
     [](Message& m) {
       const auto copy = field_of(m, kResults, 1);
       m.fields.push_back(copy);
     }},
    {"first_cv_is_pass", 1, "fail: ARC-Seal of set 1 has cv=pass, expected cv=none",
     [](Message& m) { replace(field_of(m, kSeal, 1), "cv=none", "cv=pass"); }},
    {"second_cv_is_none", 2, "fail: ARC-Seal of set 2 has cv=none, expected cv=pass",
     [](Message& m) { replace(field_of(m, kSeal, 2), "cv=pass", "cv=none"); }},
    {"inner_cv_is_fail", 2, "fail: ARC-Seal of set 1 has cv=fail, expected cv=none",
     [](Message& m) { replace(field_of(m, kSeal, 1), "cv=none", "cv=fail"); }},
    {"cv_unknown", 1, "fail: ARC-Seal of set 1: cv=maybe is not none, pass or fail",
     [](Message& m) { replace(field_of(m, kSeal, 1), "cv=none", "cv=maybe"); }},
    {"cv_missing", 1, "fail: ARC-Seal of set 1: no cv= tag",
     [](Message& m) { replace(field_of(m, kSeal, 1), "cv=none;", ""); }},

    // form of the fields
    {"instance_51", 1, "fail: ARC-Seal: i=51 is not a number from 1 to 50",
     [](Message& m) { replace(field_of(m, kSeal, 1), "i=1", "i=51"); }},
    {"instance_0", 1, "fail: ARC-Message-Signature: i=0 is not a number from 1 to 50",
     [](Message& m) { replace(field_of(m, kMessage, 1), "i=1", "i=0"); }},
    {"instance_of_three_digits", 1,
     "fail: ARC-Authentication-Results: i=001 is not a number from 1 to 50",
     [](Message& m) { replace(field_of(m, kResults, 1), "i=1", "i=001"); }},
    {"instance_missing", 1, "fail: ARC-Seal: no i= tag",
     [](Message& m) { replace(field_of(m, kSeal, 1), "i=1;", ""); }},
    {"instance_huge", 1, "fail: ARC-Seal: i=99999999999999999999... is not a number from 1 to 50",
     [](Message& m) { replace(field_of(m, kSeal, 1), "i=1", "i=" + std::string(1000, '9')); }},
    {"comments_around_the_instance", 1, "fail: ARC-Seal of set 1: signature does not match",
     [](Message& m) { replace(field_of(m, kResults, 1), "i=1;", "(x) i (y) = 1 (z);"); }},
    {"tag_twice", 1, "fail: ARC-Seal: tag d= stands twice",
     [](Message& m) { replace(field_of(m, kSeal, 1), "d=", "d=x.example; d="); }},
    {"h_in_a_seal_rfc8617_4_1_3", 1, "fail: ARC-Seal of set 1: h= is not allowed in ARC-Seal",
     [](Message& m) { replace(field_of(m, kSeal, 1), "cv=", "h=from; cv="); }},
    {"arc_seal_in_h_rfc8617_4_1_2", 1, "fail: ARC-Message-Signature of set 1: h= names ARC-Seal",
     [](Message& m) { replace(field_of(m, kMessage, 1), "h=from", "h=arc-seal:from"); }},
    {"sha1_rfc8301", 1, "fail: ARC-Seal of set 1: rsa-sha1 is historic",
     [](Message& m) { replace(field_of(m, kSeal, 1), "a=rsa-sha256", "a=rsa-sha1"); }},
    {"from_the_future", 1,
     "fail: ARC-Message-Signature of set 1: signature timestamp is in the future", [](Message&) {},
     [](Zone&) {}, no_change, no_change, kNow - 1000},

    // keys
    {"no_key", 1, "fail: ARC-Message-Signature of set 1: no key for signature", [](Message&) {},
     [](Zone& z) { z.clear(); }},
    {"key_revoked", 1, "fail: ARC-Message-Signature of set 1: key revoked", [](Message&) {},
     [](Zone& z) { z["s._domainkey.hop1.example"] = "v=DKIM1; p="; }},
    {"dns_failure_rfc8617_5_2_1", 1, "fail: ARC-Message-Signature of set 1: key query: servfail",
     [](Message&) {}, [](Zone& z) { z["s._domainkey.hop1.example"] = "!servfail"; }},
    {"key_of_another_type", 1,
     "fail: ARC-Message-Signature of set 1: key is ed25519, signature is rsa-sha256",
     [](Message&) {},
     [](Zone& z) { z["s._domainkey.hop1.example"] = dkim::test::ed25519_key().record(); }},
    {"key_not_for_mail", 1, "fail: ARC-Message-Signature of set 1: key is not for e-mail (s=)",
     [](Message&) {}, [](Zone& z) { z["s._domainkey.hop1.example"] += "; s=tlsrpt"; }},
};

class Chain : public testing::TestWithParam<Case> {};

TEST_P(Chain, HasResultAndReason) {
  const Case& row = GetParam();
  Message message = forwarded(row.sealers, row.by_hop, row.on_the_way);
  row.change(message);
  Zone zone = hops();
  row.zone(zone);
  const ChainResult chain = validate(message, zone, {.now = row.now, .chunk = 5});
  EXPECT_EQ(summary(chain), row.expected);
  EXPECT_EQ(chain.ended, std::string_view(row.name) == "ended_chain");
  EXPECT_EQ(chain.temporary, std::string_view(row.name) == "dns_failure_rfc8617_5_2_1");
  EXPECT_EQ(chain.author_signed, chain.status == ChainStatus::pass);
}
INSTANTIATE_TEST_SUITE_P(Rfc8617, Chain, testing::ValuesIn(kCases),
                         [](const auto& row) { return row.param.name; });

TEST(ChainResult, SaysWhatEachSetSays) {
  Message message = forwarded(2, [](int instance, Message& m) {
    if (instance == 2) m.body += "A footer.\r\n";
  });
  const ChainResult chain = validate(message, hops());
  ASSERT_EQ(chain.sets.size(), 2U);
  EXPECT_EQ(chain.instance, 2);
  const SetResult& first = chain.sets[0];
  EXPECT_EQ(first.instance, 1);
  EXPECT_EQ(first.cv, "none");
  EXPECT_EQ(first.seal.domain, "hop1.example");
  EXPECT_EQ(first.seal.selector, "s");
  EXPECT_EQ(first.seal.algorithm, "rsa-sha256");
  EXPECT_EQ(first.seal.timestamp, kNow);
  EXPECT_EQ(first.seal.result, SignatureCheck::Result::pass);
  EXPECT_EQ(first.message.result, SignatureCheck::Result::fail);
  EXPECT_EQ(first.message.reason, "body hash does not match");
  EXPECT_EQ(chain.sets[1].cv, "pass");
  EXPECT_EQ(chain.sets[1].message.result, SignatureCheck::Result::pass);
  const auto results = authres::parse(first.results);
  ASSERT_TRUE(results.ok());
  EXPECT_EQ(results->authserv_id, "mx.hop1.example");
}

// What is not answered in time is a failure (RFC 8617 section 5.2.1), and known to be temporary.
TEST(ChainResult, MissingAnswer) {
  const Message message = forwarded(1);
  ChainVerifier verifier(dkim::test::library().keys(), message.fields, {}, kNow);
  verifier.body(message.body);
  const ChainResult chain = verifier.finish(Answers(kNow));
  EXPECT_EQ(summary(chain), "fail: ARC-Message-Signature of set 1: key query: no answer in time");
  EXPECT_TRUE(chain.temporary);
}

/// A message signature made by the test's own signer, which shares no code with ours.
Message by_hand(const dkim::test::TestKey& key, dkim::test::SignOptions how,
                const std::string& seal_algorithm) {
  Message message = dkim::test::sample_message();
  how.field_name = "ARC-Message-Signature";
  const auto ams = dkim::test::sign(message, key, how);
  const mail::HeaderField results{"ARC-Authentication-Results", " i=1; mx.example.com; dmarc=pass"};
  mail::HeaderField seal{"ARC-Seal",
                         " i=1; a=" + seal_algorithm + "; cv=none; d=example.com; s=test; b="};
  std::string text;
  for (const auto* field : {&results, static_cast<const mail::HeaderField*>(&ams),
                            static_cast<const mail::HeaderField*>(&seal)}) {
    text += dkim::canonical_field(dkim::keep_field(*field), dkim::Canonicalization::relaxed) +
            (field == &seal ? "" : "\r\n");
  }
  seal.value += base64_encode(key.sign_hash(sha256(text), EVP_sha256()));
  message.fields.insert(message.fields.begin(), {seal, ams, results});
  return message;
}

struct HandCase {
  const char* name;
  bool rsa;
  const char* form;
  std::optional<std::size_t> length;
  std::vector<std::string> headers;
  const char* expected;
  bool author_signed;
};

const HandCase kHandCases[] = {
    {"relaxed", true, "relaxed/relaxed", {}, {"From", "To"}, "pass", true},
    {"simple", true, "simple/simple", {}, {"From", "To"}, "pass", true},
    {"relaxed_simple", true, "relaxed/simple", {}, {"From", "To"}, "pass", true},
    {"simple_relaxed", true, "simple/relaxed", {}, {"From", "To"}, "pass", true},
    {"ed25519_rfc8463", false, "relaxed/relaxed", {}, {"From", "To"}, "pass", true},
    {"from_not_signed", true, "relaxed/relaxed", {}, {"To"}, "pass", false},
    {"whole_body_by_l", true, "simple/simple", 32, {"From"}, "pass", true},
    {"part_of_the_body",
     true,
     "simple/simple",
     10,
     {"From"},
     "fail: ARC-Message-Signature of set 1: l= signs 10 of 32 octets of the body",
     false},
    {"nothing_of_the_body",
     true,
     "simple/simple",
     0,
     {"From"},
     "fail: ARC-Message-Signature of set 1: l= signs 0 of 32 octets of the body",
     false},
};

class ByHand : public testing::TestWithParam<HandCase> {};

TEST_P(ByHand, Verifies) {
  const HandCase& row = GetParam();
  const auto& signer = row.rsa ? dkim::test::rsa_key() : dkim::test::ed25519_key();
  dkim::test::SignOptions how;
  how.form = row.form;
  how.length = row.length;
  how.headers = row.headers;
  how.extra = "; i=1";
  const Message message = by_hand(signer, how, row.rsa ? "rsa-sha256" : "ed25519-sha256");
  const ChainResult chain = validate(message, dkim::test::zone_of(signer));
  EXPECT_EQ(summary(chain), row.expected);
  EXPECT_EQ(chain.author_signed, row.author_signed);
}
INSTANTIATE_TEST_SUITE_P(TestSigner, ByHand, testing::ValuesIn(kHandCases),
                         [](const auto& row) { return row.param.name; });

TEST(ByHandWithTime, ExpiredMessageSignature) {
  dkim::test::SignOptions how;
  how.extra = "; i=1; t=1000; x=2000";
  const Message message = by_hand(dkim::test::rsa_key(), how, "rsa-sha256");
  EXPECT_EQ(summary(validate(message, dkim::test::zone_of(dkim::test::rsa_key()))),
            "fail: ARC-Message-Signature of set 1: signature expired");
}

}  // namespace
}  // namespace gatepost::arc::test
