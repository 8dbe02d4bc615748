#pragma once
// What a tuner wants to know of rules that load: `gatepost rules check`.

#include <vector>

#include "rules/meta.h"
#include "rules/rule.h"

namespace gatepost::rules {

/// Faults of patterns as PCRE2 sees them (errors, with the place inside the pattern) and what Perl
/// has and PCRE2 has not (unsupported). compile() says the same; this is without compiling for
/// Hyperscan, and so fast.
std::vector<Diagnostic> check_patterns(const RuleFile& file);

/// Warnings: a pattern that stands twice, always hits or never, may take very long; a subrule that
/// nothing uses; a rule without a score line or with a score of 0; a meta that is constant; unknown
/// tflags; lines about rules that nobody defines. In the order of the places.
std::vector<Diagnostic> lint(const RuleFile& file, const MetaPlan& plan);

}  // namespace gatepost::rules
