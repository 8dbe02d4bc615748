#include "filter/apps/lookups_json.h"

#include <nlohmann/json.hpp>

namespace gatepost {

using Json = nlohmann::ordered_json;

Json lookups_json(const DnsMetrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, row] : metrics.read()) {
    Json& one = json[name];
    one["asked"] = row.asked;
    one["cached"] = row.cached;
    for (std::size_t i = 0; i < dns::kStatuses; ++i)
      one[dns::to_string(static_cast<dns::Status>(i))] = row.by_status[i];
    Json& buckets = one["latency_ms"];
    for (std::size_t i = 0; i < DnsMetrics::kBounds.size(); ++i)
      buckets[std::to_string(DnsMetrics::kBounds[i])] = row.by_latency[i];
    buckets["more"] = row.by_latency.back();
    one["p50_ms"] = row.bound_of(0.5);
    one["p99_ms"] = row.bound_of(0.99);
    one["sum_us"] = row.microseconds;
  }
  return json;
}

}  // namespace gatepost
