#pragma once
// Dates of header fields, read as loosely as SpamAssassin does.

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatepost::rules {

/// Seconds since 1970 of "Tue, 23 May 2006 13:06:35 -0400" and what comes close: anything before
/// and behind it, two digits of a year, names of time zones (unknown ones are UTC), no time. Fields
/// out of their range are taken as the nearest that is in it, years as 1970 to 2037. Nothing when
/// there is no day, month and year.
std::optional<std::int64_t> read_mail_date(std::string_view text);

}  // namespace gatepost::rules
