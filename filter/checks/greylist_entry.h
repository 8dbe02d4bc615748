#pragma once
// How greylisting stands in the store: its keys and values. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.h"
#include "core/base/result.h"
#include "core/store/value.h"

namespace gatepost::greylist {

/// Spaces: triplets that wait for their second try; triplets that passed; client networks with a
/// sender domain and how many messages passed; what an operator allowed.
inline constexpr std::string_view kPending = "grey_pending";
inline constexpr std::string_view kKnown = "grey_known";
inline constexpr std::string_view kAuto = "grey_auto";
inline constexpr std::string_view kAllow = "grey_allow";

/// Data of a pending triplet: it waits (number: when it was first seen, seconds since 1970), or an
/// operator let it go.
inline constexpr std::string_view kWaiting = "waiting";
inline constexpr std::string_view kReleased = "released";

struct Triplet {
  std::string network;    ///< "192.0.2.0/24"
  std::string sender;     ///< lower case; empty: the null sender
  std::string recipient;  ///< lower case
  bool operator==(const Triplet&) const = default;
};

/// "192.0.2.0/24", "2001:db8::/64".
std::string client_network(const IpAddress& client, int ipv4_prefix, int ipv6_prefix);

/// Addresses are compared without case. One of more than 320 octets (RFC 5321 section 4.5.3.1) is
/// replaced by its digest, so that every triplet is a name in the store.
Triplet make_triplet(std::string network, std::string_view sender, std::string_view recipient);
std::string name_of(const Triplet& triplet);
/// Nothing when the name is none of ours.
std::optional<Triplet> parse_name(std::string_view name);

store::Key pending_key(const Triplet& triplet);
store::Key known_key(const Triplet& triplet);
/// @param domain  of the sender, not empty
store::Key auto_key(std::string_view network, std::string_view domain);

/// An entry of the allow list as it is kept: a network (prefix one of kAllowIpv4Prefixes or
/// kAllowIpv6Prefixes), "mail.example" or ".example" (every name below) for the sender's domain, or
/// a sender's address. A permanent Error says what was expected.
Result<std::string> parse_allow_entry(std::string_view text);
inline constexpr int kAllowIpv4Prefixes[] = {32, 28, 24, 20, 16, 12, 8};
inline constexpr int kAllowIpv6Prefixes[] = {128, 64, 56, 48, 32};
/// All entries that would allow this client or sender: what is to be asked for. At most 16.
std::vector<store::Key> allow_keys(const IpAddress& client, std::string_view sender,
                                   std::string_view domain);

}  // namespace gatepost::greylist
