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
/// @return        Status::truncated for TC; Status::lying for another question, answers that all
///                belong to other names, CNAMEs in a circle; Status::malformed for: not a response,
///                broken names or records, more than 4,096 records, more than 16 CNAMEs in a row,
///                an rcode other than NOERROR, NXDOMAIN, SERVFAIL, REFUSED; each with a reason. A
///                record whose name cannot be text (a dot within a label) is left out.
/// Pure: any thread.
Answer decode_response(std::string_view packet, const Query& query);

}  // namespace gatepost::dns
