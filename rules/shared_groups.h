#pragma once
// Expressions that are too large for PCRE2 because tags repeat the same groups over and over.

#include <optional>
#include <string>
#include <string_view>

namespace gatepost::rules {

/// The same expression with each group "(?:...)" that stands in it more than once, or that a count
/// repeats, written once, as a subroutine behind all: PCRE2 keeps one copy of its code instead of
/// dozens (it holds 64 KiB in all). Numbers of captures are as before. What matches is the same:
/// PCRE2 goes back into subroutines since 10.30. Before each call it looks whether the next octet
/// can begin the group, where that is known.
/// @return nothing when there is no such group, or when options in the middle of the expression
/// change what a group means at its place.
std::optional<std::string> with_shared_groups(std::string_view expression);

}  // namespace gatepost::rules
