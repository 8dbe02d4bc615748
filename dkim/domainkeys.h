#pragma once
// The signature that came before DKIM (RFC 4870, historic): recognised, never verified.

#include <string>
#include <string_view>

namespace gatepost::dkim {

/// What a DomainKey-Signature field claims. Nothing of it is proven, and nothing may be made of it
/// but a remark. Lower case; empty where it could not be read.
struct DomainKeys {
  std::string domain;    ///< d=
  std::string selector;  ///< s=
};

/// Whether a field of this name is one.
bool is_domainkeys(std::string_view field_name);

/// Reads the value of a DomainKey-Signature field (RFC 4870 section 3.3). No key is ever asked for
/// and no result is ever given: RFC 4871 took its place, and the registry of RFC 8601 calls its
/// method deprecated.
/// Pure; safe from any thread. Values of more than 32 KiB are not read.
DomainKeys parse_domainkeys(std::string_view value);

}  // namespace gatepost::dkim
