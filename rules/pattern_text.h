#pragma once
// /pattern/modifiers as it stands in a rule file.

#include <cstddef>
#include <string>

#include "rules/line_reader.h"

namespace gatepost::rules {

struct PatternFault {
  std::string what;
  std::size_t offset = 0;  ///< into the line
  bool unsupported = false;
};

/// The pattern in [begin, end) of the line: `/…/`, `m{…}`, `m(…)`, `m[…]`, `m<…>`, `m!…!` or `qr`
/// with any of them; modifiers i m s x (a d p change nothing). A backslash before the delimiter
/// stays. Whether the expression compiles is not looked at.
bool parse_pattern(const Line& line, const std::string& file, std::size_t begin, std::size_t end,
                   std::size_t max_size, Pattern& out, PatternFault& fault);

}  // namespace gatepost::rules
