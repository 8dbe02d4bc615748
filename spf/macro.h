#pragma once
// SPF macro strings: syntax and expansion (RFC 7208 section 7).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/ip.h"

namespace gatepost::spf {

/// Where a macro string stands: it decides which letters and characters are allowed.
enum class MacroContext {
  domain_spec,  ///< no c, r, t; must end in a macro or a top label (section 7.1)
  modifier,     ///< the value of an unknown modifier: any macro-string
  explanation,  ///< the text of an exp= record: any letter, spaces (section 6.2)
};

/// What a look at a macro string found.
struct MacroCheck {
  const char* fault = nullptr;   ///< what is wrong, null when the syntax is good
  std::size_t offset = 0;        ///< octets before the faulty place
  bool uses_validated = false;   ///< %{p}
  bool uses_local_part = false;  ///< %{s}, %{l}
};

/// Checks the syntax; allocates nothing, linear. Pure.
MacroCheck check_macro_string(std::string_view text, MacroContext context);

/// What the letters stand for (section 7.2). Views must outlive the expansion.
struct MacroValues {
  std::string_view sender;         ///< s: local_part@sender_domain
  std::string_view local_part;     ///< l
  std::string_view sender_domain;  ///< o
  std::string_view domain;         ///< d: the domain that is being checked
  std::string_view helo;           ///< h
  std::string_view receiver;       ///< r: empty becomes "unknown"
  std::string_view validated;      ///< p: empty becomes "unknown"
  IpAddress client;                ///< i, c, v
  std::int64_t unix_time = 0;      ///< t
};

/// Expands a domain-spec that check_macro_string() accepts. A trailing dot is dropped; a result of
/// more than 253 octets loses labels from the left until it fits (section 7.3). The cost is linear
/// in the spec, whatever the values are.
std::string expand_domain(std::string_view spec, const MacroValues& values);

/// Expands an explanation text. Nothing when its syntax is bad, the result is longer than `limit`
/// octets, or holds anything but printable US-ASCII (section 6.2: then there is no explanation).
std::optional<std::string> expand_explanation(std::string_view text, const MacroValues& values,
                                              std::size_t limit);

/// Whether a name can be asked for: labels of 1 to 63 octets, at most 253 in all, printable ASCII.
bool is_queryable(std::string_view name);

}  // namespace gatepost::spf
