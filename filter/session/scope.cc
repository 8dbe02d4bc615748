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
  add(Finding{std::string(name), stage_, std::move(detail), recipient_, factor});
}

void BoundContext::add(Finding finding) {
  finding.stage = stage_;
  finding.recipient = recipient_;
  if (info_of(finding) == nullptr)
    finding = {"CHECK_ERROR", stage_, "unknown finding " + finding.name, -1, 1};
  scope_.findings.push_back(std::move(finding));
}

}  // namespace gatepost
