#include "dmarc/evaluate.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/text.h"
#include "dmarc/domain.h"

namespace gatepost::dmarc {
namespace {

enum class Verdict { not_aligned, aligned, unknown, pending, over_budget };

// An identifier that passed or may have.
struct Identifier {
  std::string domain;  // canonical
  std::string selector;
  Authentication result = Authentication::fail;
  AlignmentMode mode = AlignmentMode::relaxed;
  Verdict verdict = Verdict::not_aligned;
};

bool counts(const Identifier& identifier, Verdict verdict) {
  return identifier.result == Authentication::pass && identifier.verdict == verdict;
}

// One run of the flow: the same answers give the same run.
class Run {
 public:
  Run(const Request& request, const Answers& answers) : request_(request), asker_(answers) {}

  Step<Outcome> go();

 private:
  bool take_author();
  void take_identifiers();
  bool reserve(std::string_view domain);
  const dns::Answer* ask(const dns::Query& query);
  std::optional<DiscoveredPolicy> discover();
  std::optional<DiscoveredPolicy> discover_by_suffix();
  void ask_related_walks();
  void align_all();
  Verdict align(const Identifier& identifier);
  Verdict align_relaxed(const Identifier& identifier);
  void choose_policy(const DiscoveredPolicy& found);
  void conclude();
  Alignment describe(const std::vector<Identifier>& identifiers, AlignmentMode mode) const;
  bool any(Verdict verdict, bool passed) const;
  std::size_t asked() const;

  const Request& request_;
  Asker asker_;
  std::set<dns::Query> reserved_;  // what the budget was spent on, asked or not
  Outcome outcome_;
  std::vector<Identifier> spf_;
  std::vector<Identifier> dkim_;
  std::optional<TreeWalk> author_walk_;
  dns::Status own_status_ = dns::Status::nxdomain;  // of _dmarc.AUTHOR
  std::shared_ptr<const PublicSuffixList> suffixes_;
  std::string existence_failure_;
};

bool Run::take_author() {
  switch (request_.author_status) {
    case AuthorStatus::single:
    case AuthorStatus::doubtful:
      break;
    case AuthorStatus::missing:
      outcome_.reason = "the message has no author domain";
      return false;
    case AuthorStatus::several:
      // Section 5.3.1 ends here; whichever domain were taken, another could be the one shown.
      outcome_.result = ResultCode::permerror;
      outcome_.reason = "the message has more than one author domain";
      return false;
    case AuthorStatus::malformed:
      outcome_.result = ResultCode::permerror;
      outcome_.reason = "the From field is malformed";
      return false;
  }
  const auto domain = canonical_domain(request_.author_domain);
  if (!domain) {
    outcome_.result = ResultCode::permerror;
    outcome_.reason = "\"" + printable(request_.author_domain, 80) + "\" is not a domain name";
    return false;
  }
  outcome_.author_domain = *domain;
  return true;
}

void Run::take_identifiers() {
  const auto add = [](std::vector<Identifier>& to, const std::string& domain,
                      const std::string& selector, Authentication result) {
    if (result == Authentication::fail) return;
    const auto canonical = canonical_domain(domain);
    if (!canonical) return;
    for (Identifier& known : to) {
      if (known.domain != *canonical) continue;
      // Several signatures of a domain: one that passed is enough (section 4.4.1).
      if (result == Authentication::pass && known.result != Authentication::pass) {
        known.result = result;
        known.selector = selector;
      }
      return;
    }
    if (to.size() == kMaxIdentifiers) return;
    to.push_back({*canonical, selector, result, AlignmentMode::relaxed, Verdict::not_aligned});
  };
  if (request_.spf) add(spf_, request_.spf->domain, {}, request_.spf->result);
  for (const DkimIdentity& signature : request_.dkim) {
    add(dkim_, signature.domain, signature.selector, signature.result);
  }
}

// Takes the names of a walk out of the budget; false when they do not fit any more. One question is
// kept for the existence of the author domain.
bool Run::reserve(std::string_view domain) {
  std::vector<dns::Query> fresh;
  for (const std::string& name : tree_walk_names(domain)) {
    dns::Query query = record_query(name);
    if (!reserved_.contains(query)) fresh.push_back(std::move(query));
  }
  if (reserved_.size() + fresh.size() > kMaxQueries - 1) return false;
  reserved_.insert(fresh.begin(), fresh.end());
  return true;
}

const dns::Answer* Run::ask(const dns::Query& query) {
  reserved_.insert(query);
  return asker_.ask(query);
}

std::optional<DiscoveredPolicy> Run::discover() {
  if (request_.mode == DiscoveryMode::psl) return discover_by_suffix();
  reserve(outcome_.author_domain);
  author_walk_ = walk_tree(outcome_.author_domain, [&](const auto& query) { return ask(query); });
  ask_related_walks();
  if (!author_walk_) return std::nullopt;
  own_status_ = author_walk_->steps.front().status;
  if (author_walk_->first_failure() == nullptr) {
    outcome_.org_domain = organizational_domain(*author_walk_);
  }
  return discover_policy(*author_walk_);
}

std::optional<DiscoveredPolicy> Run::discover_by_suffix() {
  suffixes_ = request_.public_suffixes;
  const std::string& author = outcome_.author_domain;
  outcome_.org_domain = organizational_domain_by_suffix(*suffixes_, author);
  const dns::Answer* own = ask(record_query(author));
  const dns::Answer* above =
      outcome_.org_domain == author ? nullptr : ask(record_query(outcome_.org_domain));
  if (!asker_.complete()) return std::nullopt;
  const WalkStep own_step = read_step(author, *own);
  own_status_ = own_step.status;
  if (above == nullptr) return discover_policy_by_suffix(own_step, nullptr);
  const WalkStep organization_step = read_step(outcome_.org_domain, *above);
  return discover_policy_by_suffix(own_step, &organization_step);
}

// Identifiers that share two labels with the author domain are most often of its organization:
// their walks go out with the author's own, which saves a round.
void Run::ask_related_walks() {
  for (const auto* identifiers : {&spf_, &dkim_}) {
    for (const Identifier& identifier : *identifiers) {
      if (identifier.domain == outcome_.author_domain) continue;
      if (common_labels(identifier.domain, outcome_.author_domain) < 2) continue;
      if (!reserve(identifier.domain) || author_walk_) continue;
      for (const std::string& name : tree_walk_names(identifier.domain)) ask(record_query(name));
    }
  }
}

void Run::align_all() {
  for (Identifier& identifier : spf_) {
    identifier.mode = outcome_.record->spf_alignment;
    identifier.verdict = align(identifier);
  }
  for (Identifier& identifier : dkim_) {
    identifier.mode = outcome_.record->dkim_alignment;
    identifier.verdict = align(identifier);
  }
}

Verdict Run::align(const Identifier& identifier) {
  // Section 4.10.2: identical domains need no walk, strict alignment is this comparison alone.
  if (identifier.domain == outcome_.author_domain) return Verdict::aligned;
  if (identifier.mode == AlignmentMode::strict) return Verdict::not_aligned;
  if (request_.mode == DiscoveryMode::treewalk) return align_relaxed(identifier);
  const bool same =
      organizational_domain_by_suffix(*suffixes_, identifier.domain) == outcome_.org_domain;
  return same ? Verdict::aligned : Verdict::not_aligned;
}

Verdict Run::align_relaxed(const Identifier& identifier) {
  // An Organizational Domain is the domain itself or one above it: what lies outside the author's
  // cannot have the same one, and needs no question.
  const bool possible = outcome_.org_domain.empty()
                            ? common_labels(identifier.domain, outcome_.author_domain) > 0
                            : is_at_or_below(identifier.domain, outcome_.org_domain);
  if (!possible) return Verdict::not_aligned;
  if (!reserve(identifier.domain)) return Verdict::over_budget;
  const auto walk = walk_tree(identifier.domain, [&](const auto& query) { return ask(query); });
  if (!walk) return Verdict::pending;
  const auto same = same_organization(*author_walk_, *walk);
  if (!same) return Verdict::unknown;
  return *same ? Verdict::aligned : Verdict::not_aligned;
}

// Section 4.10.1: p= for the domain that has the record, else sp= or, if the author domain does not
// exist, np=; sp= stands in for a missing np=, p= for a missing sp= (section 4.7).
void Run::choose_policy(const DiscoveredPolicy& found) {
  const Record& record = *found.record;
  outcome_.policy = record.policy;
  if (found.location == RecordLocation::author_domain) return;
  if (record.subdomain_policy) {
    outcome_.policy = *record.subdomain_policy;
    outcome_.policy_tag = PolicyTag::sp;
  }
  const auto& for_missing = record.nonexistent_policy;
  if (!for_missing || *for_missing == outcome_.policy) return;
  // A name below the domain exists, and so does the domain (RFC 8020); and the policy of a message
  // that passes is never applied.
  const bool exists = own_status_ != dns::Status::nxdomain;
  if (exists || any(Verdict::aligned, true)) return;
  // Section 3.2.11: NXDOMAIN for the name, whatever type is asked for.
  const dns::Query query = dns::make_query(outcome_.author_domain, dns::RrType::a);
  const dns::Answer* answer = ask(query);
  if (answer == nullptr) return;
  if (dns::is_temporary(answer->status)) {
    existence_failure_ = outcome_.author_domain + ": " + dns::to_string(answer->status) +
                         ", so it is not known whether sp= or np= applies";
  } else if (answer->status == dns::Status::nxdomain) {
    outcome_.policy = *for_missing;
    outcome_.policy_tag = PolicyTag::np;
  }
}

bool Run::any(Verdict verdict, bool passed) const {
  const auto matches = [&](const Identifier& identifier) {
    return identifier.verdict == verdict && (identifier.result == Authentication::pass) == passed;
  };
  return std::any_of(spf_.begin(), spf_.end(), matches) ||
         std::any_of(dkim_.begin(), dkim_.end(), matches);
}

Alignment Run::describe(const std::vector<Identifier>& identifiers, AlignmentMode mode) const {
  Alignment alignment;
  alignment.mode = mode;
  alignment.reason = "no identifier passed";
  if (identifiers.empty()) return alignment;
  const auto by = [&](Verdict verdict) {
    return std::find_if(identifiers.begin(), identifiers.end(),
                        [&](const Identifier& one) { return counts(one, verdict); });
  };
  auto shown = by(Verdict::aligned);
  alignment.aligned = shown != identifiers.end();
  if (shown == identifiers.end()) shown = by(Verdict::unknown);
  if (shown == identifiers.end()) {
    shown = std::find_if(identifiers.begin(), identifiers.end(), [](const Identifier& one) {
      return one.result == Authentication::temperror &&
             (one.verdict == Verdict::aligned || one.verdict == Verdict::unknown);
    });
  }
  if (shown == identifiers.end()) shown = identifiers.begin();
  alignment.domain = shown->domain;
  alignment.selector = shown->selector;
  if (alignment.aligned) {
    alignment.reason.clear();
  } else if (shown->verdict == Verdict::over_budget) {
    alignment.reason = shown->domain + " was not examined: too many questions";
  } else if (shown->verdict == Verdict::not_aligned) {
    alignment.reason = shown->domain + " is not aligned with " + outcome_.author_domain;
  } else {
    alignment.unknown = true;
    alignment.reason = shown->domain + (shown->verdict == Verdict::unknown
                                            ? ": its organizational domain is not known"
                                            : ": its authentication met a temporary error");
  }
  return alignment;
}

void Run::conclude() {
  outcome_.spf = describe(spf_, outcome_.record->spf_alignment);
  outcome_.dkim = describe(dkim_, outcome_.record->dkim_alignment);
  if (any(Verdict::aligned, true) && request_.author_status == AuthorStatus::doubtful) {
    outcome_.result = ResultCode::permerror;
    outcome_.reason = "the From field is broken: nothing passes for " + outcome_.author_domain;
    return;
  }
  if (any(Verdict::aligned, true)) {
    outcome_.result = ResultCode::pass;
    const Alignment& by = outcome_.dkim.aligned ? outcome_.dkim : outcome_.spf;
    outcome_.reason = std::string(outcome_.dkim.aligned ? "dkim" : "spf") + " passed for " +
                      by.domain + ", aligned (" + to_string(by.mode) + ")";
    return;
  }
  // Section 5.3.6: without an answer that matters the message neither passes nor fails.
  if (outcome_.spf.unknown || outcome_.dkim.unknown) {
    outcome_.result = ResultCode::temperror;
    outcome_.reason = outcome_.spf.unknown ? outcome_.spf.reason : outcome_.dkim.reason;
    return;
  }
  if (!existence_failure_.empty()) {
    outcome_.result = ResultCode::temperror;
    outcome_.reason = existence_failure_;
    return;
  }
  outcome_.result = ResultCode::fail;
  outcome_.reason = "spf: " + outcome_.spf.reason + "; dkim: " + outcome_.dkim.reason;
  outcome_.applied_policy = outcome_.testing ? lower_policy(outcome_.policy) : outcome_.policy;
}

std::size_t Run::asked() const {
  return static_cast<std::size_t>(std::count_if(
      reserved_.begin(), reserved_.end(),
      [&](const dns::Query& query) { return asker_.answers().find(query) != nullptr; }));
}

Step<Outcome> Run::go() {
  if (!take_author()) return std::move(outcome_);
  take_identifiers();
  auto found = discover();
  if (!found) return asker_.take_missing();
  outcome_.queries = asked();
  switch (found->kind) {
    case DiscoveredPolicy::Kind::found:
      break;
    case DiscoveredPolicy::Kind::absent:
      outcome_.reason = std::move(found->reason);
      return std::move(outcome_);
    case DiscoveredPolicy::Kind::temporary:
      outcome_.result = ResultCode::temperror;
      outcome_.reason = std::move(found->reason);
      return std::move(outcome_);
    case DiscoveredPolicy::Kind::unusable:
      outcome_.result = ResultCode::permerror;
      outcome_.reason = std::move(found->reason);
      return std::move(outcome_);
  }
  outcome_.location = found->location;
  outcome_.record_domain = found->domain;
  outcome_.record = found->record;
  outcome_.testing = found->record->testing;
  if (!found->record->applies) {
    // Section 4.10.1: no valid policy and nobody to report to.
    outcome_.reason =
        "the record at _dmarc." + found->domain + " has no valid policy and no valid rua=";
    return std::move(outcome_);
  }
  align_all();
  choose_policy(*found);
  if (!asker_.complete()) return asker_.take_missing();
  outcome_.queries = asked();
  conclude();
  return std::move(outcome_);
}

}  // namespace

const char* to_string(ResultCode code) {
  switch (code) {
    case ResultCode::none:
      return "none";
    case ResultCode::pass:
      return "pass";
    case ResultCode::fail:
      return "fail";
    case ResultCode::temperror:
      return "temperror";
    case ResultCode::permerror:
      return "permerror";
  }
  return "none";
}

const char* to_string(PolicyTag tag) {
  switch (tag) {
    case PolicyTag::p:
      return "p";
    case PolicyTag::sp:
      return "sp";
    case PolicyTag::np:
      return "np";
  }
  return "p";
}

Policy lower_policy(Policy policy) {
  return policy == Policy::reject ? Policy::quarantine : Policy::none;
}

Evaluate::Evaluate(Request request) : request_(std::move(request)) {
  if (request_.mode != DiscoveryMode::psl || request_.public_suffixes) return;
  auto list = PublicSuffixList::builtin();
  // A libpsl without a list leaves the standard's own way.
  if (list.ok()) {
    request_.public_suffixes = std::move(list).value();
  } else {
    request_.mode = DiscoveryMode::treewalk;
  }
}

Step<Outcome> Evaluate::step(const Answers& answers) {
  return Run(request_, answers).go();
}

}  // namespace gatepost::dmarc
