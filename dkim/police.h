#pragma once
// Which signatures are acceptable, beyond being correct: one table, a row a rule. The library under
// us accepts nearly everything (rsa-sha1, l=0, a second From, any number of signatures).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "dkim/key.h"
#include "dkim/result.h"
#include "dkim/signature.h"

namespace gatepost::dkim {

/// What an operator may choose and what one message may cost.
struct VerifyOptions {
  std::size_t max_signatures = 10;    ///< fields verified, from the top; the others get `policy`
  std::size_t max_fields = 100000;    ///< header fields of a message
  std::size_t max_header = 8U << 20;  ///< octets of all header fields
  int min_rsa_bits = 1024;            ///< fewer bits get `policy`; below 1024 never pass
  std::int64_t clock_skew = 300;      ///< seconds that t= may lie in the future and x= in the past
  bool allow_partial_body = false;    ///< let l= below the body's length pass
};

/// When a rule can be judged: each stage knows what the earlier ones knew.
enum class PoliceStage {
  field,    ///< the DKIM-Signature field alone: before its key is asked for
  key,      ///< its key record and key
  message,  ///< after the signature was found correct
};

/// What the rules look at. Pointers and counts are set as the stage says.
struct PoliceFacts {
  const Signature& signature;
  const VerifyOptions& options;
  std::int64_t unix_time;
  const KeyRecord* key = nullptr;  ///< from stage key on
  int key_bits = 0;                ///< from stage key on
  std::size_t from_count = 0;      ///< stage message: From fields of the message
  std::uint64_t body_octets = 0;   ///< stage message: length of the canonical body
};

struct Objection {
  Outcome outcome;
  std::string reason;
};

/// The first rule of the stage that is broken, or nothing.
std::optional<Objection> police(PoliceStage stage, const PoliceFacts& facts);

}  // namespace gatepost::dkim
