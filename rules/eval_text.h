#pragma once
// function(argument, …) of an eval rule as it stands in a rule file.

#include <cstddef>
#include <string>
#include <string_view>

#include "rules/rule.h"

namespace gatepost::rules {

struct EvalTextFault {
  std::string what;
  std::size_t offset = 0;  ///< into the text
};

/// Reads "function(arguments)": texts in single or double quotes (no escapes), or words of letters,
/// digits, '.', ':' and '-', with commas between. @return false and `fault` for a fault.
bool parse_eval(std::string_view text, EvalCall& out, EvalTextFault& fault);

}  // namespace gatepost::rules
