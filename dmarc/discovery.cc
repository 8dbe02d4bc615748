#include "dmarc/discovery.h"

#include <algorithm>
#include <map>

#include "core/base/text.h"
#include "dmarc/domain.h"

namespace gatepost::dmarc {
namespace {

// Of failed names, beyond which nothing is assumed: 4^4 walks are compared at most.
constexpr std::size_t kMaxAssumptions = 4;

using PsdOf = std::function<std::optional<Psd>(const WalkStep&)>;

// Section 4.10.2, from the longest to the shortest name. `psd_of` is nothing where no record is.
std::string_view select_organization(const TreeWalk& walk, const PsdOf& psd_of) {
  std::string_view fewest = walk.domain;
  for (const WalkStep& step : walk.steps) {
    const auto psd = psd_of(step);
    if (!psd) continue;
    if (*psd == Psd::no) return step.domain;  // rule 1
    // Rule 2: one label below the public suffix domain; where the walk started, that is the start.
    if (*psd == Psd::yes) return last_labels(walk.domain, label_count(step.domain) + 1);
    fewest = step.domain;  // rule 3
  }
  return fewest;
}

std::optional<Psd> known_psd(const WalkStep& step) {
  if (!step.record) return std::nullopt;
  return step.record->psd;
}

// What a failed name may have held.
constexpr std::optional<Psd> kAssumptions[] = {std::nullopt, Psd::unknown, Psd::no, Psd::yes};

std::string no_record_reason(const std::vector<WalkStep>& steps) {
  std::string reason = "no DMARC record";
  if (!steps.empty()) {
    reason += " at _dmarc." + steps.front().domain;
    if (steps.size() > 1) reason += " or above";
  }
  for (const WalkStep& step : steps) {
    if (step.found > 1) {
      reason += "; " + std::to_string(step.found) + " records at _dmarc." + step.domain +
                ", so none of them counts";
    }
  }
  return reason;
}

DiscoveredPolicy found_at(const WalkStep& step, RecordLocation location) {
  return {DiscoveredPolicy::Kind::found, location, step.domain, step.record, {}};
}

DiscoveredPolicy failed_at(const WalkStep& step) {
  DiscoveredPolicy policy;
  policy.kind = DiscoveredPolicy::Kind::temporary;
  policy.reason = step.failure;
  return policy;
}

DiscoveredPolicy absent_in(const std::vector<WalkStep>& steps) {
  DiscoveredPolicy policy;
  for (const WalkStep& step : steps) {
    if (!step.too_long) continue;
    policy.kind = DiscoveredPolicy::Kind::unusable;
    policy.domain = step.domain;
    policy.reason = "the record at _dmarc." + step.domain + " has more than " +
                    std::to_string(kMaxRecordOctets) + " octets";
    return policy;
  }
  policy.reason = no_record_reason(steps);
  return policy;
}

}  // namespace

std::vector<std::string> tree_walk_names(std::string_view domain) {
  std::vector<std::string> names{std::string(domain)};
  const std::size_t labels = label_count(domain);
  if (labels < 2) return names;
  // Section 4.10 step 4: one label less, or the seven last ones where there are eight or more.
  for (std::size_t left = std::min(labels - 1, kMaxTreeWalkQueries - 1); left > 0; --left) {
    names.emplace_back(last_labels(domain, left));
  }
  return names;
}

dns::Query record_query(std::string_view domain) {
  return dns::make_query("_dmarc." + std::string(domain), dns::RrType::txt);
}

WalkStep read_step(std::string_view domain, const dns::Answer& answer) {
  WalkStep step;
  step.domain = domain;
  step.status = answer.status;
  if (step.failed()) {
    step.failure = "_dmarc." + step.domain + ": " + dns::to_string(answer.status);
    if (!answer.reason.empty()) step.failure += " (" + printable(answer.reason, 100) + ")";
  } else if (answer.status == dns::Status::ok) {
    SelectedRecord selected = select_record(answer.texts);
    step.record = std::move(selected.record);
    step.too_long = selected.too_long;
    step.found = selected.found;
  }
  return step;
}

const WalkStep* TreeWalk::first_failure() const {
  const auto failed =
      std::find_if(steps.begin(), steps.end(), [](const WalkStep& step) { return step.failed(); });
  return failed == steps.end() ? nullptr : &*failed;
}

std::optional<TreeWalk> walk_tree(std::string_view domain, const Lookup& lookup) {
  const auto names = tree_walk_names(domain);
  std::vector<const dns::Answer*> answers;
  answers.reserve(names.size());
  for (const std::string& name : names) answers.push_back(lookup(record_query(name)));
  TreeWalk walk;
  walk.domain = domain;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (answers[i] == nullptr) return std::nullopt;
    walk.steps.push_back(read_step(names[i], *answers[i]));
    const auto& record = walk.steps.back().record;
    if (record && record->psd != Psd::unknown) break;  // steps 2 and 6
  }
  return walk;
}

std::string organizational_domain(const TreeWalk& walk) {
  return std::string(select_organization(walk, known_psd));
}

std::optional<bool> same_organization(const TreeWalk& a, const TreeWalk& b) {
  std::map<std::string_view, std::optional<Psd>> assumed;
  for (const TreeWalk* walk : {&a, &b}) {
    for (const WalkStep& step : walk->steps) {
      if (step.failed()) assumed.emplace(step.domain, std::nullopt);
    }
  }
  if (assumed.size() > kMaxAssumptions) return std::nullopt;
  const auto psd_of = [&](const WalkStep& step) {
    return step.failed() ? assumed.at(step.domain) : known_psd(step);
  };
  bool same_seen = false;
  bool other_seen = false;
  for (std::size_t code = 0; code < std::size_t{1} << (2 * assumed.size()); ++code) {
    std::size_t rest = code;
    for (auto& [domain, psd] : assumed) {
      psd = kAssumptions[rest & 3];
      rest >>= 2;
    }
    const bool same = select_organization(a, psd_of) == select_organization(b, psd_of);
    (same ? same_seen : other_seen) = true;
    if (same_seen && other_seen) return std::nullopt;
  }
  return same_seen;
}

const char* to_string(RecordLocation location) {
  switch (location) {
    case RecordLocation::none:
      return "none";
    case RecordLocation::author_domain:
      return "author_domain";
    case RecordLocation::organizational_domain:
      return "organizational_domain";
    case RecordLocation::public_suffix_domain:
      return "public_suffix_domain";
  }
  return "none";
}

DiscoveredPolicy discover_policy(const TreeWalk& author_walk) {
  const auto& steps = author_walk.steps;
  // Section 4.10.1: the author domain's own record settles it, whatever stands above.
  const WalkStep& own = steps.front();
  if (own.failed()) return failed_at(own);
  if (own.record) return found_at(own, RecordLocation::author_domain);
  // Each name the walk came to may have held the record to apply or moved the Organizational
  // Domain.
  if (const WalkStep* failed = author_walk.first_failure()) return failed_at(*failed);
  const std::string organization = organizational_domain(author_walk);
  for (const WalkStep& step : steps) {
    if (step.record && step.domain == organization) {
      return found_at(step, RecordLocation::organizational_domain);
    }
  }
  const WalkStep& last = steps.back();
  if (last.record && last.record->psd == Psd::yes) {
    return found_at(last, RecordLocation::public_suffix_domain);
  }
  return absent_in(steps);
}

DiscoveredPolicy discover_policy_by_suffix(const WalkStep& author, const WalkStep* organization) {
  if (author.failed()) return failed_at(author);
  if (author.record) return found_at(author, RecordLocation::author_domain);
  // RFC 7489 section 6.6.3 steps 3 and 5: several records end the discovery.
  if (author.found > 0 || organization == nullptr) return absent_in({author});
  if (organization->failed()) return failed_at(*organization);
  if (organization->record) return found_at(*organization, RecordLocation::organizational_domain);
  return absent_in({author, *organization});
}

std::string organizational_domain_by_suffix(const PublicSuffixList& list, std::string_view domain) {
  std::string found = list.organizational_domain(domain);
  return found.empty() ? std::string(domain) : found;
}

}  // namespace gatepost::dmarc
