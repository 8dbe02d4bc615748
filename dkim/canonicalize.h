#pragma once
// The canonical body and its hash, made by ourselves (RFC 6376 sections 3.4.3 and 3.4.4): what ARC
// signs and verifies. libopendkim's own hashes are the oracle of a test. Canonical header fields
// are in header_hash.h.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dkim/signature.h"

namespace gatepost::dkim {

/// SHA-256 over a canonical body that streams through. The input is what BodyFeed hands on: every
/// LF behind a CR, no chunk that ends between them, a CRLF at the end of a body that is not empty.
/// Costs no memory for the body. Thread rule: one thread at a time.
class BodyHash {
 public:
  /// @param length  l=: how much of the canonical body is hashed; nothing: all of it
  explicit BodyHash(Canonicalization form, std::optional<std::uint64_t> length = std::nullopt);
  ~BodyHash();
  BodyHash(BodyHash&&) noexcept;
  BodyHash& operator=(BodyHash&&) noexcept;

  void update(std::string_view octets);
  /// Ends the body. Once. @return 32 octets.
  std::string finish();
  /// Octets of the canonical body, those beyond l= too. Complete after finish().
  std::uint64_t octets() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::dkim
