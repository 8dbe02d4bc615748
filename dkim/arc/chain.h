#pragma once
// Validates the Authenticated Received Chain of one message while its body streams through
// (RFC 8617 section 5.2).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/flow/flow.h"
#include "core/mail/header_field.h"
#include "dkim/arc/fields.h"
#include "dkim/police.h"
#include "dkim/public_key.h"

namespace gatepost::arc {

/// The words of cv= and of arc= in Authentication-Results (RFC 8617 sections 4.4 and 10.1).
enum class ChainStatus { none, pass, fail };
/// "none", "pass", "fail".
const char* to_string(ChainStatus status);

/// What became of one signature of the chain.
struct SignatureCheck {
  enum class Result {
    not_checked,  ///< the chain had failed before, or it lies behind what is looked at
    pass,
    fail,
  };
  Result result = Result::not_checked;
  std::string reason;                     ///< one sentence for people; set with fail
  std::string domain;                     ///< d= as A-labels
  std::string selector;                   ///< s= as A-labels
  std::string algorithm;                  ///< a= as written
  std::optional<std::int64_t> timestamp;  ///< t=

  bool operator==(const SignatureCheck&) const = default;
};
/// "not checked", "pass", "fail".
const char* to_string(SignatureCheck::Result result);

/// One ARC Set, as far as it could be read.
struct SetResult {
  int instance = 0;
  std::string cv;  ///< what its sealer says of the chain before it: "none", "pass", "fail"
  SignatureCheck seal;
  SignatureCheck message;
  /// ARC-Authentication-Results behind "i=N;": what the sealer says of the message as it came to
  /// it. Untrusted text for authres::parse().
  std::string results;

  bool operator==(const SetResult&) const = default;
};

struct ChainResult {
  ChainStatus status = ChainStatus::none;
  /// The highest instance found; 0 without any.
  int instance = 0;
  std::string reason;  ///< one sentence for people; set with fail
  /// RFC 8617 section 5.2: 0 when all message signatures still hold, else the lowest instance whose
  /// does. With pass only.
  std::optional<int> oldest_pass;
  /// It failed because a key could not be fetched now. RFC 8617 section 5.2.1 calls that a failure
  /// all the same.
  bool temporary = false;
  /// The newest set says cv=fail: nobody seals such a message again (section 5.1).
  bool ended = false;
  /// With pass: the newest message signature covers every From field.
  bool author_signed = false;
  std::vector<SetResult> sets;  ///< from instance 1 up, as far as they could be read

  bool operator==(const ChainResult&) const = default;
};

/// One message. Made when its header is complete; then body() for each chunk, finish().
///
/// Keys are fetched outside, as for dkim::Verifier: all questions are known from the start, the
/// answers come with finish(). A message without ARC fields costs a look at the names. Nothing here
/// waits, reads a clock or touches the network.
///
/// Verified are rsa-sha256 and ed25519-sha256: a= is DKIM's (RFC 8617 section 4.1.3), which
/// RFC 8463 extended. Key records, key sizes, x= and t= are judged as for DKIM. A message signature
/// whose l= leaves out octets of the body fails: they could be anybody's.
///
/// Thread rule: one thread at a time; the key cache is shared and must outlive it.
/// Budgets: 50 sets, dkim::kMaxSignatureField a field, kMaxQueries, kMaxBodyForms, kMaxOlderHeader.
class ChainVerifier {
 public:
  /// Questions of one message. Message signatures of older sets that would need more are not
  /// looked at; that changes oldest_pass only.
  static constexpr std::size_t kMaxQueries = 60;
  /// Different c= and l= whose bodies are hashed; older message signatures beyond are not looked
  /// at.
  static constexpr std::size_t kMaxBodyForms = 4;
  /// Octets of header that are hashed for older message signatures, all together.
  static constexpr std::size_t kMaxOlderHeader = std::size_t{16} << 20;

  /// @param fields     all fields of the message, from the top; not needed afterwards
  /// @param unix_time  the transaction's time: what x= and t= are held against
  ChainVerifier(dkim::PublicKeyCache& keys, std::span<const mail::HeaderField> fields,
                const dkim::VerifyOptions& options, std::int64_t unix_time);
  ~ChainVerifier();
  ChainVerifier(ChainVerifier&&) noexcept;
  ChainVerifier& operator=(ChainVerifier&&) noexcept;

  /// The keys of the chain, each once; none when it fails by its form alone.
  const std::vector<dns::Query>& key_queries() const;
  /// Whether the body matters.
  bool wants_body() const;
  /// Body octets in any chunking. CRLF is expected, a bare LF counts as one; see dkim::BodyFeed.
  void body(std::string_view octets);
  /// Ends the message. Once.
  /// @param keys  answers to key_queries(). One that is missing was not answered in time: its
  ///              signature fails, `temporary`.
  ChainResult finish(const Answers& keys);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The questions of a chain as one flow: true when all are answered.
class KeysFlow final : public Flow<bool> {
 public:
  explicit KeysFlow(std::vector<dns::Query> queries) : queries_(std::move(queries)) {}
  Step<bool> step(const Answers& answers) override;

 private:
  std::vector<dns::Query> queries_;
};

}  // namespace gatepost::arc
