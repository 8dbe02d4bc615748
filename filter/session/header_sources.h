#pragma once
// What is known of a message when its header is edited.

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/mail/header_field.h"
#include "filter/policy/envelope.h"
#include "filter/policy/policy.h"
#include "filter/policy/verdict.h"
#include "filter/session/facts.h"

namespace gatepost {

/// References: valid as long as what they were made of.
struct HeaderSources {
  std::span<const mail::HeaderField> fields;
  const Policy& policy;
  const Connection& connection;
  const Envelope& envelope;
  const Verdict& verdict;
  const Facts& facts;
  std::int64_t unix_time = 0;

  /// What X-Spam-Flag says: the message is tagged, or more.
  bool is_spam() const { return verdict.action >= Action::tag; }
  /// One for each full point, at most 50.
  int stars() const { return static_cast<int>(std::clamp(verdict.score, 0.0, 50.0)); }
};

}  // namespace gatepost
