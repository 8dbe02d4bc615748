#pragma once
// Counts what a pattern of one octet, or of a few short sequences of octets, matches: such patterns
// match hundreds of times in a message, and each report of Hyperscan would ask PCRE2.

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "rules/regex.h"

namespace gatepost::rules {

/// Immutable, any thread.
class SequenceCount {
 public:
  static constexpr std::size_t kLongest = 4;  // octets of a sequence

  /// Nothing for an expression that is not such, whose matches could overlap, or may hold an LF.
  static std::optional<SequenceCount> make(const Expression& expression);

  /// All matches in `text`, which may be a text in pieces.
  std::size_t count(std::string_view text) const;
  /// Where the first match begins; text.size() when there is none.
  std::size_t find(std::string_view text) const;
  /// The octets of the match that begins there.
  std::size_t size_at(std::string_view text, std::size_t at) const;

 private:
  using Octets = std::bitset<256>;
  using Sequence = std::vector<Octets>;
  std::size_t count_single(std::string_view text) const;

  std::array<std::uint8_t, 256> first_{};  // by octet: kSingle, kLonger
  static constexpr std::uint8_t kSingle = 1, kLonger = 2;
  std::optional<char> one_;       // the only single octet
  bool ascii_is_single_ = false;  // longer sequences begin above 0x7f
  std::vector<Sequence> longer_;
};

}  // namespace gatepost::rules
