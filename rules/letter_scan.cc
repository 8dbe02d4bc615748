#include "rules/letter_scan.h"

#include <algorithm>
#include <cstring>

namespace gatepost::rules {
namespace {

constexpr std::size_t kTogether = 2;  // blocks: one waits for its last step while the other goes on

using Vector __attribute__((vector_size(32))) = std::uint8_t;

template <std::size_t count, class Block>
inline __attribute__((always_inline)) void scan_blocks(const Block* blocks, std::string_view text,
                                                       std::uint8_t (*seen)[32]) {
  Vector last[count] = {};  // by letter: whether it is the last one of what was read
  Vector all[count] = {};
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    for (std::size_t i = 0; i < count; ++i) {
      Vector take;
      Vector stay;
      std::memcpy(&take, blocks[i].take[octet], sizeof take);
      std::memcpy(&stay, blocks[i].stay[octet], sizeof stay);
      last[i] = (((last[i] + last[i]) | 1) & take) | (last[i] & stay);
      all[i] |= last[i];
    }
  }
  for (std::size_t i = 0; i < count; ++i) std::memcpy(seen[i], &all[i], sizeof all[i]);
}

bool has_avx2() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
#else
  return false;
#endif
}

}  // namespace

void LetterScan::add(std::uint32_t rule, const std::vector<SpelledWord>& words) {
  rules_.push_back(rule);
  for (const SpelledWord& word : words) {
    if (blocks_.empty() || blocks_.back().used == kLanes) blocks_.emplace_back();
    Block& block = blocks_.back();
    const std::size_t lane = block.used++;
    block.rules[lane] = rule;
    for (std::size_t i = 0; i < word.letters.size(); ++i) {
      const auto bit = static_cast<std::uint8_t>(1U << i);
      block.last[lane] = bit;
      for (std::size_t octet = 0; octet < 256; ++octet) {
        if (word.letters[i][octet]) block.take[octet][lane] |= bit;
        if (word.between[i][octet]) block.stay[octet][lane] |= bit;
      }
    }
  }
}

void LetterScan::scan(const Block* blocks, std::size_t count, std::string_view text, Lanes* seen) {
  if (count == kTogether) return scan_blocks<kTogether>(blocks, text, seen);
  scan_blocks<1>(blocks, text, seen);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void LetterScan::scan_avx2(const Block* blocks, std::size_t count,
                                                           std::string_view text, Lanes* seen) {
  if (count == kTogether) return scan_blocks<kTogether>(blocks, text, seen);
  scan_blocks<1>(blocks, text, seen);
}
#else
void LetterScan::scan_avx2(const Block* blocks, std::size_t count, std::string_view text,
                           Lanes* seen) {
  scan(blocks, count, text, seen);
}
#endif

void LetterScan::find(std::string_view text, std::vector<std::uint32_t>& rules) const {
  const auto scan_some = has_avx2() ? &LetterScan::scan_avx2 : &LetterScan::scan;
  Lanes seen[kTogether];
  for (std::size_t first = 0; first < blocks_.size(); first += kTogether) {
    const std::size_t count = std::min(kTogether, blocks_.size() - first);
    scan_some(&blocks_[first], count, text, seen);
    for (std::size_t i = 0; i < count; ++i) {
      const Block& block = blocks_[first + i];
      for (std::size_t lane = 0; lane < block.used; ++lane) {
        if ((seen[i][lane] & block.last[lane]) != 0) rules.push_back(block.rules[lane]);
      }
    }
  }
}

}  // namespace gatepost::rules
