#include "rules/rule.h"

#include <algorithm>

namespace gatepost::rules {

std::string_view to_string(RuleType type) {
  constexpr std::string_view kNames[] = {"header", "body", "rawbody", "full", "meta"};
  return kNames[static_cast<int>(type)];
}

std::string Place::text() const {
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

bool RuleFile::has_errors() const {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; });
}

}  // namespace gatepost::rules
