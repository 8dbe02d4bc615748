#include "spf/published.h"

#include "core/base/text.h"
#include "core/dns/answer.h"
#include "spf/macro.h"

namespace gatepost::spf {

namespace {

/// Whether `wanted` holds for the letter of any macro.
template <class Wanted>
bool any_macro(std::string_view spec, Wanted wanted) {
  for (std::size_t i = 0; i + 2 < spec.size(); ++i) {
    if (spec[i] != '%') continue;
    if (spec[i + 1] == '{' && wanted(ascii_lower(spec[i + 2]))) return true;
    ++i;  // "%%" opens nothing
  }
  return false;
}

}  // namespace

std::optional<std::string> fixed_name(const DomainSpec& spec, std::string_view domain) {
  std::string name(spec.text.empty() ? domain : spec.text);
  if (!spec.text.empty() && spec.text.find('%') != std::string_view::npos) {
    if (any_macro(spec.text, [](char letter) { return letter != 'd'; })) return std::nullopt;
    if (domain.empty() && any_macro(spec.text, [](char) { return true; })) return std::nullopt;
    MacroValues values;
    values.domain = domain;
    name = expand_domain(spec.text, values);
  }
  if (name.empty()) return std::nullopt;
  return dns::make_query(name, dns::RrType::txt).name;
}

bool speaks_of_domain(std::string_view spec) {
  return any_macro(spec, [](char letter) { return letter == 'd' || letter == 'p'; });
}

}  // namespace gatepost::spf
