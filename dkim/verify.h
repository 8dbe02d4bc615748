#pragma once
// Verifies the DKIM signatures of one message while it streams through.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/flow/flow.h"
#include "core/mail/header_field.h"
#include "dkim/library.h"
#include "dkim/police.h"
#include "dkim/result.h"

namespace gatepost::dkim {

/// What a message cost: how much work its signatures asked for, counted, not timed.
struct VerifyCost {
  std::size_t key_questions = 0;    ///< different keys that were asked for
  std::uint64_t header_octets = 0;  ///< at most so many were canonicalised and hashed
  std::uint64_t body_octets = 0;    ///< the same of the body, once for each form that was needed
  std::size_t verifications = 0;    ///< public key operations

  bool operator==(const VerifyCost&) const = default;
};

/// One message. Call header() for each field, end_of_headers(), body() for each chunk, finish().
///
/// Keys are fetched outside: header() tells the question as soon as a signature is seen, the
/// answers come with finish(). Nothing here waits, reads a clock or touches the network. Hashing
/// needs no key: it is done when the last octet has been fed, however late the keys are.
///
/// Thread rule: one thread at a time, any thread; the Library is shared and must outlive it.
/// Budgets: VerifyOptions; kMaxSignatureField, kMaxSignedHeaders, kMaxKeyRecord, kMaxRsaBits.
class Verifier {
 public:
  /// Results beyond this many signatures are counted (signature_count()), not listed.
  static constexpr std::size_t kMaxResults = 1000;
  /// The most different bodies (c= and l= of the signatures) that are hashed for one message.
  static constexpr std::size_t kMaxBodyForms = 6;

  /// @param unix_time  the transaction's time: what x= and t= are held against.
  Verifier(Library& library, VerifyOptions options, std::int64_t unix_time);
  ~Verifier();
  Verifier(Verifier&&) noexcept;
  Verifier& operator=(Verifier&&) noexcept;

  /// Takes the next field of the message, in order, with its exact white space.
  /// @return the key question when the field is a DKIM-Signature that a key could make pass (well
  ///         formed, within max_signatures, acceptable so far); the caller may ask it at once.
  std::optional<dns::Query> header(const mail::HeaderField& field);

  /// Ends the header.
  /// @return an internal Error when libopendkim fails; then finish() says so for each signature.
  Result<void> end_of_headers();

  /// Body octets in any chunking. CRLF is expected, a bare LF counts as one; see BodyFeed.
  void body(std::string_view octets);
  /// Whether the body matters: false when no signature can pass any more.
  bool wants_body() const;

  /// All key questions that header() returned, each once.
  const std::vector<dns::Query>& key_queries() const;
  /// DKIM-Signature fields seen.
  std::size_t signature_count() const;

  /// What was spent so far; complete after finish(). Bounds: VerifyOptions::max_signatures
  /// questions and verifications; that many times the header; the body 2 * kMaxBodyForms + 2 times.
  VerifyCost cost() const;

  /// Ends the message. Once.
  /// @param keys  answers to key_queries(). One that is missing was not answered in time:
  ///              temperror.
  /// @return      a result for each DKIM-Signature field, from the top; empty for an unsigned
  ///              message. An internal Error when called before end_of_headers() or twice.
  Result<std::vector<SignatureResult>> finish(const Answers& keys);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::dkim
