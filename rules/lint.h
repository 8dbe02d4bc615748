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

/// Warnings: a pattern or a meta that stands twice, always hits or never, may take very long; a
/// subrule that nothing uses; a rule without a score line or with a score of 0; unknown tflags;
/// lines about rules that nobody defines. In the order of the places.
std::vector<Diagnostic> lint(const RuleFile& file, const MetaPlan& plan);

/// Warnings: patterns that PCRE2 alone must run on every message, and patterns that use up the
/// budget of a message on a text of 2,000 octets (tried out: what is told is so, but not all is
/// found). Some milliseconds for each pattern with wide repeats. Asks Hyperscan about patterns that
/// may be hostile: not for the daemon.
std::vector<Diagnostic> slow_patterns(const RuleFile& file);

/// All that there is to say of the files: what parse() found and all of the above and the metas'
/// (meta.h). In the order of the places.
std::vector<Diagnostic> check(const RuleFile& file);

}  // namespace gatepost::rules
