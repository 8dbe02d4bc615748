#include "dkim/private_key.h"

#include <utility>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/base/encoding.h"
#include "core/base/text.h"

namespace gatepost::dkim {

struct PrivateKey::Handle {
  explicit Handle(EVP_PKEY* decoded) : key(decoded) {}
  ~Handle() { EVP_PKEY_free(key); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  EVP_PKEY* const key;
};

namespace {

struct FreeOpenssl {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* memory) const { BIO_free(memory); }
};

constexpr std::size_t kSeed = 32;             // RFC 8032 section 5.1.5
constexpr std::size_t kMaxKeyFile = 1 << 16;  // of a file; RSA-4096 takes 3.3 KB

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Instead of OpenSSL's own question on the terminal.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

EVP_PKEY* decode_pem(std::string_view text, bool& encrypted) {
  const std::unique_ptr<BIO, FreeOpenssl> memory(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return memory ? PEM_read_bio_PrivateKey(memory.get(), nullptr, no_passphrase, &encrypted)
                : nullptr;
}

/// A seed of 32 octets, or DER, in base64.
EVP_PKEY* decode_base64(std::string_view text) {
  auto data = base64_decode(text);
  if (!data || data->empty()) return nullptr;
  const unsigned char* at = octets(*data);
  EVP_PKEY* key = data->size() == kSeed
                      ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, at, kSeed)
                      : d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(data->size()));
  OPENSSL_cleanse(data->data(), data->size());
  return key;
}

/// What stands between the lines of PEM: a KeyTable has the whole of it on one line, which OpenSSL
/// does not read.
std::string_view pem_body(std::string_view text) {
  const auto line = text.find("PRIVATE KEY-----");
  const auto end = line == std::string_view::npos ? line : text.find("-----END", line);
  if (end == std::string_view::npos) return {};
  const auto begin = line + std::string_view("PRIVATE KEY-----").size();
  return text.substr(begin, end - begin);
}

}  // namespace

PrivateKey::PrivateKey(KeyType type, std::unique_ptr<Handle> handle, int bits)
    : type_(type), bits_(bits), handle_(std::move(handle)) {}

PrivateKey::~PrivateKey() = default;

Result<std::shared_ptr<const PrivateKey>> PrivateKey::wrap(std::unique_ptr<Handle> handle) {
  const int kind = EVP_PKEY_get_base_id(handle->key);
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_ED25519)
    return permanent_error("holds another kind of key than RSA or Ed25519");
  const bool rsa = kind == EVP_PKEY_RSA;
  const int bits = rsa ? EVP_PKEY_get_bits(handle->key) : 256;
  if (rsa && (bits < kMinRsaBits || bits > kMaxSignerRsaBits)) {
    return permanent_error("RSA key has " + std::to_string(bits) + " bits, expected " +
                           std::to_string(kMinRsaBits) + " to " +
                           std::to_string(kMaxSignerRsaBits) + " (better " +
                           std::to_string(kGoodRsaBits) + ")");
  }
  return std::shared_ptr<const PrivateKey>(
      new PrivateKey(rsa ? KeyType::rsa : KeyType::ed25519, std::move(handle), bits));
}

Result<std::shared_ptr<const PrivateKey>> PrivateKey::decode(std::string_view text) {
  if (text.size() > kMaxKeyFile) return permanent_error("is too large for a private key");
  bool encrypted = false;
  const bool pem = text.find("-----BEGIN") != std::string_view::npos;
  EVP_PKEY* decoded = pem ? decode_pem(text, encrypted) : decode_base64(text);
  if (decoded == nullptr && pem && !encrypted) decoded = decode_base64(pem_body(text));
  ERR_clear_error();
  if (decoded != nullptr) return wrap(std::make_unique<Handle>(decoded));
  if (encrypted) return permanent_error("has a passphrase, expected a private key without one");
  const bool is_public = text.find("-----BEGIN PUBLIC KEY") != std::string_view::npos ||
                         text.find("-----BEGIN RSA PUBLIC KEY") != std::string_view::npos;
  if (is_public) return permanent_error("is a public key, expected the private one");
  return permanent_error("is no private key, expected PEM (-----BEGIN PRIVATE KEY-----)");
}

Result<std::shared_ptr<const PrivateKey>> PrivateKey::generate(KeyType type, int bits) {
  EVP_PKEY* made = type == KeyType::rsa ? EVP_RSA_gen(static_cast<unsigned int>(bits))
                                        : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  ERR_clear_error();
  if (made == nullptr) return internal_error("OpenSSL cannot make a key");
  return wrap(std::make_unique<Handle>(made));
}

Result<std::string> PrivateKey::sign(std::string_view hash) const {
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(handle_->key)), '\0');
  std::size_t size = out.size();
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  bool good = false;
  if (type_ == KeyType::rsa) {
    const std::unique_ptr<EVP_PKEY_CTX, FreeOpenssl> context(
        EVP_PKEY_CTX_new(handle_->key, nullptr));
    good = context && EVP_PKEY_sign_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
           EVP_PKEY_sign(context.get(), to, &size, octets(hash), hash.size()) == 1;
  } else {
    const std::unique_ptr<EVP_MD_CTX, FreeOpenssl> context(EVP_MD_CTX_new());
    good = context &&
           EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, handle_->key) == 1 &&
           EVP_DigestSign(context.get(), to, &size, octets(hash), hash.size()) == 1;
  }
  if (!good) {
    ERR_clear_error();
    return internal_error("OpenSSL cannot sign with this key");
  }
  out.resize(size);
  return out;
}

std::string PrivateKey::record() const {
  std::string key;
  if (type_ == KeyType::rsa) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(handle_->key, &der);
    if (size > 0) key.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  } else {
    key.resize(kSeed);
    std::size_t size = key.size();
    EVP_PKEY_get_raw_public_key(handle_->key, reinterpret_cast<unsigned char*>(key.data()), &size);
  }
  return std::string("v=DKIM1; k=") + to_string(type_) + "; p=" + base64_encode(key);
}

std::string PrivateKey::pem() const {
  const std::unique_ptr<BIO, FreeOpenssl> memory(BIO_new(BIO_s_secmem()));
  if (!memory || PEM_write_bio_PKCS8PrivateKey(memory.get(), handle_->key, nullptr, nullptr, 0,
                                               nullptr, nullptr) != 1)
    return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace gatepost::dkim
