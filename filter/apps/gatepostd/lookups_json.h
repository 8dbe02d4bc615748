#pragma once
// The counters of DNS as `gatepost stats --json` shows them.

#include <nlohmann/json_fwd.hpp>

#include "filter/metrics/dns_metrics.h"

namespace gatepost {

/// How DNS answered each check and each list: {"spf": {"asked", "cached", "ok", …}, …}. Any thread.
nlohmann::ordered_json lookups_json(const DnsMetrics& metrics);

}  // namespace gatepost
