#pragma once
// Private keys for signing, decoded once: reading a PEM costs twice as much as signing with it.

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "dkim/key.h"

namespace gatepost::dkim {

/// RFC 8301 section 3.2: signers must not use RSA keys below this; verifiers of ours refuse them
/// too.
constexpr int kMinRsaBits = 1024;
/// RFC 8301 section 3.2: what signers should use at least, and what every verifier reads at most.
constexpr int kGoodRsaBits = 2048;
constexpr int kMaxSignerRsaBits = 4096;

/// A private key ready for use. Immutable; sign() may run on several threads at once.
class PrivateKey {
 public:
  /// @param text  PEM (PKCS #8, or PKCS #1 of RSA) without a passphrase, on one line too; the same
  ///              as DER in base64; or, as dknewkey writes them, the 32 octets of an Ed25519 seed
  ///              in base64.
  /// @return      a permanent Error that says what is wrong: no private key, a passphrase, another
  ///              kind of key, RSA outside of kMinRsaBits to kMaxSignerRsaBits. It never holds
  ///              anything of the key.
  static Result<std::shared_ptr<const PrivateKey>> decode(std::string_view text);
  /// A new key. @param bits of RSA; not used for ed25519. An internal Error when OpenSSL fails.
  static Result<std::shared_ptr<const PrivateKey>> generate(KeyType type, int bits);

  ~PrivateKey();
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;

  KeyType type() const { return type_; }
  /// Modulus bits of RSA; 256 for ed25519.
  int bits() const { return bits_; }
  /// The signature over a header hash. RSA: RSASSA-PKCS1-v1_5 with SHA-256; ed25519: PureEdDSA over
  /// the hash itself (RFC 8463 section 3). An internal Error when OpenSSL fails.
  /// @param hash  32 octets.
  Result<std::string> sign(std::string_view hash) const;
  /// The record to publish: "v=DKIM1; k=…; p=…" (RFC 6376 section 3.6.1, RFC 8463 section 4).
  std::string record() const;
  /// PKCS #8 in PEM: secret.
  std::string pem() const;

 private:
  struct Handle;  // the library's key
  PrivateKey(KeyType type, std::unique_ptr<Handle> handle, int bits);
  static Result<std::shared_ptr<const PrivateKey>> wrap(std::unique_ptr<Handle> handle);

  KeyType type_;
  int bits_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace gatepost::dkim
