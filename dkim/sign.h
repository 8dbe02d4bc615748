#pragma once
// Signs one message while it streams through.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mail/header_field.h"
#include "dkim/signing_keys.h"

namespace gatepost::dkim {

/// A signature that was made.
struct NewSignature {
  std::string domain;    ///< d=
  std::string selector;  ///< s=
  /// The value of the DKIM-Signature field, without leading blank, folded below 78 columns with LF
  /// and a TAB. One blank stands between colon and value (simple canonicalisation needs that).
  std::string value;

  bool operator==(const NewSignature&) const = default;
};

/// One message: begin() when the header is complete, body() for each chunk, finish(). The private
/// key is used in finish() only: a message that is dropped before costs its hashing, not a
/// signature.
///
/// Thread rule: one thread at a time, any thread.
class Signer {
 public:
  /// Further fields of one name are not signed, from the top.
  static constexpr std::size_t kMaxInstances = 20;

  /// @param fields  all fields of the message, as they go out
  /// @param keys    not empty; a signature for each
  /// @return        a permanent Error when there is no From field.
  static Result<Signer> begin(std::span<const mail::HeaderField> fields,
                              std::vector<SigningKey> keys, const SignOptions& options,
                              std::int64_t unix_time);
  ~Signer();
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;

  /// The header as it goes out, when it became another one after begin(). Before finish(); all of
  /// `fields` as there, a From field among them.
  void set_fields(std::span<const mail::HeaderField> fields);
  /// Body octets in any chunking. CRLF is expected, a bare LF counts as one; see BodyFeed.
  void body(std::string_view octets);
  /// Ends the message. Once. @return a signature for each key, or an internal Error.
  Result<std::vector<NewSignature>> finish();

 private:
  struct State;
  explicit Signer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::dkim
