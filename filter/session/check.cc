#include "filter/session/check.h"

#include <algorithm>
#include <utility>

namespace gatepost {

Result<std::vector<CheckInfo>> order_checks(std::vector<CheckInfo> checks) {
  const auto stands = [](const std::vector<CheckInfo>& in, std::string_view name) {
    return std::any_of(in.begin(), in.end(), [&](const CheckInfo& c) { return c.name == name; });
  };
  if (checks.size() > kMaxChecks)
    return config_error("more than " + std::to_string(kMaxChecks) + " checks are registered");
  for (std::size_t i = 0; i < checks.size(); ++i) {
    for (std::size_t j = i + 1; j < checks.size(); ++j) {
      if (checks[i].name == checks[j].name) {
        return config_error("check '" + std::string(checks[i].name) + "' is registered twice");
      }
    }
    for (const std::string_view need : checks[i].needs) {
      const auto needed = std::find_if(checks.begin(), checks.end(),
                                       [&](const CheckInfo& c) { return c.name == need; });
      if (needed == checks.end()) {
        return config_error("check '" + std::string(checks[i].name) + "' needs '" +
                            std::string(need) + "', which does not exist");
      }
      if (checks[i].scope == CheckInfo::Scope::connection && needed->scope != checks[i].scope) {
        return config_error("check '" + std::string(checks[i].name) +
                            "' is of the connection and needs '" + std::string(need) +
                            "', which is of a transaction");
      }
    }
  }
  std::vector<CheckInfo> ordered;
  while (!checks.empty()) {
    const auto next = std::find_if(checks.begin(), checks.end(), [&](const CheckInfo& c) {
      return std::all_of(c.needs.begin(), c.needs.end(),
                         [&](auto need) { return stands(ordered, need); });
    });
    if (next == checks.end()) {
      return config_error("checks need each other in a circle, '" +
                          std::string(checks.front().name) + "' among them");
    }
    ordered.push_back(std::move(*next));
    checks.erase(next);
  }
  // Connection checks first: their answers were asked for earliest.
  std::stable_partition(ordered.begin(), ordered.end(),
                        [](const CheckInfo& c) { return c.scope == CheckInfo::Scope::connection; });
  for (std::size_t i = 0; i < ordered.size(); ++i) ordered[i].bit = std::uint64_t{1} << i;
  for (CheckInfo& check : ordered) {
    check.needs_bits = 0;
    for (const CheckInfo& other : ordered) {
      if (std::find(check.needs.begin(), check.needs.end(), other.name) != check.needs.end())
        check.needs_bits |= other.bit;
    }
  }
  return ordered;
}

}  // namespace gatepost
