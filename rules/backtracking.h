#pragma once
// Patterns whose cost may grow exponentially with the text, seen in their text.

#include <cstddef>
#include <optional>

#include "rules/regex.h"

namespace gatepost::rules {

/// A repeat inside a repeat with nothing between that must be there, as (a+)+ or (\w+\s*)*: the
/// same text can be taken apart in very many ways. Possessive and atomic ones are none. Repeats of
/// up to 9 do not count.
/// @return the octet of the inner group's begin, or nothing. A heuristic: neither complete nor
/// proof.
std::optional<std::size_t> nested_repeat(const Expression& expression);

}  // namespace gatepost::rules
