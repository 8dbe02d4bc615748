#include "core/dns/zone_resolver.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/dns/name.h"

namespace gatepost::dns {

namespace {

constexpr std::uint32_t kNoLimit = UINT32_MAX;
constexpr std::uint32_t kNegativeTtl = 3600;  // of names that can never be

/// What stands behind a CNAME lives no longer than the CNAME.
AnswerPtr limit_ttl(AnswerPtr answer, std::uint32_t ttl) {
  if (answer == nullptr || answer->ttl <= ttl) return answer;
  auto copy = std::make_shared<Answer>(*answer);
  copy->ttl = ttl;
  return copy;
}

}  // namespace

AnswerPtr ZoneResolver::from_zone(const Query& query, Query& forward,
                                  std::uint32_t& chain_ttl) const {
  if (!is_wire_name(query.name)) {
    return empty_answer(Status::nxdomain, kNegativeTtl);
  }
  auto found = zone_->lookup(query);
  chain_ttl = kNoLimit;
  if (next_ != nullptr && !found.outside.empty()) {
    forward = {std::move(found.outside), query.type};
    chain_ttl = found.answer.ttl;
    return nullptr;
  }
  if (next_ != nullptr && found.answer.status == Status::nxdomain && !zone_->covers(query.name)) {
    forward = query;
    return nullptr;
  }
  return std::make_shared<Answer>(std::move(found.answer));
}

AnswerPtr ZoneResolver::cached(const Query& query) {
  Query forward;
  std::uint32_t chain_ttl = 0;
  if (auto answer = from_zone(query, forward, chain_ttl)) return answer;
  return limit_ttl(next_->cached(forward), chain_ttl);
}

void ZoneResolver::ask(std::vector<Query> batch, Deadline deadline, Callback done) {
  struct Asked {
    Query query;
    std::uint32_t chain_ttl;
  };
  auto asked = std::make_shared<std::multimap<Query, Asked>>();
  std::vector<std::pair<Query, AnswerPtr>> known;
  for (const Query& query : batch) {
    Query forward;
    std::uint32_t chain_ttl = 0;
    if (auto answer = from_zone(query, forward, chain_ttl)) {
      known.emplace_back(query, std::move(answer));
    } else {
      asked->emplace(std::move(forward), Asked{query, chain_ttl});
    }
  }
  std::vector<Query> questions;
  for (auto at = asked->begin(); at != asked->end(); at = asked->upper_bound(at->first)) {
    questions.push_back(at->first);
  }
  // The network first: it works while the known answers are used.
  if (!questions.empty()) {
    next_->ask(std::move(questions), deadline,
               [asked, done](const Query& query, const AnswerPtr& answer) {
                 const auto [begin, end] = asked->equal_range(query);
                 for (auto at = begin; at != end; ++at) {
                   done(at->second.query, limit_ttl(answer, at->second.chain_ttl));
                 }
               });
  }
  for (const auto& [query, answer] : known) done(query, answer);
}

}  // namespace gatepost::dns
