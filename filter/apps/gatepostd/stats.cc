#include "filter/apps/gatepostd/stats.h"

#include <nlohmann/json.hpp>

#include "filter/apps/rule_statistics_control.h"

namespace gatepost {

namespace {

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

void add_dns_stats(Json& json, const dns::UnboundResolver& network) {
  const auto c = network.counters();
  for (std::size_t i = 0; i < dns::kStatuses; ++i)
    json[std::string("dns.status.") + dns::to_string(static_cast<dns::Status>(i))] = c.by_status[i];
  json["dns.cache.entries"] = c.cache.entries;
  json["dns.cache.hits"] = c.cache.hits;
  json["dns.cache.misses"] = c.cache.misses;
  json["dns.asked"] = c.asked;
  json["dns.sent"] = c.sent;
  json["dns.coalesced"] = c.coalesced;
  json["dns.answered"] = c.answered;
  json["dns.failed"] = c.failed;
  json["dns.bogus"] = c.bogus;
  json["dns.timeouts"] = c.timeouts;
  json["dns.dead_zone_skips"] = c.dead_zone_skips;
  json["dns.waiting"] = c.waiting;
}

}  // namespace

Json stats_json(Engine& engine) {
  const auto running = engine.policy().get();
  const Policy& policy = *running;
  Json json = {{"version", GATEPOST_VERSION}, {"policy", policy.hash}};
  add_rule_stats(json, policy);
  json["mode"] = policy.mode == Mode::observe ? "observe" : "enforce";
  json["session.waiting"] = engine.waiting();
  for (const auto& [name, value] : engine.metrics().read()) json[name] = value;
  const store::Health health = engine.store().health();
  json["store.degraded"] = health.degraded;
  for (const auto& [name, value] : health.counters) json["store." + name] = value;
  if (const auto* network = engine.dns().network()) add_dns_stats(json, *network);
  json["dns.lookups"] = lookups_json(engine.dns_metrics());
  return json;
}

}  // namespace gatepost
