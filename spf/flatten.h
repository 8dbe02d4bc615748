#pragma once
// A record with its includes, a and mx resolved to networks: fewer lookups, for those who publish.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/flow/flow.h"

namespace gatepost::spf {

/// A record to publish.
struct FlatRecord {
  std::string name;
  std::string text;  ///< at most 450 octets, unless `Flattening::warnings` says otherwise

  bool operator==(const FlatRecord&) const = default;
};

/// A term that stays as it was, or an include that comes out of one.
struct KeptTerm {
  std::string term;
  std::string why;

  bool operator==(const KeptTerm&) const = default;
};

struct Flattening {
  std::string domain;
  std::string original;
  /// The domain's own first; the others are included by it: _spf1.DOMAIN, _spf2.DOMAIN, …
  std::vector<FlatRecord> records;
  std::vector<KeptTerm> kept;
  std::vector<std::string> warnings;
  std::uint32_t ttl = 0;     ///< seconds until the first of the answers used may have changed
  std::size_t networks = 0;  ///< of all records, after merging
  std::string fault;         ///< why there are no records; empty when there are
  bool temporary = false;    ///< the fault is DNS that failed for now

  bool operator==(const Flattening&) const = default;
};

/// The flat record gives every client the result that the original gives now, with two exceptions:
/// lookups that fail or are void later are gone with their terms. Neighbouring terms of one
/// qualifier are merged, their order is free. What depends on the message (macros, exists, ptr) is
/// kept; an include whose record has exceptions before a pass, or depends on its own domain's name
/// by %{d} or %{p}, is kept whole. Asks at most 300 questions (FlowOptions). Thread rule: as Flow.
/// Source: RFC 7208.
class Flatten final : public Flow<Flattening> {
 public:
  /// @param domain  in A-labels
  /// @param record  this text instead of what DNS has
  explicit Flatten(std::string domain, std::optional<std::string> record = std::nullopt);
  Step<Flattening> step(const Answers& answers) override;

 private:
  std::string domain_;
  std::optional<std::string> record_;
};

}  // namespace gatepost::spf
