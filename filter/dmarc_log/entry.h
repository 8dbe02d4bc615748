#pragma once
// One message in the log of DMARC.

#include <string>

#include "filter/session/record.h"

namespace gatepost::dmarc_log {

inline constexpr int kVersion = 1;
/// A longer line is not kept (100 signatures with the longest names are about 60 KiB).
inline constexpr std::size_t kMaxLine = std::size_t{256} << 10;

/// Whether a record belongs into the log: a verdict at the end of a message whose author domain
/// has a DMARC record.
bool is_kept(const Record& record);

/// The line without its end: one JSON object in ASCII, at most kMaxLine octets, else empty.
///   {"v":1, "time", "reference", "client", "helo", "envelope_from", "envelope_to":[…], "verdict",
///    "observed", …} and the members of add_dmarc(). Envelope addresses are domains only.
std::string to_line(const Record& record);

}  // namespace gatepost::dmarc_log
