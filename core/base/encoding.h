#pragma once
// Base64 and digests.

#include <optional>
#include <string>
#include <string_view>

namespace gatepost {

std::string base64_encode(std::string_view octets);
/// RFC 4648 with white space ignored (as DKIM tags allow it); nothing when another character, bad
/// padding or a length that cannot be is found.
std::optional<std::string> base64_decode(std::string_view text);
std::string hex_encode(std::string_view octets);
/// 32 octets.
std::string sha256(std::string_view data);

}  // namespace gatepost
