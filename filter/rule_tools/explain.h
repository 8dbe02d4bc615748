#pragma once
// Everything there is to know of one rule: `gatepost rules explain`.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/meta.h"
#include "rules/pattern.h"
#include "rules/rule.h"

namespace gatepost::rule_tools {

/// How a rule's pattern is matched, and why so.
struct Matching {
  rules::Route route = rules::Route::exact;  ///< of a rule with a pattern
  std::string how;                           ///< "Hyperscan alone"
  std::string why;
  std::string subject;  ///< what it looks at, in words
};
/// Asks PCRE2 and Hyperscan about the pattern; not for the daemon (rules/pattern.h).
Matching matching_of(const rules::Rule& rule);

/// A step in the tree of metas.
struct Relation {
  std::string name;
  int depth = 0;  ///< 0: named directly
  /// "" for a rule that runs; else why it counts 0: "not supported", "defined nowhere",
  /// "score 0".
  std::string off;
  bool shown_before = false;  ///< what is below it stands above
};

/// What the rule's meta names and what those name, depth first; empty for other rules.
std::vector<Relation> uses_of(const rules::RuleFile& file, const rules::Rule& rule);
/// Metas that name the rule, and those that name them, depth first.
std::vector<Relation> users_of(const rules::RuleFile& file, const rules::Rule& rule);

/// The rule, its settings and all rules that it uses: enough to compile it and to run its tests.
rules::RuleFile part_of(const rules::RuleFile& file, const rules::Rule& rule);

/// As it would be written: "header NAME Subject =~ /x/i". One line, untrusted text.
std::string definition_of(const rules::Rule& rule);

constexpr std::size_t kMaxRelations = 500;  ///< more are left out

}  // namespace gatepost::rule_tools
