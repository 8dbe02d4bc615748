#pragma once
// Lines about header fields, into HeaderChanges.

#include <string_view>

#include "rules/header_changes.h"
#include "rules/rule_lines.h"

namespace gatepost::rules {

/// Octets of a text with tags; a longer one is an error.
constexpr std::size_t kMaxTemplate = 2000;

/// Reads what stands behind `rewrite_header`, `add_header`, `remove_header` or `clear_headers`.
/// Faults, and tags that are not there, are told with their place.
void read_header_line(const LineContext& context, std::string_view key, Words words,
                      HeaderChanges& changes);

}  // namespace gatepost::rules
