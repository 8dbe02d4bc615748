#include "filter/metrics/rule_counters.h"

#include <algorithm>

namespace gatepost {

void RuleCounters::count(std::size_t rule, bool shadow, std::int64_t unix_time) const {
  if (rule >= by_rule_.size() || by_rule_[rule] == nullptr) return;
  Counter& counter = *by_rule_[rule];
  (shadow ? counter.shadow_hits : counter.hits).fetch_add(1, std::memory_order_relaxed);
  counter.last_hit.store(unix_time, std::memory_order_relaxed);
}

std::shared_ptr<const RuleCounters> RuleStatistics::begin(std::vector<Rule> rules,
                                                          std::int64_t unix_time) {
  const std::lock_guard lock(mutex_);
  if (since_ == 0) since_ = unix_time;
  loaded_ = unix_time;
  auto made = std::make_shared<RuleCounters>();
  made->messages_ = messages_;
  decltype(counters_) kept;
  for (const Rule& rule : rules) {
    auto& counter = made->by_rule_.emplace_back();
    if (rule.name.empty()) continue;
    const auto known = counters_.find(rule.name);
    if (known != counters_.end()) {
      counter = known->second;
    } else {
      counter = std::make_shared<RuleCounters::Counter>();
      counter->since = unix_time;
    }
    kept.emplace(rule.name, counter);
  }
  counters_ = std::move(kept);
  rules_ = std::move(rules);
  return made;
}

RuleStatistics::Reading RuleStatistics::read() const {
  const std::lock_guard lock(mutex_);
  Reading out;
  out.since = since_;
  out.loaded = loaded_;
  out.messages = messages_->load(std::memory_order_relaxed);
  for (const Rule& rule : rules_) {
    const auto known = counters_.find(rule.name);
    if (known == counters_.end()) continue;
    const RuleCounters::Counter& counter = *known->second;
    out.rows.push_back({rule.name, rule.category, rule.shadow,
                        counter.hits.load(std::memory_order_relaxed),
                        counter.shadow_hits.load(std::memory_order_relaxed), counter.since,
                        counter.last_hit.load(std::memory_order_relaxed)});
  }
  std::sort(out.rows.begin(), out.rows.end(), [](const Row& a, const Row& b) {
    const std::int64_t of_a = a.hits + a.shadow_hits;
    const std::int64_t of_b = b.hits + b.shadow_hits;
    return of_a != of_b ? of_a > of_b : a.name < b.name;
  });
  return out;
}

}  // namespace gatepost
