#pragma once
// What rules look at of one message.

#include <cstdint>
#include <string_view>

#include "core/mail/view.h"
#include "rules/rule_set.h"

namespace gatepost::rules {

/// The subject of a message for one rule set: its fields, texts and HTML facts, and its addresses
/// where the set has rules that look at them. Daemon, `gatepost scan` and the tools make it here,
/// so that a message hits the same rules in all of them.
/// @param view       read as far as needed; the subject holds views of it and of its message
/// @param mail_from  "user@domain" or "" for the null path; must live as long as the subject
/// @param now        seconds since 1970
/// @param answers    what other checks found, or null
/// view.defects() is complete behind this call.
Subject subject_of(mail::MessageView& view, const RuleSet& rules, std::string_view mail_from,
                   std::int64_t now, const FindingAnswers* answers = nullptr);

}  // namespace gatepost::rules
