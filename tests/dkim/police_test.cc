// Every rule of dkim/police.cc, seen through a whole verification.

#include "dkim/police.h"

#include <string>

#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

using namespace test;

TEST(Police, RsaSha1IsHistoricRfc8301_3_1) {
  Message message = sample_message();
  add_signature(message, rsa_key(), {.algorithm = "rsa-sha1"});
  EXPECT_EQ(summary(verify(message, zone_of(rsa_key()))), "permerror: rsa-sha1 is historic");
}

struct TimeCase {
  const char* name;
  std::string extra;
  const char* expected;
};

const TimeCase kTimeCases[] = {
    {"valid", "; t=1767225000; x=1767226000", "pass"},
    {"expired_rfc6376_3_5", "; x=1767225299", "policy: signature expired"},
    {"expired_within_skew", "; x=1767225300", "pass"},
    {"future_rfc6376_3_5", "; t=1767225901", "policy: signature timestamp is in the future"},
    {"future_within_skew", "; t=1767225900", "pass"},
};

TEST(Police, Times) {
  for (const auto& c : kTimeCases) {
    Message message = sample_message();
    add_signature(message, ed25519_key(), {.extra = c.extra});
    // kNow is 1767225600, the default skew 300.
    EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), c.expected) << c.name;
  }
}

TEST(Police, NoKeyIsAskedForWhatCannotPass) {
  for (const SignOptions& options :
       {SignOptions{.algorithm = "rsa-sha1"}, SignOptions{.extra = "; x=1700000000"},
        SignOptions{.extra = "; t=1900000000"}, SignOptions{.version = "2"}}) {
    Message message = sample_message();
    Verifier verifier(library(), {}, kNow);
    EXPECT_FALSE(verifier.header(sign(message, rsa_key(), options)).has_value());
  }
}

struct KeyCase {
  const char* name;
  std::string record;  // "P" stands for p= of the RSA key
  SignOptions options;
  const char* expected;
};

const KeyCase kKeyCases[] = {
    {"plain", "p=P", {}, "pass"},
    {"revoked_rfc6376_3_6_1", "v=DKIM1; p=", {}, "permerror: key revoked"},
    {"other_version", "v=DKIM2; p=P", {}, "permerror: key record has v=DKIM2, expected DKIM1"},
    {"unknown_type", "k=xyz; p=P", {}, "permerror: key type k=xyz is not known"},
    {"not_a_key", "p=AQID", {}, "permerror: p= is not a public key of k=rsa"},
    {"hash_restricted_rfc6376_6_1_2",
     "h=sha1; p=P",
     {},
     "permerror: key does not allow sha256 (h=)"},
    {"hash_named", "h=sha1:sha256; p=P", {}, "pass"},
    {"other_service_rfc6376_3_6_1", "s=chat; p=P", {}, "permerror: key is not for e-mail (s=)"},
    {"service_named", "s=chat:email; p=P", {}, "pass"},
    {"strict_identity_rfc6376_3_6_1",
     "t=s; p=P",
     {.extra = "; i=@sub.example.com"},
     "permerror: key forbids subdomains in i= (t=s)"},
    {"strict_identity_same_domain", "t=s; p=P", {.extra = "; i=a@EXAMPLE.com"}, "pass"},
    {"subdomain_without_strict", "p=P", {.extra = "; i=@sub.example.com"}, "pass"},
    {"no_key", "!no_data", {}, "permerror: no key for signature"},
    {"servfail", "!servfail", {}, "temperror: key query: servfail"},
    {"bogus", "!bogus", {}, "temperror: key query: bogus"},
};

TEST(Police, KeyRecords) {
  for (const auto& c : kKeyCases) {
    Message message = sample_message();
    add_signature(message, rsa_key(), c.options);
    std::string record = c.record;
    if (const std::size_t at = record.find("p=P"); at != std::string::npos) {
      record.replace(at + 2, 1, rsa_key().public_base64());
    }
    EXPECT_EQ(summary(verify(message, zone_of(rsa_key(), record))), c.expected) << c.name;
  }
}

struct InternationalCase {
  const char* name;
  const char* domain;
  const char* extra;
  const char* flags;
  const char* expected;
};

// b\xc3\xbccher.example is xn--bcher-kva.example.
const InternationalCase kInternationalCases[] = {
    {"u_labels_in_d_rfc8616_5",
     "b\xc3\xbc"
     "cher.example",
     "", "", "pass"},
    {"a_labels_in_d", "xn--bcher-kva.example", "", "", "pass"},
    {"u_labels_in_i_a_labels_in_d", "xn--bcher-kva.example",
     "; i=\xc3\xa4@b\xc3\xbc"
     "cher.example",
     "t=s; ", "pass"},
    {"a_labels_in_i_u_labels_in_d",
     "b\xc3\xbc"
     "cher.example",
     "; i=a@xn--bcher-kva.example", "t=s; ", "pass"},
    {"letter_case_of_u_labels",
     "B\xc3\x9c"
     "CHER.example",
     "; i=@b\xc3\xbc"
     "cher.EXAMPLE",
     "t=s; ", "pass"},
    {"quoted_printable_u_labels_in_i", "xn--bcher-kva.example", "; i=a@b=C3=BCcher.example", "",
     "pass"},
    {"subdomain_of_u_labels",
     "b\xc3\xbc"
     "cher.example",
     "; i=a@\xc3\xa4.xn--bcher-kva.example", "t=s; ",
     "permerror: key forbids subdomains in i= (t=s)"},
    {"another_name_in_i",
     "b\xc3\xbc"
     "cher.example",
     "; i=a@bucher.example", "", "permerror: i= is not within d="},
    {"no_name_of_idna", "\xe2\x80\xae.example", "", "",
     "permerror: d=\\xe2\\x80\\xae.example is not a domain name"},
};

TEST(Police, InternationalNamesRfc8616) {
  for (const auto& c : kInternationalCases) {
    Message message = sample_message();
    add_signature(message, ed25519_key(), {.domain = c.domain, .extra = c.extra});
    const Zone zone = {
        {"test._domainkey.xn--bcher-kva.example", c.flags + ed25519_key().record().substr(9)}};
    EXPECT_EQ(summary(verify(message, zone)), c.expected) << c.name;
  }
}

TEST(Police, TestKeyIsTold) {
  for (const char* flags : {"t=y", "t=s:y", "t=y:s"}) {
    Message message = sample_message();
    add_signature(message, ed25519_key());
    message.body += "more\r\n";
    const auto results =
        verify(message, zone_of(ed25519_key(), ed25519_key().record() + "; " + flags));
    EXPECT_EQ(summary(results), "fail: body hash does not match") << flags;
    EXPECT_TRUE(results.at(0).testing) << flags;
  }
}

TEST(Police, KeyOfAnotherKind) {
  Message message = sample_message();
  add_signature(message, rsa_key());
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))),
            "permerror: key is ed25519, signature is rsa-sha256");
}

TEST(Police, KeyBitsRfc8301_3_2) {
  for (const auto& [bits, minimum, expected] :
       {std::tuple{512, 1024, "permerror: RSA key has 512 bits, at least 1024 are required"},
        std::tuple{512, 0, "permerror: RSA key has 512 bits, at least 1024 are required"},
        std::tuple{1024, 1024, "pass"},
        std::tuple{1024, 2048, "policy: RSA key has 1024 bits, at least 2048 are required"}}) {
    const TestKey key = TestKey::rsa(bits);
    Message message = sample_message();
    add_signature(message, key);
    VerifyCall call;
    call.options.min_rsa_bits = minimum;
    const auto results = verify(message, zone_of(key), call);
    EXPECT_EQ(summary(results), expected);
    EXPECT_EQ(results.at(0).key_bits, bits);
  }
}

struct LengthCase {
  const char* name;
  std::size_t length;
  const char* appended;
  bool allowed;
  const char* expected;
};

// The canonical body of sample_message() has 29 octets.
constexpr LengthCase kLengthCases[] = {
    {"whole_body", 29, "", false, "pass"},
    {"appended_rfc6376_8_2", 29, "x\r\n", false, "policy: l= signs 29 of 36 octets of the body"},
    {"appended_allowed", 29, "x\r\n", true, "pass"},
    {"part", 10, "", false, "policy: l= signs 10 of 29 octets of the body"},
    {"nothing", 0, "", false, "policy: l=0 signs no body"},
    {"nothing_allowed", 0, "x\r\n", true, "pass"},
};

TEST(Police, BodyLength) {
  ASSERT_EQ(canonical_body(sample_message().body, true).size(), 29U);
  for (const auto& c : kLengthCases) {
    Message message = sample_message();
    add_signature(message, ed25519_key(), {.length = c.length});
    message.body += c.appended;
    VerifyCall call;
    call.options.allow_partial_body = c.allowed;
    EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()), call)), c.expected) << c.name;
  }
}

TEST(Police, BodyShorterThanLengthFails) {
  Message message = sample_message();
  add_signature(message, ed25519_key(), {.length = 29});
  message.body = "Hello Bo,\r\n";
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "fail: l= is larger than the body");
}

TEST(Police, EmptyBodyWithLengthZero) {
  Message message = sample_message();
  message.body.clear();
  add_signature(message, ed25519_key(), {.length = 0});
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "policy: l=0 signs no body");
}

TEST(Police, EveryFromMustBeSigned) {
  Message message = sample_message();
  message.fields.push_back({"From", " two@example.com"});
  add_signature(message, ed25519_key(), {.headers = {"From", "From"}});
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "pass");
  message.fields.insert(message.fields.begin(), {"From", " three@example.com"});
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))),
            "policy: message has 3 From fields, 2 signed");
}

}  // namespace
}  // namespace gatepost::dkim
