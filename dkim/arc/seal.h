#pragma once
// Adds an ARC Set to one message while it streams through (RFC 8617 section 5.1).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/authres/authentication_results.h"
#include "core/base/result.h"
#include "core/mail/header_field.h"
#include "dkim/arc/chain.h"
#include "dkim/signing_keys.h"

namespace gatepost::arc {

/// dkim::list_safe_headers() and DKIM-Signature (RFC 8617 section 4.1.2: it should be covered).
const std::vector<std::string>& sealed_headers();

struct SealOptions {
  std::string domain;    ///< d=: lower-case A-labels
  std::string selector;  ///< s=: lower-case A-labels
  /// RSA: a set has one seal, and few verifiers read one of another kind.
  std::shared_ptr<const dkim::PrivateKey> key;
  std::vector<std::string> headers = sealed_headers();  ///< covered where present
  std::vector<std::string> oversigned = {"From"};       ///< once more than present
  /// b= over several lines. On one, the seal's own b= depends on nothing but what it covers: others
  /// compare it.
  bool fold_signatures = true;
};

/// A set that was made: values without leading blank, folded with LF and a TAB. They go on top of
/// the message, the seal first, the message signature behind it, the results behind that.
struct NewSet {
  int instance = 0;
  ChainStatus cv = ChainStatus::none;
  std::string domain;    ///< d=
  std::string selector;  ///< s=
  std::string seal;
  std::string message_signature;
  std::string authentication_results;

  bool operator==(const NewSet&) const = default;
};

/// All results of the Authentication-Results fields of `authserv_id` among `fields`, in their
/// order, as one (RFC 8617 section 4.1.1). Fields that cannot be parsed are left out.
authres::AuthenticationResults own_results(std::span<const mail::HeaderField> fields,
                                           const std::string& authserv_id);

/// Whether a message with this chain can get another set. @return a permanent Error that says why
/// not: the newest set says cv=fail (section 5.1), there are 50 sets, or no instance can be told.
Result<void> can_seal(const ChainResult& chain);

/// One message: begin() when the header is complete, body() for each chunk, finish(). Both
/// signatures are rsa-sha256, relaxed/relaxed. The private key is used in finish() only.
/// Thread rule: one thread at a time, any thread.
class Sealer {
 public:
  /// Further fields of one name are not covered, from the top.
  static constexpr std::size_t kMaxInstances = 20;

  /// @param fields  all fields of the message, as they go out; not needed afterwards
  /// @return        a permanent Error when there is no From field or the key is not RSA.
  static Result<Sealer> begin(std::span<const mail::HeaderField> fields, SealOptions options,
                              std::int64_t unix_time);
  ~Sealer();
  Sealer(Sealer&&) noexcept;
  Sealer& operator=(Sealer&&) noexcept;

  /// The header as it goes out, when it became another one after begin(). Before finish(); all of
  /// `fields` as there, a From field among them and the chain as it was.
  void set_fields(std::span<const mail::HeaderField> fields);
  /// Body octets in any chunking. CRLF is expected, a bare LF counts as one; see dkim::BodyFeed.
  void body(std::string_view octets);
  /// Ends the message. Once.
  /// @param chain    of the same message: its status becomes cv=. A broken chain is sealed as
  ///                 such, the seal then covers the new set alone (section 5.1.2).
  /// @param results  what ARC-Authentication-Results says, arc= included
  /// @return         that of can_seal(), or an internal Error when OpenSSL fails.
  Result<NewSet> finish(const ChainResult& chain, const authres::AuthenticationResults& results);

 private:
  struct State;
  explicit Sealer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::arc
