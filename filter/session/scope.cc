#include "filter/session/scope.h"

#include <utility>

namespace gatepost {

Scope::Scope(SessionServices& services, Executor& executor, std::shared_ptr<const Policy> pinned,
             CheckInfo::Scope kind)
    : policy(std::move(pinned)),
      flows(services.resolver, services.clock, executor,
            FlowOptions{.query_timeout = policy->query_timeout}) {
  for (const CheckInfo& info : services.checks) {
    if (info.scope == kind && policy->enabled(info.name))
      checks.push_back({&info, info.make(), {}, false});
  }
}

void BoundContext::add(std::string_view name, std::string detail, double factor) {
  Finding finding{std::string(name), stage_, std::move(detail), recipient_, factor};
  if (find_finding(name) == nullptr) {
    finding = {"CHECK_ERROR", stage_, "unknown finding " + std::string(name), -1, 1};
  }
  scope_.findings.push_back(std::move(finding));
}

}  // namespace gatepost
