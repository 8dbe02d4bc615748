#pragma once
// What a record says of DMARC, as one JSON object: the same in the log, in `explain` and in the
// file that aggregate reports (RFC 9990) are made from.

#include <nlohmann/json_fwd.hpp>

#include "core/base/json_writer.h"
#include "filter/session/record.h"

namespace gatepost {

/// Adds to an object: identifiers, published record, results, disposition with override reasons;
/// nothing when DMARC was not evaluated. Members are stable; new ones may be added:
///   {"header_from", "org_domain", "record_domain", "record", "policy", "policy_tag", "testing",
///    "applied_policy", "discovery", "result", "reason",
///    "spf": {"domain", "scope": "mfrom"|"helo", "result", "aligned"},
///    "dkim": [{"domain", "selector", "result", "aligned"}],
///    "evaluated": {"spf": "pass"|"fail", "dkim": "pass"|"fail"},
///    "disposition": "none"|"pass"|"quarantine"|"reject",
///    "overrides": [{"type", "comment"}], "disposition_reason"}
void add_dmarc(nlohmann::ordered_json& object, const Record& record);
/// Writes the same members, inside of an object that was begun.
void write_dmarc(JsonWriter& out, const Record& record);

}  // namespace gatepost
