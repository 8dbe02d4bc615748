#pragma once
// From rules to a RuleSet: plans, compiles in child processes, keeps the result on disk.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "rules/child.h"
#include "rules/rule.h"
#include "rules/rule_set.h"

namespace gatepost::rules {

/// What becomes of patterns that the cache does not hold.
enum class Missing {
  compile,
  /// They are checked and left to PCRE2, in milliseconds: the set hits the same, but too slowly for
  /// mail (CompileStats::left).
  leave,
};

struct CompileOptions {
  /// Where compiled rules are kept; made with mode 0700 when it is missing. Empty: nowhere.
  std::filesystem::path cache_directory;
  /// A program whose main calls compile_process_main() (rules/chunk.h) for these arguments, as
  /// `/proc/self/exe --compile-rules`. Empty: this process compiles itself, without limits.
  HelperProgram helper;
  /// Patterns of one Hyperscan database. Those without wide repeats are cheap to compile: 8 times
  /// as many of them go into one.
  std::size_t chunk_size = 250;
  ChildLimits limits;    ///< of each child
  int max_children = 0;  ///< at one time; 0: one for each processor
  Missing missing = Missing::compile;
  MatchLimits match;
  /// Which of a rule's four scores counts. Rules (not subrules) whose score there is 0 do not run
  /// and count 0, as in SpamAssassin.
  int score_set = 1;
  /// PatternInput::plain for all: how Hyperscan does without help (bench).
  bool plain = false;
};

/// What became of the rules.
struct CompileStats {
  std::size_t exact = 0, confirmed = 0, counted = 0, spelled = 0,
              pcre_only = 0;  ///< rules by route (rules/pattern.h)
  std::size_t databases = 0;
  std::size_t database_octets = 0;
  std::size_t jobs = 0, jobs_from_cache = 0, children = 0;
  std::size_t left = 0;  ///< patterns that Missing::leave has left to PCRE2
};

struct Compiled {
  /// Null when there is a diagnostic of severity error.
  std::shared_ptr<const RuleSet> rules;
  /// Patterns that are none (error) or not supported, metas, patterns that went to PCRE2 because
  /// Hyperscan took too long (warning), a cache that cannot be written (warning, without a place).
  /// In the order of the rules.
  std::vector<Diagnostic> diagnostics;
  CompileStats stats;
};

/// Blocks for as long as the compilation takes: seconds for thousands of new rules, milliseconds
/// when all is in the cache. Any thread. The file's own diagnostics are not repeated.
/// @return a config error when the cache directory is not ours alone; an internal error when the
/// helper cannot be started or memory is short. A pattern never makes it fail.
Result<Compiled> compile(const RuleFile& file, const CompileOptions& options);

/// Everything that a hit depends on, RuleSet::hash() of what compile() makes of it: 64 hex digits.
std::string content_hash(const RuleFile& file);

}  // namespace gatepost::rules
