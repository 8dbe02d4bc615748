#pragma once
// How the signatures of a message came to their results, in sentences that a postmaster can
// forward.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/flow/flow.h"
#include "core/mail/header_field.h"
#include "dkim/library.h"
#include "dkim/result.h"

namespace gatepost::dkim {

/// One step in the story of a signature.
struct TraceStep {
  enum class Mark {
    good,  ///< looked at and found in order
    note,  ///< said for the reader
    bad,   ///< why it did not pass, or what was changed
  };
  Mark mark;
  std::string about;  ///< "signature", "key", "fields", "header", "body", "result"
  std::string text;   ///< one sentence without its full stop; foreign octets are escaped

  bool operator==(const TraceStep&) const = default;
};

/// "ok", "-", "!!"
const char* to_string(TraceStep::Mark mark);

/// Tells of each signature what was checked, where its key is, and what failed. Header and body are
/// looked at apart, so that it is known which of them was changed. Where that can be found out by
/// trying, it says what: lines that were added at either end of the body, a tag in the subject,
/// a field that was added, values that z= has kept.
/// It is for people at a command line, not for mail on its way: at most kMaxTries hashes of a body
/// up to kMaxTriedBody octets and as many public key operations are made for each failed signature.
/// @param fields   the whole header, top first
/// @param body     as Verifier takes it, in one piece
/// @param keys     the answers that Verifier::finish() got
/// @param results  what it returned for this message
/// @return         one list a result, in their order. Pure; any thread.
std::vector<std::vector<TraceStep>> trace(Library& library,
                                          std::span<const mail::HeaderField> fields,
                                          std::string_view body, const Answers& keys,
                                          const std::vector<SignatureResult>& results);

constexpr std::size_t kMaxTries = 150;
constexpr std::size_t kMaxTriedBody = 1U << 20;

}  // namespace gatepost::dkim
