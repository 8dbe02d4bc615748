#pragma once
// UTF-8, octet by octet (RFC 3629).

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatepost {

/// @param text  not empty
/// @param code  set to the code point of the valid sequence at the start of `text`
/// @return      how many octets that is, 0 when there is none
std::size_t utf8_sequence(std::string_view text, std::uint32_t& code);

}  // namespace gatepost
