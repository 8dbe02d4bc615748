#pragma once
// DNS response packets, which anybody may have written.

#include <string_view>

#include "core/dns/answer.h"

namespace gatepost::dns {

/// Reads a response (RFC 1035 section 4) to `query`: the CNAME chain is followed within the answer
/// section (at most 16), the rcode is taken from the header, TTL is the smallest of the chain, that
/// of negative answers comes from the SOA (RFC 2308 section 5; 0 without one). `secure` stays
/// false.
/// @param packet  any octets; at most 65,535 are looked at.
/// @return        Status::malformed with a reason for: not a response, another question, truncated
///                (TC), broken names or records, more than 4,096 records, an rcode other than
///                NOERROR, NXDOMAIN, SERVFAIL, REFUSED. A record whose name cannot be text (a dot
///                within a label) is left out.
/// Pure: any thread.
Answer decode_response(std::string_view packet, const Query& query);

}  // namespace gatepost::dns
