#pragma once
// A regular expression as a tree, for those who want to say less than it says.

#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "rules/regex.h"

namespace gatepost::rules {

/// One item of an expression. Letter case is in the sets, so that no flag is needed to write it.
struct PatternNode {
  enum class Kind {
    octets,        ///< one octet of `octets`
    mark,          ///< `mark`, which takes no octet: ^ or \b
    sequence,      ///< `parts`, one behind the other; none: matches the empty text
    alternatives,  ///< one of `parts`
    repeat,        ///< parts[0], `least` to `most` times
  };
  static constexpr std::size_t kUnlimited = 1000000;

  Kind kind = Kind::sequence;
  std::bitset<256> octets;
  std::string mark;
  std::vector<PatternNode> parts;
  std::size_t least = 1;
  std::size_t most = 1;
};

/// What matches at least where the expression does: look-around, $, \z, \Z and \B are left out;
/// lazy and possessive repeats and atomic groups are as any, a group again (\1) is any text.
/// @param in_pieces ^ and \A mean the begin of a line, whatever the options say.
/// @return nothing for what is not followed: named back-references, recursion, conditions, verbs,
/// comments, \X, \p, extended expressions.
std::optional<PatternNode> read_pattern(const Expression& expression, bool in_pieces);

/// In the words of Hyperscan, without options; ^ needs HS_FLAG_MULTILINE where lines are meant.
std::string write_pattern(const PatternNode& node);

/// About as many states as an automaton of it has.
std::size_t states_of(const PatternNode& node);

/// Whether it matches the empty text.
bool may_be_empty(const PatternNode& node);

}  // namespace gatepost::rules
