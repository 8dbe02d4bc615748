#pragma once
// What libunbound writes about failures: it answers SERVFAIL whatever its servers did, and only its
// log tells REFUSED from silence from nonsense. Not for others.

#include <string>
#include <string_view>

#include "core/dns/answer.h"

struct ub_ctx;

namespace gatepost::dns {

/// Lines of the context are read from now on: the last SERVFAIL of a thread is kept for it, all
/// else goes to standard error. Libunbound has one log a process: with several contexts, that of
/// the one made last; the others then have no reasons.
void catch_unbound_log(ub_ctx* context);

/// Why libunbound failed, as it said last on this thread; empty when that was about another
/// question.
/// @param name  as given to libunbound, with the dot at the end
std::string take_servfail_reason(std::string_view name, std::string_view type);

/// What that text means: refused, truncated, lying, malformed, else servfail.
Status status_of_reason(std::string_view reason);

/// For catch_unbound_log(), and its tests.
void take_unbound_line(std::string_view line);

}  // namespace gatepost::dns
