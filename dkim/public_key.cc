#include "dkim/public_key.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace gatepost::dkim {

struct PublicKey::Handle {
  explicit Handle(EVP_PKEY* decoded) : key(decoded) {}
  ~Handle() {
    EVP_PKEY_CTX_free(ready);
    EVP_PKEY_free(key);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  EVP_PKEY* const key;
  /// RSA: set up for a verification and then only copied. Setting up looks methods up under locks
  /// that all threads share.
  EVP_PKEY_CTX* ready = nullptr;
};

namespace {

struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

EVP_PKEY* decode_rsa(std::string_view der) {
  const unsigned char* at = octets(der);
  if (EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()))) return key;
  // RFC 6376 section 3.6.1 says RSAPublicKey, its example a SubjectPublicKeyInfo: both are in use.
  at = octets(der);
  return d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(der.size()));
}

/// Null when OpenSSL cannot.
EVP_PKEY_CTX* ready_for_rsa(EVP_PKEY* key) {
  std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(EVP_PKEY_CTX_new(key, nullptr));
  const bool ready = context && EVP_PKEY_verify_init(context.get()) == 1 &&
                     EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
                     EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1;
  return ready ? context.release() : nullptr;
}

bool verify_rsa(const EVP_PKEY_CTX* ready, std::string_view hash, std::string_view signature) {
  const std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(
      ready != nullptr ? EVP_PKEY_CTX_dup(ready) : nullptr);
  return context && EVP_PKEY_verify(context.get(), octets(signature), signature.size(),
                                    octets(hash), hash.size()) == 1;
}

bool verify_ed25519(EVP_PKEY* key, std::string_view hash, std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(hash),
                          hash.size()) == 1;
}

}  // namespace

PublicKey::PublicKey(KeyType type, std::unique_ptr<Handle> handle, int bits)
    : type_(type), bits_(bits), handle_(std::move(handle)) {}

PublicKey::~PublicKey() = default;

Result<std::shared_ptr<const PublicKey>> PublicKey::decode(KeyType type, std::string_view key) {
  EVP_PKEY* decoded = type == KeyType::rsa ? decode_rsa(key)
                                           : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                                         octets(key), key.size());
  ERR_clear_error();
  if (!decoded) {
    return permanent_error(std::string("p= is not a public key of k=") + to_string(type));
  }
  auto handle = std::make_unique<Handle>(decoded);
  // A SubjectPublicKeyInfo says itself what it holds: an EC or RSA-PSS key is not k=rsa.
  const int wanted = type == KeyType::rsa ? EVP_PKEY_RSA : EVP_PKEY_ED25519;
  if (EVP_PKEY_get_base_id(decoded) != wanted) {
    return permanent_error(std::string("p= holds another kind of key than k=") + to_string(type));
  }
  const int bits = type == KeyType::rsa ? EVP_PKEY_get_bits(decoded) : 256;
  if (bits > kMaxRsaBits) {
    return permanent_error("RSA key has " + std::to_string(bits) + " bits, at most " +
                           std::to_string(kMaxRsaBits) + " are read");
  }
  if (type == KeyType::rsa) handle->ready = ready_for_rsa(decoded);
  return std::shared_ptr<const PublicKey>(new PublicKey(type, std::move(handle), bits));
}

bool PublicKey::verify(std::string_view hash, std::string_view signature) const {
  const bool good = type_ == KeyType::rsa ? verify_rsa(handle_->ready, hash, signature)
                                          : verify_ed25519(handle_->key, hash, signature);
  if (!good) ERR_clear_error();
  return good;
}

PublicKeyCache::Entry PublicKeyCache::get(const KeyRecord& record) {
  std::string name = to_string(record.type);
  name += ':';
  name += record.key;
  auto known = state_.with([&](State& state) -> std::optional<Entry> {
    const auto found = state.by_key.find(name);
    if (found == state.by_key.end()) return std::nullopt;
    state.recent.splice(state.recent.begin(), state.recent, found->second);
    return found->second->second;
  });
  if (known) return *std::move(known);
  Entry entry = PublicKey::decode(record.type, record.key);
  state_.with([&](State& state) {
    if (state.by_key.contains(name)) return;  // another thread decoded it meanwhile
    state.recent.emplace_front(std::move(name), entry);
    state.by_key.emplace(state.recent.front().first, state.recent.begin());
    if (state.recent.size() > std::max<std::size_t>(capacity_, 1)) {
      state.by_key.erase(state.recent.back().first);
      state.recent.pop_back();
    }
  });
  return entry;
}

std::size_t PublicKeyCache::size() const {
  return state_.with([](const State& state) { return state.recent.size(); });
}

}  // namespace gatepost::dkim
