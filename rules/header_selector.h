#pragma once
// What stands before the pattern of a `header` rule: Header:modifier =~, exists:Header.

#include <cstddef>
#include <string>
#include <string_view>

#include "rules/rule.h"

namespace gatepost::rules {

struct SelectorFault {
  std::string what;
  std::size_t offset = 0;  ///< into the line
  bool unsupported = false;
};

/// Reads `line` from `at` to its end. The pattern is then to be read from [begin, end) of the line
/// (not with exists:); behind it stood `[if-unset: TEXT]`.
bool parse_selector(std::string_view line, std::size_t at, HeaderSelector& out, std::size_t& begin,
                    std::size_t& end, SelectorFault& fault);

}  // namespace gatepost::rules
