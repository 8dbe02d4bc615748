#pragma once
// Conditions of `if` and `ifplugin`.

#include <cstddef>
#include <string>
#include <string_view>

#include "rules/parse.h"

namespace gatepost::rules {

struct Condition {
  bool holds = false;
  /// With the plugins and features that it asks for and that are not here it would be the other
  /// way: what is skipped, is so for want of them.
  bool misses_features = false;
};

struct ConditionFault {
  std::string what;
  std::size_t offset = 0;
};

/// `version`, `perl_version`, `local_tests_only`, `plugin(X)`, `can(X)`, `has(X)`, numbers,
/// comparisons, `! && || ( )`. @return false and `fault` for a fault.
bool evaluate_condition(std::string_view text, const ParseOptions& options, Condition& out,
                        ConditionFault& fault);

/// What `ifplugin NAME` asks.
bool has_plugin(std::string_view name, const ParseOptions& options);

}  // namespace gatepost::rules
