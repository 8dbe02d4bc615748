#pragma once
// The control commands of greylisting.

#include "core/base/snapshot.h"
#include "core/store/store.h"
#include "filter/apps/control_commands.h"
#include "filter/policy/policy.h"

namespace gatepost {

/// Adds
///   greylist-list     {"what": "waiting|known|passed|allowed", "after", "limit"} ->
///                     {"entries": […], "next"}; "key" of an entry is what `release` takes
///   greylist-release  {"pattern"} -> {"released": N}: a key, or CLIENT/SENDER/RECIPIENT with '*'
///   for
///                     any number of octets; a pattern without '/' is a recipient or sender
///   greylist-allow    {"entries": […], "remove": bool} -> {"changed": N}
/// Everything given must outlive `commands`.
void add_greylist_commands(ControlCommands& commands, store::Store& store, const Clock& clock,
                           Snapshot<Policy>& policy);

}  // namespace gatepost
