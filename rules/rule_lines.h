#pragma once
// Lines that define rules and say things about them, given to a Builder.

#include <string>

#include "rules/builder.h"
#include "rules/directives.h"
#include "rules/line_reader.h"
#include "rules/reporter.h"

namespace gatepost::rules {

/// Where a line stands, and what it is read with.
struct LineContext {
  const Line& line;
  const std::string& file;
  const ParseLimits& limits;
  Builder& builder;
  Reporter& reporter;

  Place place_at(std::size_t offset) const { return line.place_at(file, offset); }
};

/// Letters, digits and `_`, not a digit first, at most 100.
bool is_rule_name(std::string_view name);

/// A line of one of `header` … `test`, `replace_rules` or `unsupported_rule`; `words` stands behind
/// the directive.
void read_rule_line(const LineContext& context, Directive directive, std::string_view key,
                    Words words);

}  // namespace gatepost::rules
