#pragma once
// From the setting rules.files to a policy with its rule set: the same for the daemon's start and
// reload, for --check and for the command line.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "filter/config/configuration.h"
#include "filter/metrics/rule_counters.h"
#include "rules/compile.h"
#include "rules/rule.h"

namespace gatepost {

/// The first argument that makes a program of ours the compiling process of rules/compile.h.
constexpr const char* kCompileRulesFlag = "--compile-rules";
/// To be called first in main(): when this process was started to compile rules, does that and ends
/// the program.
void compile_rules_if_asked(int argc, char** argv);

/// Rule files that were read and understood.
struct RuleSources {
  rules::RuleFile file;
  /// All faults, as those of the configuration: file:line:column and what was expected. The first
  /// `unreadable` are files and folders that cannot be read, the others stand in file.diagnostics.
  std::vector<Error> errors;
  std::size_t unreadable = 0;
  /// What an operator should know and what stops nothing: constructs that are not supported.
  std::vector<std::string> notes;
};

/// Reads rules.files of the configuration, or `instead` (--rules) when it is not empty. A folder
/// stands for its *.cf in the order of their names. What is missing is a fault, unless it is only a
/// default of rules.files.
RuleSources read_rules(const config::Configuration& configuration,
                       const std::vector<std::string>& instead = {});

/// What came of compiling them.
struct LoadedRules {
  /// The configuration's policy with its rule set; null when there are errors. With patterns
  /// `waiting` it has none and says so (Policy::rules_missing).
  std::shared_ptr<const Policy> policy;
  std::vector<Error> errors;
  std::vector<std::string> notes;
  std::size_t rules = 0;    ///< without subrules
  std::size_t tests = 0;    ///< `test` lines that were run
  std::size_t waiting = 0;  ///< patterns that CompileRulesOptions::missing has left uncompiled
};

enum class RulesCache {
  use,      ///< rules.cache_directory; a folder that is not ours alone is an error
  if_ours,  ///< only when the folder is there and ours: for commands that any user may run
  none,
};

struct CompileRulesOptions {
  RulesCache cache = RulesCache::use;
  /// In processes of their own, with limits; they need compile_rules_if_asked() in this program.
  bool in_child = true;
  /// leave: what the cache does not hold is checked, and the `test` lines are run by PCRE2, so that
  /// all faults are found in a moment; the set is left out when there is anything left to compile.
  rules::Missing missing = rules::Missing::compile;
  /// Where hits are counted from now (Unix time) on; null: nowhere. Nothing changes in it when the
  /// rules are refused.
  RuleStatistics* statistics = nullptr;
  std::int64_t now = 0;
};

/// Compiles, also when there are errors already, so that all faults are told at once, and runs the
/// `test` lines: a red one is an error. When the cache says that this program has run them for this
/// set they are not run again. trusted_relays of the configuration become trusted and internal
/// networks of the rules. Blocks for as long as that takes; any thread.
LoadedRules compile_rules(const config::Configuration& configuration, RuleSources sources,
                          const CompileRulesOptions& how);

/// rules.cache_directory, or its default below the state directory. Empty when there is neither.
std::filesystem::path rules_cache_directory(const config::Configuration& configuration);

}  // namespace gatepost
