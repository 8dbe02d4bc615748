// Private keys: what is read, what is refused and with which words, and that public halves fit.

#include "dkim/private_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/base/encoding.h"
#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

std::string to_pem(EVP_PKEY* key, const char* form) {
  BIO* memory = BIO_new(BIO_s_mem());
  const std::string wanted = form;
  if (wanted == "pkcs1") PEM_write_bio_PrivateKey_traditional(memory, key, {}, {}, 0, {}, {});
  if (wanted == "pkcs8") PEM_write_bio_PKCS8PrivateKey(memory, key, {}, {}, 0, {}, {});
  if (wanted == "public") PEM_write_bio_PUBKEY(memory, key);
  if (wanted == "passphrase") {
    unsigned char phrase[] = "secret";
    PEM_write_bio_PrivateKey(memory, key, EVP_aes_128_cbc(), phrase, 6, nullptr, nullptr);
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  EVP_PKEY_free(key);
  return text;
}

std::string rsa_pem(unsigned int bits, const char* form) {
  return to_pem(EVP_RSA_gen(bits), form);
}

std::string one_line(std::string text) {
  std::erase(text, '\n');
  return text;
}
/// Without the lines at both ends.
std::string bare(const std::string& text) {
  const auto begin = text.find('\n'), end = text.rfind("\n-----END");
  return one_line(text.substr(begin, end - begin));
}

/// "rsa 2048", "ed25519 256" or what is wrong.
std::string read(const std::string& text) {
  const auto key = PrivateKey::decode(text);
  if (!key) return key.error().text();
  return to_string((*key)->type()) + (" " + std::to_string((*key)->bits()));
}

struct Case {
  const char* name;
  std::string text;
  const char* result;
};

// RFC 8463 appendix A.2.
constexpr char kRfc8463Seed[] = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
constexpr char kRfc8463Public[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

std::vector<Case> cases() {
  static constexpr char kNoKey[] = "is no private key, expected PEM (-----BEGIN PRIVATE KEY-----)";
  return {
      {"rsa_pkcs8", rsa_pem(2048, "pkcs8"), "rsa 2048"},
      {"rsa_pkcs1", rsa_pem(2048, "pkcs1"), "rsa 2048"},
      {"rsa_1024_is_the_least", rsa_pem(1024, "pkcs8"), "rsa 1024"},
      {"rsa_4096", rsa_pem(4096, "pkcs1"), "rsa 4096"},
      {"rsa_512", rsa_pem(512, "pkcs8"),
       "RSA key has 512 bits, expected 1024 to 4096 (better 2048)"},
      {"rsa_1016", rsa_pem(1016, "pkcs8"),
       "RSA key has 1016 bits, expected 1024 to 4096 (better 2048)"},
      {"ed25519", to_pem(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), "pkcs8"), "ed25519 256"},
      {"ed25519_seed_as_dknewkey_writes_it", std::string(kRfc8463Seed) + "\n", "ed25519 256"},
      {"pem_on_one_line", one_line(rsa_pem(1024, "pkcs8")), "rsa 1024"},
      {"pkcs1_on_one_line", one_line(rsa_pem(1024, "pkcs1")), "rsa 1024"},
      {"der_in_base64", bare(rsa_pem(1024, "pkcs8")), "rsa 1024"},
      {"pkcs1_der_in_base64", bare(rsa_pem(1024, "pkcs1")), "rsa 1024"},
      {"text_around_the_key", "# selector s1\n" + rsa_pem(1024, "pkcs8") + "# end\n", "rsa 1024"},
      {"elliptic_curve", to_pem(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), "pkcs8"),
       "holds another kind of key than RSA or Ed25519"},
      {"public_key", rsa_pem(1024, "public"), "is a public key, expected the private one"},
      {"passphrase", rsa_pem(1024, "passphrase"),
       "has a passphrase, expected a private key without one"},
      {"empty", "", kNoKey},
      {"text", "hello\n", kNoKey},
      {"seed_too_short", base64_encode(std::string(31, 'x')), kNoKey},
      {"cut_off", rsa_pem(1024, "pkcs8").substr(0, 300), kNoKey},
      {"nul", std::string(100, '\0'), kNoKey},
      {"huge", std::string(100000, 'A'), "is too large for a private key"},
  };
}

class Decode : public testing::TestWithParam<Case> {};

TEST_P(Decode, SaysWhatItIs) {
  EXPECT_EQ(read(GetParam().text), GetParam().result);
}
INSTANTIATE_TEST_SUITE_P(PrivateKey, Decode, testing::ValuesIn(cases()),
                         [](const auto& row) { return row.param.name; });

TEST(PrivateKey, PublishesTheRecordOfRfc8463) {
  const auto key = PrivateKey::decode(kRfc8463Seed);
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->record(), std::string("v=DKIM1; k=ed25519; p=") + kRfc8463Public);
}

TEST(PrivateKey, SignaturesVerifyWithTheRecord) {
  const std::string hash = sha256("anything");
  for (const auto& [type, bits] : {std::pair{KeyType::rsa, 2048}, {KeyType::ed25519, 0}}) {
    const auto key = PrivateKey::generate(type, bits);
    ASSERT_TRUE(key) << key.error().text();
    const auto record = parse_key_record((*key)->record());
    ASSERT_TRUE(record) << record.error().text();
    const auto decoded = PublicKey::decode(record->type, record->key);
    ASSERT_TRUE(decoded) << decoded.error().text();
    const auto signature = (*key)->sign(hash);
    ASSERT_TRUE(signature) << signature.error().text();
    EXPECT_TRUE((*decoded)->verify(hash, *signature));
    EXPECT_FALSE((*decoded)->verify(sha256("another"), *signature));
  }
}

TEST(PrivateKey, PemReadsBackAsTheSameKey) {
  for (const auto& [type, bits] : {std::pair{KeyType::rsa, 1024}, {KeyType::ed25519, 0}}) {
    const auto key = PrivateKey::generate(type, bits);
    ASSERT_TRUE(key) << key.error().text();
    const auto again = PrivateKey::decode((*key)->pem());
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ((*again)->record(), (*key)->record());
  }
}

TEST(PrivateKey, GeneratesNoWeakKey) {
  const auto key = PrivateKey::generate(KeyType::rsa, 512);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().text(), "RSA key has 512 bits, expected 1024 to 4096 (better 2048)");
}

}  // namespace
}  // namespace gatepost::dkim
