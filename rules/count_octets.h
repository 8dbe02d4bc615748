#pragma once
// Counting kinds of octets in long texts.

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace gatepost::rules {

/// How many octets of `text` are of a kind. Without a branch in `is` the compiler looks at many of
/// them at once.
template <class Is>
std::size_t count_octets(std::string_view text, Is is) {
  constexpr std::size_t kBlock = 240;  // counted in one octet
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += kBlock) {
    const std::size_t size = std::min(kBlock, text.size() - at);
    unsigned char here = 0;
    for (std::size_t i = 0; i < size; ++i)
      here = static_cast<unsigned char>(here + is(static_cast<unsigned char>(text[at + i])));
    count += here;
  }
  return count;
}

}  // namespace gatepost::rules
