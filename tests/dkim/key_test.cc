#include "dkim/key.h"

#include <string>

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "core/base/encoding.h"
#include "dkim/public_key.h"
#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

struct Case {
  const char* name;
  const char* txt;
  const char* error;  // "" = a record
};

constexpr Case kCases[] = {
    {"minimal", "p=AQID", ""},
    {"no_key_rfc6376_3_6_1", "v=DKIM1; k=rsa", "key record has no p= tag"},
    {"empty_key_is_revoked", "v=DKIM1; p=", "key revoked"},
    {"blank_key_is_revoked", "v=DKIM1; p= ;", "key revoked"},
    {"version_rfc6376_3_6_1", "v=DKIM1; p=AQID", ""},
    {"version_last_is_tolerated", "p=AQID; v=DKIM1", ""},
    {"other_version_rfc6376_3_6_1", "v=DKIM2; p=AQID", "key record has v=DKIM2, expected DKIM1"},
    {"version_case", "v=dkim1; p=AQID", "key record has v=dkim1, expected DKIM1"},
    {"unknown_type_rfc6376_3_6_1", "k=xyz; p=AQID", "key type k=xyz is not known"},
    {"not_base64", "p=A!ID", "p= is not base64"},
    {"white_space_in_key_rfc6376_2_10", "p=A Q\t I D", ""},
    {"ed25519_size_rfc8463_4", "k=ed25519; p=AQID", "ed25519 key has 3 octets, expected 32"},
    {"unknown_tag_is_ignored_rfc6376_3_2", "zz=1; p=AQID", ""},
    {"old_g_is_ignored", "g=; p=AQID", ""},
    {"duplicate_tag_rfc6376_3_2", "p=AQID; p=AQID", "tag p= stands twice"},
    {"spf_record", "v=spf1 -all", "key record has v=spf1 -all, expected DKIM1"},
    {"not_a_tag_list", "hello", "hello: tag without '='"},
    {"empty", "", "tag list is empty"},
};

TEST(KeyRecord, ParsesRfc6376Section361) {
  for (const auto& c : kCases) {
    const auto record = parse_key_record(c.txt);
    EXPECT_EQ(record ? "" : record.error().text(), c.error) << c.name;
    if (!record) {
      EXPECT_EQ(record.error().kind, ErrorKind::permanent) << c.name;
    }
  }
}

TEST(KeyRecord, ReadsAllTags) {
  const auto record = parse_key_record(
      "v=DKIM1; h=sha1 : SHA256:sha512; k=rsa; n=a note; s=email:web; t = y:n:s; p=AQID");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->type, KeyType::rsa);
  EXPECT_EQ(record->key, std::string("\1\2\3"));
  EXPECT_TRUE(record->allows_hash("sha256"));
  EXPECT_FALSE(record->allows_hash("md5"));
  EXPECT_TRUE(record->allows_email());
  EXPECT_EQ(record->notes, "a note");
  EXPECT_TRUE(record->testing);
  EXPECT_TRUE(record->strict_identity);
  EXPECT_FALSE(parse_key_record("s=chat; p=AQID")->allows_email());
  EXPECT_TRUE(parse_key_record("s=*; p=AQID")->allows_email());
}

TEST(KeyRecord, SixteenKilobytesAreRefused) {
  const auto record = parse_key_record("p=" + base64_encode(std::string(12000, 'x')));
  ASSERT_FALSE(record.ok());
  EXPECT_EQ(record.error().what, "tag list is longer than 4096 octets");
}

struct AnswerCase {
  const char* name;
  dns::Status status;
  std::vector<std::string> texts;
  std::string expected;  // "" = a record, else kind and text
};

const AnswerCase kAnswerCases[] = {
    {"record", dns::Status::ok, {"p=AQID"}, ""},
    {"nxdomain_rfc6376_6_1_2", dns::Status::nxdomain, {}, "permanent no key for signature"},
    {"no_data_rfc6376_6_1_2", dns::Status::no_data, {}, "permanent no key for signature"},
    {"servfail_rfc6376_6_1_2", dns::Status::servfail, {}, "temporary key query: servfail"},
    {"timeout_rfc6376_6_1_2", dns::Status::timeout, {}, "temporary key query: timeout"},
    {"bogus", dns::Status::bogus, {}, "temporary key query: bogus"},
    {"first_usable_of_several_rfc6376_3_6_2_2",
     dns::Status::ok,
     {"v=spf1 -all", "token", "p=AQID"},
     ""},
    {"error_of_the_one_like_a_key",
     dns::Status::ok,
     {"v=spf1 -all", "v=DKIM1; p="},
     "permanent key revoked"},
};

TEST(KeyAnswer, StatusDecides) {
  for (const auto& c : kAnswerCases) {
    dns::Answer answer;
    answer.status = c.status;
    answer.texts = c.texts;
    const KeyAnswer key = read_key_answer(answer);
    const std::string got = key.record ? ""
                                       : std::string(to_string(key.record.error().kind)) + " " +
                                             key.record.error().text();
    EXPECT_EQ(got, c.expected) << c.name;
  }
}

TEST(KeyFlow, AsksOnceThenReads) {
  const auto query = dns::make_query("test._domainkey.example.com", dns::RrType::txt);
  KeyFlow flow(query);
  Answers answers(test::kNow);
  const auto first = flow.step(answers);
  ASSERT_EQ(first.index(), 1U);
  EXPECT_EQ(std::get<1>(first), std::vector<Question>{query});
  answers.add(query, test::answer_from(test::zone_of(test::ed25519_key()), query));
  const auto second = flow.step(answers);
  ASSERT_EQ(second.index(), 0U);
  EXPECT_TRUE(std::get<0>(second).record.ok());
}

TEST(PublicKey, ReadsBothRsaForms) {
  for (const bool pkcs1 : {false, true}) {
    const auto der = base64_decode(test::rsa_key().public_base64(pkcs1));
    const auto key = PublicKey::decode(KeyType::rsa, *der);
    ASSERT_TRUE(key.ok()) << pkcs1;
    EXPECT_EQ((*key)->bits(), 2048);
    const std::string hash = sha256("text");
    EXPECT_TRUE((*key)->verify(hash, test::rsa_key().sign_hash(hash, EVP_sha256())));
    EXPECT_FALSE((*key)->verify(sha256("else"), test::rsa_key().sign_hash(hash, EVP_sha256())));
    EXPECT_FALSE((*key)->verify(hash, ""));
  }
}

TEST(PublicKey, OtherKindsAreRefused) {
  EVP_PKEY* ec = EVP_EC_gen("P-256");
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(ec, &der);
  const std::string ec_der(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  EVP_PKEY_free(ec);
  EXPECT_EQ(PublicKey::decode(KeyType::rsa, ec_der).error().what,
            "p= holds another kind of key than k=rsa");
  EXPECT_EQ(PublicKey::decode(KeyType::rsa, "\1\2\3").error().what,
            "p= is not a public key of k=rsa");
}

TEST(PublicKeyCache, KeepsGoodAndBadWithinItsBound) {
  PublicKeyCache cache(2);
  const auto record = *parse_key_record(test::ed25519_key().record());
  const auto first = cache.get(record);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(cache.get(record)->get(), first->get());
  for (const char* bad : {"p=AQID", "p=AQIE", "p=AQIF"}) {
    EXPECT_FALSE(cache.get(*parse_key_record(bad)).ok());
    EXPECT_LE(cache.size(), 2U);
  }
  EXPECT_NE(cache.get(record)->get(), first->get());  // decoded anew, the old one still lives
  EXPECT_EQ((*first)->bits(), 256);
}

}  // namespace
}  // namespace gatepost::dkim
