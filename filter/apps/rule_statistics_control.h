#pragma once
// What the daemon tells about its content rules, on the control socket.

#include "core/base/snapshot.h"
#include "filter/apps/control_commands.h"
#include "filter/metrics/rule_counters.h"
#include "filter/policy/policy.h"

namespace gatepost {

/// Adds
///   rule-statistics  {} -> {"since", "loaded", "ruleset", "messages", "rules": [{"name",
///                    "category", "shadow", "hits", "shadow_hits", "since", "last_hit"}]}
/// with the rules that hit most first; times are seconds since 1970, last_hit 0 is never.
/// Everything given must outlive `commands`.
void add_rule_statistics_command(ControlCommands& commands, const RuleStatistics& statistics,
                                 Snapshot<Policy>& policy);

/// Of the running rules, for `stats`: their hash and number, and how many sets are held in memory
/// (with those that transactions are pinned to) with how many scratch memories.
void add_rule_stats(Json& stats, const Policy& policy);

}  // namespace gatepost
