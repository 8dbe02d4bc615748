#include "filter/policy/decide.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "filter/policy/dmarc_policy.h"

namespace gatepost {

namespace {

bool has(std::span<const Finding> findings, std::string_view name) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& f) { return f.name == name; });
}

// A forwarder that the operator trusts says that the message passed before it came to it.
bool is_overridden(const Finding& finding, std::span<const Finding> findings) {
  const bool failure = finding.name == "DMARC_FAIL" || finding.name == "DMARC_QUARANTINE" ||
                       finding.name == "DMARC_REJECT";
  return failure && has(findings, "ARC_TRUSTED");
}

// The deny lists are the operator's own word, so an allow list that names the same mail is the
// finer one and wins; broken messages and our own failures are no matter of trust, and which
// address a login may use is said of the trusted themselves.
bool overruled_by_allow(const FindingInfo& info) {
  return info.check != "session" && info.check != "message" && info.check != "submission" &&
         info.check != "signing" && info.check != "sealing";
}

// What was decided when it was stored was overruled by a person. Left are faults of the moment: no
// space for it, an error of ours.
bool overruled_by_release(const FindingInfo& info, Action action) {
  return action != Action::tempfail || overruled_by_allow(info);
}

// Nothing is accepted into a quarantine that cannot take it.
Action without_storing(Action action) {
  return action == Action::store ? Action::tag : action;
}

struct Strongest {
  Action action = Action::none;
  const FindingInfo* info = nullptr;
  const Finding* finding = nullptr;
};

Reply make_reply(Action action, const FindingInfo* info, const Finding* finding) {
  const bool reject = action == Action::reject;
  if (info == nullptr) {
    return reject ? Reply{550, "5.7.1", "message looks like spam"}
                  : Reply{451, "4.7.1", "message cannot be accepted now, try again later"};
  }
  Reply reply{info->code, std::string(info->enhanced), std::string(info->reply)};
  if (finding != nullptr && !finding->reply.empty()) reply.text = finding->reply;
  if (reply.text.empty()) reply.text = "refused by local policy";
  // The class follows the action when the configuration turned a refusal into a deferral or back.
  if (reject && reply.code / 100 != 5) reply.code = 550;
  if (!reject && reply.code / 100 != 4) reply.code = 451;
  const std::string rest = reply.enhanced.empty() ? ".7.1" : reply.enhanced.substr(1);
  reply.enhanced = (reject ? "5" : "4") + rest;
  return reply;
}

Action score_action(double score, const Policy& policy) {
  if (policy.reject_score > 0 && score >= policy.reject_score) return Action::reject;
  if (policy.quarantine_score > 0 && score >= policy.quarantine_score) return policy.quarantine_as;
  if (policy.tag_score > 0 && score >= policy.tag_score) return Action::tag;
  return Action::none;
}

bool trusted(const Connection& connection, const Envelope& envelope) {
  return connection.local || connection.trusted_relay || connection.submit_network ||
         envelope.authenticated();
}

// Refusing a trusted relay makes backscatter, refusing a login's own mail loses it: both happens
// for faults of ours, of the message itself, or of a login that uses another's address only.
bool may_refuse(const FindingInfo* info, const Connection& connection, const Envelope& envelope) {
  if (!trusted(connection, envelope)) return true;
  return !connection.local && info != nullptr && !overruled_by_allow(*info);
}

RecipientOutcome outcome(Action action) {
  switch (action) {
    case Action::reject:
      return RecipientOutcome::refuse;
    case Action::tempfail:
      return RecipientOutcome::tempfail;
    default:
      return RecipientOutcome::accept;
  }
}

// A login proves who sends: the address it came from, often a dynamic one that block lists know,
// says nothing then. Those checks start at connect, when the login is not known yet.
bool is_moot(const FindingInfo& info, const Envelope& envelope) {
  return envelope.authenticated() && (info.check == "dnsbl" || info.check == "iprev");
}

bool allows_recipient(std::span<const Finding> findings, int index) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) {
    return f.name == "ALLOW_RECIPIENT" && f.recipient == index;
  });
}

bool allows_all_recipients(std::span<const Finding> findings, const Envelope& envelope) {
  const int count = static_cast<int>(envelope.recipients.size());
  for (int i = 0; i < count; ++i) {
    if (!allows_recipient(findings, i)) return false;
  }
  return count > 0;
}

// What one answer at the end of a message can be made for.
enum class RecipientKind { usual, allowed, exempt };

RecipientKind kind_of(const Recipient& recipient, int index, std::span<const Finding> findings) {
  if (recipient.exempt) return RecipientKind::exempt;
  return allows_recipient(findings, index) ? RecipientKind::allowed : RecipientKind::usual;
}

bool is_of_another_kind(const Recipient& recipient, std::span<const Finding> findings,
                        const Envelope& envelope) {
  const int count = static_cast<int>(envelope.recipients.size());
  const RecipientKind kind = kind_of(recipient, count, findings);
  for (int i = 0; i < count; ++i) {
    if (kind_of(envelope.recipients[static_cast<std::size_t>(i)], i, findings) != kind) return true;
  }
  return false;
}

bool all_exempt(const Envelope& envelope) {
  return !envelope.recipients.empty() &&
         std::all_of(envelope.recipients.begin(), envelope.recipients.end(),
                     [](const Recipient& r) { return r.exempt; });
}

// Who is shown is what DMARC is about: where it could not be held against one author and readers
// would show another one each, strict does not let that be the way around p=reject.
bool refuses_ambiguous(const Finding& finding, std::span<const Finding> findings,
                       const Policy& policy) {
  return finding.name == "AMBIGUOUS_FROM" && policy.dmarc_enforce == dmarc::Enforcement::strict &&
         policy.enabled("dmarc") &&
         (has(findings, "FROM_SEVERAL") || has(findings, "FROM_MALFORMED") ||
          has(findings, "FROM_MISSING"));
}

// Sums the score, lists the reasons and finds the strongest action that may be answered at `stage`.
Strongest weigh(std::span<const Finding> findings, const Policy& policy,
                const Connection& connection, const Envelope& envelope, Verdict& verdict,
                const Recipient* recipient) {
  const int index = recipient != nullptr ? static_cast<int>(envelope.recipients.size()) : -1;
  const bool allowed = has(findings, "ALLOW_CLIENT") || has(findings, "ALLOW_SENDER") ||
                       (recipient != nullptr ? allows_recipient(findings, index)
                                             : allows_all_recipients(findings, envelope));
  const bool released = has(findings, "RELEASED");
  const bool no_storing = has(findings, "QUARANTINE_UNAVAILABLE");
  Strongest strongest;
  for (const Finding& finding : findings) {
    if (finding.shadow || (finding.recipient >= 0 && finding.recipient != index)) continue;
    const FindingInfo* info = info_of(finding);
    if (info == nullptr || is_moot(*info, envelope)) continue;
    if (is_overridden(finding, findings)) continue;
    const FindingRule rule = policy.rule(finding);
    Action action = info->check == "dmarc" && rule.action == Action::none
                        ? dmarc_action(finding, findings, policy, connection)
                        : rule.action;
    if (action == Action::none && !allowed && !released &&
        refuses_ambiguous(finding, findings, policy) && !trusted(connection, envelope) &&
        !all_exempt(envelope))
      action = Action::reject;
    const bool terminal = action == Action::reject || action == Action::tempfail;
    if (terminal && answer_stage(policy, finding.stage) > verdict.stage) action = Action::none;
    if (!terminal && verdict.stage != Stage::end_of_message) action = Action::none;
    if (allowed && overruled_by_allow(*info)) action = Action::none;
    if (released && overruled_by_release(*info, action)) action = Action::none;
    if (no_storing) action = without_storing(action);
    if (terminal && !may_refuse(info, connection, envelope)) action = Action::none;
    if (recipient != nullptr && recipient->exempt && overruled_by_allow(*info))
      action = Action::none;
    const double score = rule.score * finding.factor;
    verdict.score += score;
    if (score != 0 || action != Action::none)
      verdict.reasons.push_back({finding.name, score, action, finding.description});
    if (action > strongest.action) strongest = {action, info, &finding};
  }
  if (verdict.stage == Stage::end_of_message && !allowed && !released) {
    Action by_score = score_action(verdict.score, policy);
    if (no_storing) by_score = without_storing(by_score);
    if (by_score == Action::reject && !may_refuse(nullptr, connection, envelope))
      by_score = Action::tag;
    if (by_score > strongest.action) strongest = {by_score, nullptr, nullptr};
  }
  return strongest;
}

}  // namespace

std::string Reply::line() const {
  if (code == 0) return {};
  return std::to_string(code) + " " + enhanced + " " + text;
}

Verdict decide(std::span<const Finding> findings, const Policy& policy, Stage stage,
               const Connection& connection, const Envelope& envelope, const Recipient* recipient) {
  Verdict verdict;
  verdict.stage = stage;
  const Strongest strongest = weigh(findings, policy, connection, envelope, verdict, recipient);
  verdict.action = strongest.action;

  // A transaction never holds both kinds of recipients, so that one answer at its end fits all: the
  // later kind is asked to come in a transaction of its own.
  const bool mixed = recipient != nullptr && !trusted(connection, envelope) &&
                     is_of_another_kind(*recipient, findings, envelope);
  if (stage >= Stage::data && all_exempt(envelope) && verdict.action > Action::tag &&
      (strongest.info == nullptr || overruled_by_allow(*strongest.info))) {
    verdict.action = Action::tag;
  }
  if (verdict.action == Action::reject || verdict.action == Action::tempfail) {
    verdict.reply = make_reply(verdict.action, strongest.info, strongest.finding);
  } else if (verdict.action == Action::store) {
    // A relay that has the message already would have to return it to somebody.
    if (policy.store_and_reject && !trusted(connection, envelope))
      verdict.reply = make_reply(Action::reject, strongest.info, strongest.finding);
  } else if (mixed) {
    verdict.action = Action::tempfail;
    verdict.reply = {452, "4.5.3", "send mail for this recipient in a transaction of its own"};
  }
  if (verdict.action == Action::hold) {
    verdict.hold_reason = strongest.info != nullptr ? std::string(strongest.info->name) : "score";
  }
  std::stable_sort(verdict.reasons.begin(), verdict.reasons.end(),
                   [](const Reason& a, const Reason& b) {
                     return a.action != b.action ? a.action > b.action : a.score > b.score;
                   });
  if (stage == Stage::end_of_message) {
    verdict.recipients.assign(envelope.recipients.size(), outcome(verdict.action));
  }
  verdict.observed = policy.mode == Mode::observe && verdict.action != Action::none;
  return verdict;
}

}  // namespace gatepost
