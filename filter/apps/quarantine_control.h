#pragma once
// What the daemon answers about its quarantine, on the control socket.

#include "filter/apps/control_commands.h"
#include "filter/quarantine/disk_quarantine.h"

namespace gatepost {

/// Adds; an answer {"error": …, "kind": "permanent"|"temporary"|…} says why there is none.
///   quarantine-list     {"from","to","since","state","after","limit"} ->
///                       {"entries","messages","octets","directory"}: a page of at most 500,
///                       `after` is the last reference of the page before
///   quarantine-show     {"reference"} -> the entry with its record and file
///   quarantine-delete   {"reference"} -> {"deleted"}
///   quarantine-begin    {"reference","again"} -> {"entry","recipients"}: a release begins
///   quarantine-end      {"reference","nonce","delivered" or ["*"],"whole"} -> {"passed"}: it ends
/// `quarantine` must outlive `commands`.
void add_quarantine_commands(ControlCommands& commands, quarantine::DiskQuarantine& quarantine);

/// An entry as JSON and back.
Json to_json(const quarantine::Entry& entry);
quarantine::Entry entry_from_json(const Json& json);

}  // namespace gatepost
