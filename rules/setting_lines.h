#pragma once
// Lines that are no rules and change what rules see: into RuleSettings.

#include <string>
#include <string_view>
#include <vector>

#include "rules/rule_lines.h"

namespace gatepost::rules {

/// Whether it is a setting that read_setting_line() takes. `key` is in lower case, with `_`.
bool is_setting(std::string_view key);

/// Their names, for "did you mean".
std::vector<std::string_view> setting_names();

/// Reads what stands behind the directive; faults are told to the reporter, with their place.
void read_setting_line(const LineContext& context, std::string_view key, Words words,
                       RuleSettings& settings);

}  // namespace gatepost::rules
