#pragma once
// An SPF record as terms: strict RFC 7208 grammar, checked as a whole before anything is evaluated.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.h"
#include "core/base/result.h"

namespace gatepost::spf {

/// What a directive says when it matches (RFC 7208 section 4.6.2); the value is the character.
enum class Qualifier : char { pass = '+', fail = '-', softfail = '~', neutral = '?' };

enum class MechanismKind : std::uint8_t { all, include, a, mx, ptr, ip4, ip6, exists };

/// Whether evaluating it costs one of the ten lookup terms (RFC 7208 section 4.6.4).
constexpr bool needs_lookup(MechanismKind kind) {
  return kind != MechanismKind::all && kind != MechanismKind::ip4 && kind != MechanismKind::ip6;
}

/// A domain-spec (RFC 7208 section 7.1) whose syntax is known to be good.
struct DomainSpec {
  std::string_view text;         ///< unexpanded; empty: the domain that is being checked
  bool uses_validated = false;   ///< has %{p}: needs the client's PTR names
  bool uses_local_part = false;  ///< has %{s} or %{l}
};

/// A directive. Views point into the text that was parsed.
struct Mechanism {
  std::string_view text;                   ///< as published, qualifier included
  DomainSpec domain;                       ///< include, a, mx, ptr, exists
  std::array<std::uint8_t, 16> network{};  ///< ip4 (first 4 octets), ip6
  std::uint8_t prefix4 = 32;               ///< a, mx, ip4: 0 to 32
  std::uint8_t prefix6 = 128;              ///< a, mx, ip6: 0 to 128
  MechanismKind kind = MechanismKind::all;
  Qualifier qualifier = Qualifier::pass;

  /// ip4 and ip6: whether the client is in the network. IPv4 (mapped too) never matches ip6.
  bool network_contains(const IpAddress& client) const;
};

struct Modifier {
  std::string_view text;  ///< the whole term
  std::string_view name;  ///< as published
  DomainSpec value;       ///< of an unknown modifier: its macro-string
};

/// A record that obeys the grammar. Valid as long as the parsed text is.
struct Record {
  std::vector<Mechanism> mechanisms;  ///< in order
  std::optional<Modifier> redirect;
  std::optional<Modifier> exp;
  std::vector<Modifier> unknown;  ///< ignored by evaluation (RFC 7208 section 6)
  bool has_all = false;           ///< then redirect is ignored (RFC 7208 section 5.1)
};

/// Parses one record, "v=spf1" included, of any size; the cost is linear.
/// @return the record, or a permanent Error with `where` = "column N" (octets from 1) for the first
///         octet or term that breaks the grammar.
/// RFC 7208 sections 4.6, 5, 6, 12. Pure; safe from any thread.
Result<Record> parse_record(std::string_view text);

/// A place that breaks the grammar.
struct RecordFault {
  std::size_t column = 0;  ///< octets from 1
  std::string_view term;   ///< the term it stands in
  std::string_view part;   ///< what of it is wrong
  std::string what;        ///< one sentence that ends in the part
};

/// As parse_record(), but goes on behind a faulty term: the record of the good ones, and one fault
/// for each of the others, at most `most_faults`.
struct RecordScan {
  Record record;
  std::vector<RecordFault> faults;
};
RecordScan scan_record(std::string_view text, std::size_t most_faults = 100);

/// Whether a TXT record is an SPF record: "v=spf1" followed by a space or its end (section 4.5).
bool is_spf_record(std::string_view text);

/// The SPF records among the TXT records of a name: RFC 7208 section 4.5 wants exactly one.
struct Selection {
  std::size_t count = 0;
  std::string_view record;  ///< the first one
};
Selection select_record(const std::vector<std::string>& texts);

/// Whether the first `prefix` bits of two addresses of equal length are equal.
bool same_network(std::string_view a, std::string_view b, int prefix);

}  // namespace gatepost::spf
