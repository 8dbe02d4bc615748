#pragma once
// Words that are spelt in many ways: each letter is one of a set, such as FUZZY rules have. As
// literals they are too many and as an automaton too large for Hyperscan; here a word is eight
// bits, one for each letter, and 32 words are looked for at once. PCRE2 decides.

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/regex.h"

namespace gatepost::rules {

/// A word of at most eight letters. A letter of several octets counts with its last one.
struct SpelledWord {
  static constexpr std::size_t kMostLetters = 8;
  std::vector<std::bitset<256>> letters;  ///< by letter: the octets that end it
  /// By letter: the octets after it with which it stays the last one: what may stand between, and
  /// the next letter but for its end.
  std::vector<std::bitset<256>> between;
};

/// Words of which each match holds one, at most 16. Empty: the expression has no such words, or is
/// better found by a literal.
std::vector<SpelledWord> spelled_words(const Expression& expression);

/// Immutable once it is built; any thread.
class LetterScan {
 public:
  void add(std::uint32_t rule, const std::vector<SpelledWord>& words);
  bool empty() const { return blocks_.empty(); }
  const std::vector<std::uint32_t>& rules() const { return rules_; }

  /// Appends the rules of whose words one may be in the text: all that are, and maybe others. A
  /// rule of several words may come twice.
  void find(std::string_view text, std::vector<std::uint32_t>& rules) const;

 private:
  static constexpr std::size_t kLanes = 32;  // words of a block
  using Lanes = std::uint8_t[kLanes];
  struct alignas(kLanes) Block {
    Lanes take[256] = {};  // by octet, a bit for each letter that it ends
    Lanes stay[256] = {};  // by octet, a bit for each letter that it leaves the last one
    Lanes last = {};       // the bit of a word's last letter
    std::uint32_t rules[kLanes] = {};
    std::size_t used = 0;
  };

  static void scan(const Block* blocks, std::size_t count, std::string_view text, Lanes* seen);
  static void scan_avx2(const Block* blocks, std::size_t count, std::string_view text, Lanes* seen);

  std::vector<Block> blocks_;
  std::vector<std::uint32_t> rules_;  // each once
};

}  // namespace gatepost::rules
