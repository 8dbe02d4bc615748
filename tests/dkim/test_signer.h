#pragma once
// Makes DKIM keys and signed messages for the tests: its own canonicalisation, sharing nothing with
// the room under test.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include "core/mail/header_field.h"

namespace gatepost::dkim::test {

/// A key pair.
class TestKey {
 public:
  static TestKey rsa(int bits);
  static TestKey ed25519();

  /// p= of the key record; `pkcs1`: the bare RSAPublicKey instead of a SubjectPublicKeyInfo.
  std::string public_base64(bool pkcs1 = false) const;
  /// "v=DKIM1; k=…; p=…"
  std::string record() const;
  /// Signs a SHA-256 (or SHA-1) hash as DKIM does.
  std::string sign_hash(std::string_view hash, const EVP_MD* digest) const;
  bool is_rsa() const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  explicit TestKey(EVP_PKEY* key) : key_(key, Free()) {}
  std::shared_ptr<EVP_PKEY> key_;
};

struct Message {
  std::vector<mail::HeaderField> fields;
  std::string body;  ///< CRLF lines
};

/// How to sign. Everything that is written into the field can be set, right or wrong.
struct SignOptions {
  std::string domain = "example.com";
  std::string selector = "test";
  std::string form = "relaxed/relaxed";
  std::vector<std::string> headers = {"From", "To", "Subject"};
  std::optional<std::size_t> length = {};  ///< l=: this much of the canonical body is hashed
  std::string extra = "";                  ///< further tags, "; t=1; x=2"
  std::string algorithm = "";              ///< default by key
  std::string version = "1";
  std::string b_tag = "b=";  ///< how the tag of the signature is written
  std::string hash_name = "bh=";
  bool fold_b = true;  ///< b= over several lines
  std::string field_name = "DKIM-Signature";
};

/// The DKIM-Signature field for the message, not yet added to it.
mail::HeaderField sign(const Message& message, const TestKey& key, const SignOptions& options = {});
/// Puts the field of sign() on top.
void add_signature(Message& message, const TestKey& key, const SignOptions& options = {});

/// A short message with From, To, Subject, Date and two paragraphs.
Message sample_message();
/// The whole as text, CRLF lines.
std::string to_text(const Message& message);
/// Splits a message (CRLF or LF lines, LF becomes CRLF) into fields and body.
Message parse_message(std::string_view text);

std::string canonical_body(std::string_view body, bool relaxed);

}  // namespace gatepost::dkim::test
