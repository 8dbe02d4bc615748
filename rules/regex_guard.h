#pragma once
// RE2 before PCRE2: an expression of thousands of states costs PCRE2 all its alternatives at each
// position, and RE2 one step an octet.

#include <cstddef>
#include <memory>
#include <string_view>

#include "rules/regex.h"

namespace gatepost::rules {

/// Says of most texts that a large expression does not match there. Immutable, any thread: its
/// automaton grows with the texts, within a budget.
class RegexGuard {
 public:
  /// Smaller ones are PCRE2's: measured with SpamAssassin's rules, whose large ones begin there.
  static constexpr std::size_t kLarge = 1000;

  /// Null for an expression of fewer states, for one that is not followed (pattern_tree.h) and for
  /// one that matches the empty text.
  static std::unique_ptr<const RegexGuard> make(const Expression& expression,
                                                std::size_t least_states = kLarge);
  ~RegexGuard();
  RegexGuard(const RegexGuard&) = delete;
  RegexGuard& operator=(const RegexGuard&) = delete;

  /// False: no match. True: maybe; also when the automaton has no room for this text.
  bool may_match(std::string_view text) const;

 private:
  struct Set;
  explicit RegexGuard(std::unique_ptr<Set> set);
  std::unique_ptr<Set> set_;
};

}  // namespace gatepost::rules
