#include "filter/policy/policy.h"

#include "core/base/text.h"
#include "filter/policy/sender_map.h"

namespace gatepost {

void Policy::set_rule(std::string_view name, FindingRule rule) {
  rules_.insert_or_assign(std::string(name), rule);
}

FindingRule Policy::rule(std::string_view name) const {
  if (const auto set = rules_.find(name); set != rules_.end()) return set->second;
  const FindingInfo* info = find_finding(name);
  return info != nullptr ? FindingRule{info->score, info->action} : FindingRule{};
}

FindingRule Policy::rule(const Finding& finding) const {
  if (!finding.rule) return rule(finding.name);
  const auto set = rules_.find(finding.name);
  return set != rules_.end() ? set->second : *finding.rule;
}

void Policy::finish() {
  stages_.clear();
  for (bool& answers : may_answer_) answers = false;
  may_answer_[static_cast<int>(Stage::rcpt)] = true;
  may_answer_[static_cast<int>(Stage::end_of_message)] = true;
  for (const FindingInfo& info : finding_table()) {
    if (!enabled(info.check)) continue;
    stages_[std::string(info.check)].add(Stage::end_of_message);
    const Action action = rule(info.name).action;
    if (action != Action::reject && action != Action::tempfail) continue;
    const Stage stage = answer_stage(*this, info.stage);
    stages_[std::string(info.check)].add(stage);
    may_answer_[static_cast<int>(stage)] = true;
  }
  for (const Stage found : stage_rules_refuse)
    may_answer_[static_cast<int>(answer_stage(*this, found))] = true;
  // decide() refuses ambiguous authors then.
  if (dmarc_enforce == dmarc::Enforcement::strict && enabled("dmarc") && enabled("message")) {
    stages_["message"].add(Stage::end_of_headers);
    may_answer_[static_cast<int>(Stage::end_of_headers)] = true;
  }
  // Who is greylisted follows from what these have found.
  if (needs(Stage::rcpt, "greylist")) {
    for (const char* check : {"client_lists", "iprev", "dnsbl", "spf", "lists"}) {
      if (enabled(check)) stages_[check].add(Stage::rcpt);
    }
  }
  // An allowed sender must have proven its domain (ALLOW_SENDER needs SPF) before a refusal at
  // RCPT.
  if (!allow_senders.empty() && enabled("lists") && enabled("spf")) {
    stages_["spf"].add(Stage::rcpt);
    stages_["lists"].add(Stage::rcpt);
  }
}

SenderCheck sender_check(const Policy& policy) {
  if (policy.check_sender != SenderCheck::automatic) return policy.check_sender;
  return policy.senders != nullptr ? SenderCheck::both : SenderCheck::off;
}

bool may_send_as(const Policy& policy, std::string_view login, std::string_view address) {
  static const SenderMap kNobody;
  return (policy.senders != nullptr ? *policy.senders : kNobody).owns(login, address);
}

bool may_sign_as(const Policy& policy, std::string_view login, std::string_view address) {
  if (policy.senders != nullptr) return may_send_as(policy, login, address);
  const auto at = login.rfind('@');
  const auto of_address = address.rfind('@');
  return at == std::string_view::npos ||
         (of_address != std::string_view::npos &&
          iequals(login.substr(at + 1), address.substr(of_address + 1)));
}

Stage answer_stage(const Policy& policy, Stage found) {
  // The login is known at MAIL and the exemption of postmaster at RCPT: not before these.
  if (found < Stage::rcpt) return policy.answer_at_rcpt ? Stage::rcpt : found;
  return found;
}

}  // namespace gatepost
