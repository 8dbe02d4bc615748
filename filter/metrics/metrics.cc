#include "filter/metrics/metrics.h"

namespace gatepost {

Metrics::Counter& Metrics::counter(std::string_view name) {
  std::lock_guard lock(mutex_);
  return find_or_make(name);
}

void Metrics::count(std::span<const std::string> names) {
  std::lock_guard lock(mutex_);
  for (const std::string& name : names) find_or_make(name).add();
}

Metrics::Counter& Metrics::find_or_make(std::string_view name) {
  const auto found = counters_.find(name);
  return found != counters_.end() ? found->second
                                  : counters_.try_emplace(std::string(name)).first->second;
}

std::map<std::string, std::int64_t> Metrics::read() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, std::int64_t> values;
  for (const auto& [name, counter] : counters_) values.emplace(name, counter.value());
  return values;
}

}  // namespace gatepost
