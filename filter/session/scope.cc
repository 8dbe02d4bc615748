#include "filter/session/scope.h"

#include <algorithm>
#include <utility>

#include "filter/session/current_hop.h"
#include "rules/rule_set.h"
#include "rules/settings.h"

namespace gatepost {

Scope::Scope(SessionServices& services, Executor& executor, std::shared_ptr<const Policy> pinned,
             CheckInfo::Scope kind)
    : policy(std::move(pinned)),
      flows(services.resolver, services.clock, executor,
            FlowOptions{.query_timeout = policy->query_timeout, .observer = services.observer},
            services.store) {
  for (const CheckInfo& info : services.checks) {
    if (info.scope == kind && policy->enabled(info.name))
      checks.push_back({&info, info.make(), policy->stages_of(info.name), {}, false});
  }
}

void BoundContext::add(std::string_view name, std::string detail, double factor) {
  add(Finding{std::string(name), stage_, std::move(detail), recipient_, factor});
}

void BoundContext::add(Finding finding) {
  finding.stage = stage_;
  if (recipient_ >= 0) finding.recipient = recipient_;
  if (info_of(finding) == nullptr)
    finding = {"CHECK_ERROR", stage_, "unknown finding " + finding.name, -1, 1};
  scope_.findings.push_back(std::move(finding));
}

Result<mail::MessageView*> BoundContext::view() {
  if (view_ == nullptr) return internal_error("the message is read in end_of_message() only");
  if (!*view_) {
    mail::ContentLimits limits = policy().content;
    if (policy().rules) {
      const rules::RuleSettings& settings = policy().rules->settings();
      limits.max_body_part = settings.body_part_scan_size;
      limits.max_rawbody_part = settings.rawbody_part_scan_size;
    }
    auto opened = mail::MessageView::open(*message_, limits,
                                          received_of(connection_, envelope_, unix_time()));
    if (!opened.ok()) return opened.error();
    view_->emplace(std::move(*opened));
  }
  return &**view_;
}

bool BoundContext::found(std::string_view name, int recipient) const {
  const auto in = [&](const Scope& scope) {
    return std::any_of(scope.findings.begin(), scope.findings.end(), [&](const Finding& f) {
      return f.name == name && (f.recipient < 0 || f.recipient == recipient);
    });
  };
  return in(connected_) || (&scope_ != &connected_ && in(scope_));
}

}  // namespace gatepost
