#pragma once
// A bit for each rule: few enough to stay in the nearest cache.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gatepost::rules {

class RuleBits {
 public:
  explicit RuleBits(std::size_t rules) : words_(rules / 64 + 1) {}

  bool operator[](std::uint32_t rule) const { return (words_[rule / 64] >> rule % 64 & 1) != 0; }
  void set(std::uint32_t rule) { words_[rule / 64] |= std::uint64_t{1} << rule % 64; }
  void reset(std::uint32_t rule) { words_[rule / 64] &= ~(std::uint64_t{1} << rule % 64); }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace gatepost::rules
