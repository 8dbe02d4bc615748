#pragma once
// DNS questions and answers as plain values. No I/O here.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.h"

namespace gatepost::dns {

/// The record types the project asks for; values are those of the wire (RFC 1035, RFC 3596).
enum class RrType : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28
};

/// "A", "NS", …; "TYPE99" for anything else.
std::string to_string(RrType type);

/// A name and a type. `name` is canonical: ASCII lower case, no trailing dot, labels joined with
/// '.', other octets as they are (no escapes). Make it with make_query().
struct Query {
  std::string name;
  RrType type = RrType::a;
  auto operator<=>(const Query&) const = default;
};

/// Lower-cases and drops one trailing dot. Does not check: a name that cannot be on the wire (a
/// label of more than 63 octets or none, more than 253 in all) is answered nxdomain without a
/// question.
Query make_query(std::string_view name, RrType type);

/// How a question ended. Everything from servfail on is temporary: a retry may help.
enum class Status {
  ok,        ///< at least one record of the type
  no_data,   ///< the name exists, not with this type
  nxdomain,  ///< the name does not exist
  servfail,
  refused,
  timeout,    ///< no answer by the deadline
  bogus,      ///< DNSSEC validation failed; the records are dropped
  truncated,  ///< cut short (TC), and the whole answer could not be had over TCP either
  lying,      ///< an answer to another question or for another name, or CNAMEs in a circle
  malformed,  ///< the answer could not be understood, or another rcode
};
inline constexpr std::size_t kStatuses = 10;

/// "ok", "no_data", …
const char* to_string(Status status);
constexpr bool is_temporary(Status status) {
  return status >= Status::servfail;
}

struct Mx {
  std::uint16_t preference = 0;
  std::string exchange;  ///< canonical name; empty for the root (null MX, RFC 7505)
  auto operator<=>(const Mx&) const = default;
};

/// The answer to one Query, CNAMEs followed. Immutable once shared.
/// Only the vector that the type speaks of is filled; records stand in the order received.
struct Answer {
  Status status = Status::timeout;
  std::vector<IpAddress> addresses;  ///< A, AAAA
  std::vector<std::string> texts;    ///< TXT: the character-strings of a record joined, any octets
  std::vector<std::string> names;    ///< PTR, NS, CNAME: canonical names
  std::vector<Mx> mx;                ///< MX
  std::uint32_t ttl = 0;             ///< seconds it may be kept; negative answers by SOA minimum
  bool secure = false;               ///< validated by DNSSEC
  std::string reason;                ///< for people, when the status is temporary

  bool operator==(const Answer&) const = default;
};

using AnswerPtr = std::shared_ptr<const Answer>;

/// An answer without records.
AnswerPtr empty_answer(Status status, std::uint32_t ttl = 0, std::string reason = {});

}  // namespace gatepost::dns

template <>
struct std::hash<gatepost::dns::Query> {
  std::size_t operator()(const gatepost::dns::Query& query) const noexcept {
    return std::hash<std::string>()(query.name) * 31 + static_cast<std::size_t>(query.type);
  }
};
