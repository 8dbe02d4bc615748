#pragma once
// Words that a match cannot do without: what Hyperscan looks for where a whole expression is too
// much for it.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "rules/regex.h"

namespace gatepost::rules {

struct NeededText {
  /// Each match holds at least one of them, in any letter case; in lower case, of 3 to 12 octets,
  /// at most 200. Empty: no such words are known.
  std::vector<std::string> words;
  /// So many of them at least, each with an end of its own: (?:name|age){3} has three.
  std::size_t least = 1;
  /// About as many states as an automaton of the expression has, counted repeats written out.
  std::size_t states = 0;
};

/// @return nothing for an expression whose meaning is not followed (recursion, conditions,
/// comments, code). Never wrong on the other side: look-around and back-references count as if they
/// were not there.
std::optional<NeededText> needed_text(const Expression& expression);

}  // namespace gatepost::rules
