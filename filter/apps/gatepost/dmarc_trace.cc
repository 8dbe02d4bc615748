#include "filter/apps/gatepost/dmarc_trace.h"

#include <algorithm>
#include <set>

#include "dmarc/discovery.h"
#include "dmarc/domain.h"

namespace gatepost::command {

namespace {

using dmarc::Outcome;
using dmarc::Request;

std::string answer_text(const dmarc::WalkStep& step) {
  if (step.failed()) return "no answer, " + std::string(dns::to_string(step.status));
  if (step.record) return "\"" + step.record->text + "\"";
  if (step.too_long) return "a record that is too long to be read";
  if (step.found > 1) return std::to_string(step.found) + " DMARC records, so none counts";
  return step.status == dns::Status::nxdomain ? "the name does not exist" : "no DMARC record";
}

class Trace {
 public:
  Trace(const Request& request, const Outcome& outcome, const Answers& answers)
      : request_(request), outcome_(outcome), answers_(answers) {}

  std::vector<TraceLine> make(const dmarc::Disposition& disposition) {
    author();
    if (!outcome_.author_domain.empty()) {
      queries();
      record();
      if (outcome_.record && outcome_.record->applies) {
        alignments();
        policy();
      }
    }
    add("result", std::string(dmarc::to_string(outcome_.result)) + ": " + outcome_.reason + ".");
    if (outcome_.result == dmarc::ResultCode::fail) {
      std::string text = std::string("What is done here: ") + dmarc::to_string(disposition.action) +
                         ", because " + disposition.reason;
      for (const dmarc::OverrideReason& reason : disposition.overrides) {
        text += std::string("; reported as ") + dmarc::to_string(reason.type) + " (" +
                reason.comment + ")";
      }
      add("disposition", text + ".");
    }
    return std::move(lines_);
  }

 private:
  void add(const char* step, std::string text) { lines_.push_back({step, std::move(text)}); }

  void author() {
    switch (request_.author_status) {
      case dmarc::AuthorStatus::single:
        return add("author",
                   "The author domain, from the From field, is " + request_.author_domain + ".");
      case dmarc::AuthorStatus::doubtful:
        return add("author", "The From field is broken, but all mail programs would show " +
                                 request_.author_domain +
                                 ": the message can fail for it and never pass.");
      case dmarc::AuthorStatus::missing:
        return add("author", "There is no author domain: the message has no From address.");
      case dmarc::AuthorStatus::several:
        return add("author", "There is more than one author domain.");
      case dmarc::AuthorStatus::malformed:
        return add("author", "The From field is malformed and names no author domain.");
    }
  }

  void query(const std::string& domain) {
    const dns::Query question = dmarc::record_query(domain);
    const dns::Answer* answer = answers_.find(question);
    if (answer == nullptr || !shown_.insert(question.name).second) return;
    add("query", "Asked for TXT " + question.name + ": " +
                     answer_text(dmarc::read_step(domain, *answer)) + ".");
  }

  void queries() {
    if (request_.mode == dmarc::DiscoveryMode::psl) {
      query(outcome_.author_domain);
      query(outcome_.org_domain);
    } else {
      for (const std::string& name : dmarc::tree_walk_names(outcome_.author_domain)) query(name);
      walk(outcome_.author_domain);
    }
    const auto existence = dns::make_query(outcome_.author_domain, dns::RrType::a);
    if (const dns::Answer* answer = answers_.find(existence)) {
      add("query", "Asked whether " + outcome_.author_domain + " exists: " +
                       (answer->status == dns::Status::nxdomain ? "it does not"
                        : dns::is_temporary(answer->status)     ? "no answer"
                                                                : "it does") +
                       ".");
    }
  }

  // Where a walk ended and what that says. Nothing when it was not needed.
  void walk(const std::string& domain) {
    const auto walked = dmarc::walk_tree(
        domain, [&](const dns::Query& question) { return answers_.find(question); });
    if (!walked || walked->steps.empty()) return;
    const auto& last = walked->steps.back();
    std::string ended;
    if (last.record && last.record->psd == dmarc::Psd::no)
      ended = " (the walk ended at " + last.domain + ", which says psd=n)";
    else if (last.record && last.record->psd == dmarc::Psd::yes)
      ended = " (the walk ended at " + last.domain + ", a public suffix: psd=y)";
    if (walked->first_failure() != nullptr) {
      return add("walk",
                 "The organizational domain of " + domain + " is not known: an answer is missing.");
    }
    add("walk", "The organizational domain of " + domain + " is " +
                    dmarc::organizational_domain(*walked) + ended + ".");
  }

  void record() {
    using dmarc::RecordLocation;
    const std::string& at = outcome_.record_domain;
    switch (outcome_.location) {
      case RecordLocation::none:
        return;
      case RecordLocation::author_domain:
        add("record", "The record at _dmarc." + at + " applies: the author domain has its own.");
        break;
      case RecordLocation::organizational_domain:
        add("record", "The record at _dmarc." + at +
                          " applies: the author domain has none, and this is its organizational "
                          "domain.");
        break;
      case RecordLocation::public_suffix_domain:
        add("record", "The record at _dmarc." + at +
                          " applies: that of the public suffix, since nobody below has one.");
        break;
    }
    if (!outcome_.record) return;
    for (const std::string& warning : outcome_.record->warnings)
      add("record", "In the record: " + warning + ".");
  }

  void alignments() {
    if (request_.spf)
      identity("SPF", request_.spf->domain, "", request_.spf->result, outcome_.spf);
    else
      add("spf", "SPF was not checked.");
    if (request_.dkim.empty()) add("dkim", "The message has no DKIM signature that was checked.");
    for (const dmarc::DkimIdentity& signature : request_.dkim) {
      identity("DKIM", signature.domain, signature.selector, signature.result, outcome_.dkim);
    }
  }

  void identity(const char* method, const std::string& domain, const std::string& selector,
                dmarc::Authentication result, const dmarc::Alignment& alignment) {
    const char* step = method[0] == 'S' ? "spf" : "dkim";
    const std::string who = std::string(method) + " for " + (domain.empty() ? "?" : domain) +
                            (selector.empty() ? "" : " (selector " + selector + ")");
    if (result == dmarc::Authentication::fail) return add(step, who + " did not pass.");
    if (result == dmarc::Authentication::temperror)
      return add(step, who + " could not be checked now.");
    add(step, who + " passed.");
    const auto canonical = dmarc::canonical_domain(domain);
    if (!canonical) return;
    const std::string& author = outcome_.author_domain;
    const std::string mode = dmarc::to_string(alignment.mode);
    if (*canonical == author)
      return add("alignment", *canonical + " is the author domain: aligned (" + mode + ").");
    if (alignment.mode == dmarc::AlignmentMode::strict) {
      return add("alignment", *canonical + " is not the author domain " + author +
                                  ", and the record asks for strict alignment: not aligned.");
    }
    for (const std::string& name : dmarc::tree_walk_names(*canonical)) query(name);
    if (request_.mode == dmarc::DiscoveryMode::treewalk) walk(*canonical);
    const bool aligned = alignment.aligned && alignment.domain == *canonical;
    add("alignment", *canonical + (aligned ? " has" : " does not have") +
                         " the same organizational domain as " + author + ": " +
                         (aligned ? "aligned" : "not aligned") + " (relaxed).");
  }

  void policy() {
    std::string text = "The policy for " + outcome_.author_domain + " is " +
                       dmarc::to_string(outcome_.policy) + ", from " +
                       dmarc::to_string(outcome_.policy_tag) + "=";
    if (outcome_.policy_tag == dmarc::PolicyTag::sp)
      text += " (it is below " + outcome_.record_domain + ")";
    if (outcome_.policy_tag == dmarc::PolicyTag::np) text += " (it does not exist)";
    if (outcome_.testing) text += "; t=y asks to apply it one lower";
    add("policy", text + ".");
  }

  const Request& request_;
  const Outcome& outcome_;
  const Answers& answers_;
  std::set<std::string> shown_;
  std::vector<TraceLine> lines_;
};

}  // namespace

std::vector<TraceLine> dmarc_trace(const dmarc::Request& request, const dmarc::Outcome& outcome,
                                   const dmarc::Disposition& disposition, const Answers& answers) {
  return Trace(request, outcome, answers).make(disposition);
}

}  // namespace gatepost::command
