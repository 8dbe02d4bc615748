#pragma once
// Rules ready to be matched: immutable, shared by all sessions, swapped whole with the policy.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mail/content.h"
#include "core/mail/header_field.h"
#include "rules/rule.h"

namespace gatepost::rules {

/// A rule that hit.
struct Hit {
  const Rule* rule = nullptr;  ///< of the RuleSet, lives as long as it
  int count = 1;               ///< more than 1 with tflags multiple only
  std::string matched;         ///< what it hit, at most 100 octets, untrusted; empty for meta
};

/// What a message gives rules to look at.
struct Subject {
  std::span<const mail::HeaderField> fields;
  const mail::Content& content;
  std::string_view mail_from;  ///< "user@domain", empty for the null path (EnvelopeFrom)
};

/// Limits of one match, so that no message and no pattern can take the daemon's time.
struct MatchLimits {
  std::uint32_t pcre_match_limit = 100000;  ///< backtracking steps of one confirmation
  std::uint32_t pcre_heap_kib = 4096;
  std::size_t max_confirmations = 2000;  ///< of one message; beyond it the rest do not hit
};

struct MatchOutcome {
  std::vector<Hit> hits;  ///< in the order of the rules, with subrules
  bool budget_exceeded = false;
};

/// Immutable; match() from any thread (scratch memory is kept per thread).
class RuleSet {
 public:
  virtual ~RuleSet() = default;
  virtual MatchOutcome match(const Subject& subject) const = 0;
  virtual std::span<const Rule> rules() const = 0;
  /// Of the rules' content: stands in records, so that a verdict can be replayed.
  virtual const std::string& hash() const = 0;
};

}  // namespace gatepost::rules
