#pragma once
// Decoded public keys and the cache that makes verification cheap: decoding a key costs over
// 100 µs behind OpenSSL's locks, verifying with a decoded one 16 µs.

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/guarded.h"
#include "core/base/result.h"
#include "dkim/key.h"

namespace gatepost::dkim {

/// RSA keys above this are refused: RFC 8301 section 3.2 asks for up to 4096 bits, and the cost of
/// verifying grows with the square.
constexpr int kMaxRsaBits = 8192;

/// A public key ready for use. Immutable; verify() may run on several threads at once.
class PublicKey {
 public:
  /// @param key  RSA: a SubjectPublicKeyInfo, or the bare RSAPublicKey of PKCS #1 that RFC 6376
  ///             section 3.6.1 names, both in DER; ed25519: 32 octets (RFC 8463 section 4).
  /// @return     a permanent Error when it is not such a key or has more than kMaxRsaBits.
  static Result<std::shared_ptr<const PublicKey>> decode(KeyType type, std::string_view key);

  ~PublicKey();
  PublicKey(const PublicKey&) = delete;
  PublicKey& operator=(const PublicKey&) = delete;

  KeyType type() const { return type_; }
  /// Modulus bits of RSA; 256 for ed25519.
  int bits() const { return bits_; }
  /// Whether `signature` is this key's over a header hash. RSA: RSASSA-PKCS1-v1_5 with SHA-256;
  /// ed25519: PureEdDSA over the hash itself (RFC 8463 section 3).
  /// @param hash  the 32 octets of the SHA-256 over the canonical header.
  bool verify(std::string_view hash, std::string_view signature) const;

 private:
  struct Handle;  // the library's key
  PublicKey(KeyType type, std::unique_ptr<Handle> handle, int bits);

  KeyType type_;
  int bits_;
  std::unique_ptr<Handle> handle_;
};

/// Decoded keys by their octets, least recently used out first. A key that cannot be decoded is
/// kept as such, so that a bad record does not cost its decoding on each message.
/// Thread rule: any thread; decoding runs outside the lock.
class PublicKeyCache {
 public:
  using Entry = Result<std::shared_ptr<const PublicKey>>;

  /// @param capacity  entries kept, at least 1; an RSA-2048 entry takes about 3 KB.
  explicit PublicKeyCache(std::size_t capacity = 4096) : capacity_(capacity) {}

  Entry get(const KeyRecord& record);
  std::size_t size() const;

 private:
  struct State {
    std::list<std::pair<std::string, Entry>> recent;  // most recent first
    std::unordered_map<std::string_view, decltype(recent)::iterator> by_key;
  };

  const std::size_t capacity_;
  Guarded<State> state_;
};

}  // namespace gatepost::dkim
