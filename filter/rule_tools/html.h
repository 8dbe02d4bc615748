#pragma once
// Text and numbers for a page.

#include <cstddef>
#include <string>
#include <string_view>

namespace gatepost::rule_tools {

/// For text and for quoted attributes: & < > " ' as references, control characters and octets that
/// are no UTF-8 as printable() shows them.
std::string html_escape(std::string_view text);

/// Without a locale: "3", "-0.25", "12.5"; at most `digits` behind the point, no zeros at the end.
std::string number_text(double value, int digits);
/// "12.3 %", "0 %", "<0.1 %", and "100 %" only for all.
std::string percent_text(double share);
/// "12,345".
std::string count_text(std::size_t count);

}  // namespace gatepost::rule_tools
