#include "filter/policy/dmarc_policy.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost {

namespace {

bool is_authentication(std::string_view check) {
  return check == "spf" || check == "dkim" || check == "dmarc" || check == "arc";
}

// RFC 9989 section 7.4: a published p=reject alone is no reason to refuse. Something else must
// speak against the message, and what merely follows from the same failure is not something else.
bool another_agrees(std::span<const Finding> findings, const Policy& policy) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    const FindingInfo* info = info_of(finding);
    return info != nullptr && !finding.shadow && !is_authentication(info->check) &&
           policy.rule(finding).score * finding.factor > 0;
  });
}

const Finding* find(std::span<const Finding> findings, std::string_view name) {
  const auto at = std::find_if(findings.begin(), findings.end(),
                               [&](const Finding& f) { return f.name == name; });
  return at == findings.end() ? nullptr : &*at;
}

void set(dmarc::Circumstances& circumstances, const char* table, const EnforcementMap::Match& match,
         dmarc::Override off_reason) {
  circumstances.enforcement = match.enforcement;
  circumstances.setting = std::string(table) + " \"" + match.entry + "\"";
  circumstances.off_reason = off_reason;
}

std::optional<EnforcementMap::Match> of_client(const EnforcementMap& map,
                                               const Connection& connection) {
  if (map.empty()) return std::nullopt;
  if (connection.client) {
    if (auto match = map.of_address(*connection.client)) return match;
  }
  return map.of_name(to_lower(connection.client_name));
}

dmarc::Action as_disposition(Action action) {
  switch (action) {
    case Action::reject:
      return dmarc::Action::reject;
    case Action::tag:
    case Action::hold:
    case Action::store:
      return dmarc::Action::quarantine;
    case Action::none:
    case Action::tempfail:  // it comes again
      break;
  }
  return dmarc::Action::none;
}

// The action that DMARC's own findings have in the verdict, no more than what was done.
Action done(const Verdict& verdict) {
  Action action = Action::none;
  for (const Reason& reason : verdict.reasons) {
    const FindingInfo* info = find_finding(reason.finding);
    if (info != nullptr && info->check == "dmarc") action = std::max(action, reason.action);
  }
  return std::min(action, verdict.effective());
}

}  // namespace

dmarc::Circumstances dmarc_circumstances(std::string_view author_domain,
                                         std::span<const Finding> findings, const Policy& policy,
                                         const Connection& connection) {
  dmarc::Circumstances circumstances;
  circumstances.enforcement = policy.dmarc_enforce;
  circumstances.another_finding_agrees = another_agrees(findings, policy);
  if (const Finding* copy = find(findings, "LIST_COPY")) circumstances.list = copy->domain;
  // Of arc.trusted_sealers.
  if (const Finding* sealed = find(findings, "ARC_TRUSTED"))
    circumstances.trusted_path =
        sealed->detail.empty() ? "trusted ARC seal" : printable(sealed->detail, 500);
  using dmarc::Override;
  if (const auto client = of_client(policy.dmarc_forwarders, connection)) {
    set(circumstances, "dmarc.forwarders", *client, Override::trusted_forwarder);
  } else if (const auto list = policy.dmarc_lists.of_name(circumstances.list)) {
    set(circumstances, "dmarc.lists", *list, Override::mailing_list);
  } else if (const auto domain = policy.dmarc_domains.of_name(author_domain)) {
    set(circumstances, "dmarc.domains", *domain, Override::local_policy);
  }
  return circumstances;
}

Action dmarc_action(const Finding& finding, std::span<const Finding> findings, const Policy& policy,
                    const Connection& connection) {
  const bool unknown = finding.name == "DMARC_TEMPERROR";
  const dmarc::Policy applied = finding.name == "DMARC_REJECT"       ? dmarc::Policy::reject
                                : finding.name == "DMARC_QUARANTINE" ? dmarc::Policy::quarantine
                                                                     : dmarc::Policy::none;
  if (!unknown && applied == dmarc::Policy::none) return Action::none;
  if (find(findings, "ARC_TRUSTED") != nullptr) return Action::none;
  const auto c = dmarc_circumstances(finding.domain, findings, policy, connection);
  if (unknown) return c.enforcement == dmarc::Enforcement::strict ? Action::tempfail : Action::none;
  switch (dmarc::enforced_action(applied, c.enforcement, c.another_finding_agrees)) {
    case dmarc::Action::reject:
      // The chain that would let it pass may be whole again in a minute.
      return find(findings, "ARC_TRUSTED_TEMPERROR") != nullptr ? Action::tempfail : Action::reject;
    case dmarc::Action::quarantine:
      return policy.dmarc_quarantine_as;
    case dmarc::Action::none:
      break;
  }
  return Action::none;
}

dmarc::Disposition dmarc_disposition(const dmarc::Outcome& outcome,
                                     std::span<const Finding> findings, const Policy& policy,
                                     const Connection& connection, const Verdict& verdict) {
  auto disposition = dmarc::decide_disposition(
      outcome, dmarc_circumstances(outcome.author_domain, findings, policy, connection));
  const dmarc::Action action = as_disposition(done(verdict));
  if (action == disposition.action) return disposition;
  const char* why = verdict.observed ? "observe mode"
                    : verdict.action == Action::tempfail
                        ? "deferred"
                        : "overruled by an allow list, the recipients or [findings]";
  disposition.overrides.push_back({dmarc::Override::local_policy, why});
  disposition.reason += std::string("; ") + to_string(action) + " instead of " +
                        to_string(disposition.action) + ": " + why;
  disposition.action = action;
  return disposition;
}

}  // namespace gatepost
