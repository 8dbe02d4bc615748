#include "rules/rule.h"

#include <algorithm>
#include <tuple>

namespace gatepost::rules {

std::string_view to_string(RuleType type) {
  constexpr std::string_view kNames[] = {"header",     "body", "rawbody",    "full", "meta",
                                         "mimeheader", "uri",  "uri_detail", "eval", "connect",
                                         "helo",       "mail", "rcpt"};
  return kNames[static_cast<int>(type)];
}

constexpr std::string_view kRuleActions[] = {"none",       "tag",      "hold",  "store",
                                             "quarantine", "tempfail", "reject"};

std::string_view to_string(RuleAction action) {
  return kRuleActions[static_cast<int>(action)];
}

std::optional<RuleAction> parse_rule_action(std::string_view word) {
  const auto at = std::find(std::begin(kRuleActions), std::end(kRuleActions), word);
  if (at == std::end(kRuleActions)) return std::nullopt;
  return static_cast<RuleAction>(at - std::begin(kRuleActions));
}

std::string Place::text() const {
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string_view to_string(Diagnostic::Severity severity) {
  constexpr std::string_view kNames[] = {"error", "unsupported", "warning"};
  return kNames[static_cast<int>(severity)];
}

Place Pattern::place_at(std::size_t offset) const {
  const auto after =
      std::upper_bound(jumps.begin(), jumps.end(), offset,
                       [](std::size_t at, const Jump& jump) { return at < jump.offset; });
  if (after == jumps.begin()) {
    return {place.file, place.line, place.column + static_cast<int>(offset)};
  }
  const Jump& jump = *(after - 1);
  return {place.file, jump.line, jump.column + static_cast<int>(offset - jump.offset)};
}

void sort_by_place(const RuleFile& file, std::vector<Diagnostic>& diagnostics) {
  std::unordered_map<std::string_view, std::size_t> order;
  for (const std::string& name : file.files) order.emplace(name, order.size());
  const auto key = [&](const Diagnostic& d) {
    const auto known = order.find(d.place.file);
    return std::tuple(known == order.end() ? order.size() : known->second, d.place.line,
                      d.place.column);
  };
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
}

std::unordered_map<std::string_view, std::uint32_t> index_by_name(const RuleFile& file) {
  std::unordered_map<std::string_view, std::uint32_t> index;
  index.reserve(file.rules.size());
  for (std::size_t i = 0; i < file.rules.size(); ++i) {
    index.emplace(file.rules[i].name, static_cast<std::uint32_t>(i));
  }
  return index;
}

bool RuleFile::has_errors() const {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; });
}

}  // namespace gatepost::rules
