#pragma once
// Style and script of the pages.

#include <string_view>

namespace gatepost::rule_tools {

extern const std::string_view kReportStyle;
/// Sorts tables by their heads and filters rows of tables with data-filter.
extern const std::string_view kReportScript;

}  // namespace gatepost::rule_tools
