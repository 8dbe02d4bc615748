#pragma once
// Rule files to values: the language of SpamAssassin's Conf(3), as far as gatepost-rules(5) says.
//
// Nothing is skipped in silence. A faulty line is an error, and all of them are told at once; what
// SpamAssassin knows and Gatepost does not is `unsupported`, rule by rule (settings that are not
// rules: once for each name). Blocks of `ifplugin` and `if can()` for what is not there are skipped
// as SpamAssassin skips them, and their rules are told as unsupported unless another line defines
// them.

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "rules/rule.h"

namespace gatepost::rules {

/// A rule file; `name` stands in places, and include paths are relative to its folder.
struct Source {
  std::string name;
  std::string text;
};

/// Beyond a limit there is an error, never a cut.
struct ParseLimits {
  std::size_t max_file = std::size_t{16} << 20;   ///< octets
  std::size_t max_total = std::size_t{64} << 20;  ///< octets of all files, includes too
  std::size_t max_line = 65536;                   ///< octets, with its continuations
  std::size_t max_pattern = 32768;                ///< octets
  std::size_t max_rules = 20000;                  ///< names, unsupported ones too
  std::size_t max_tests = 100000;
  int max_include_depth = 10;
  int max_includes = 1000;
  int max_if_depth = 50;
  std::size_t max_errors = 1000;  ///< told; more are counted. Also of warnings.
};

struct ParseOptions {
  /// Reads an included file; without it `include` is an error.
  std::function<Result<std::string>(const std::string& path)> load;
  double version = 4.000001;         ///< what `if (version …)` sees
  std::vector<std::string> plugins;  ///< what `ifplugin` finds
  /// What `can()` and `has()` find, beside what Gatepost does by itself.
  std::vector<std::string> features;
  std::string language = "en";  ///< `lang` lines of others are skipped
  ParseLimits limits;
};

/// Pure but for options.load. Never fails: what is wrong is in diagnostics.
RuleFile parse(std::span<const Source> sources, const ParseOptions& options = {});

}  // namespace gatepost::rules
