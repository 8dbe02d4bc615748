#include "filter/metrics/dns_metrics.h"

#include <algorithm>
#include <mutex>

namespace gatepost {

namespace {

constexpr std::size_t kMaxZone = 80;  // longer ones are cut: a row's name stays readable

constexpr auto kRelaxed = std::memory_order_relaxed;

/// The name behind `count` labels that all satisfy `fits`; empty when there are not that many.
template <class Fits>
std::string_view behind(std::string_view name, int count, Fits&& fits) {
  for (int i = 0; i < count; ++i) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos || !fits(name.substr(0, dot))) return {};
    name.remove_prefix(dot + 1);
  }
  return name;
}

}  // namespace

std::string_view list_zone(std::string_view name) {
  const auto nibble = [](std::string_view label) { return label.size() == 1; };
  const auto number = [](std::string_view label) {
    return !label.empty() && label.size() <= 3 &&
           std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (const auto zone = behind(name, 32, nibble); !zone.empty()) return zone;
  if (const auto zone = behind(name, 4, number); !zone.empty()) return zone;
  return name;
}

int DnsMetrics::Row::bound_of(double share) const {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    seen += by_latency[i];
    if (static_cast<double>(seen) >= share * static_cast<double>(asked))
      return asked == 0 ? 0 : kBounds[i];
  }
  return -1;
}

void DnsMetrics::answered(std::string_view kind, const dns::Query& query, const dns::Answer& answer,
                          std::optional<Duration> took) {
  Counters& row = find_or_make(kind, kind == "dnsbl" ? list_zone(query.name) : std::string_view());
  row.by_status[static_cast<std::size_t>(answer.status)].fetch_add(1, kRelaxed);
  if (!took) {
    row.cached.fetch_add(1, kRelaxed);
    return;
  }
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(*took).count();
  const auto bound = std::find_if(kBounds.begin(), kBounds.end(),
                                  [&](int milliseconds) { return us <= milliseconds * 1000; });
  row.by_latency[static_cast<std::size_t>(bound - kBounds.begin())].fetch_add(1, kRelaxed);
  row.microseconds.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0)), kRelaxed);
}

DnsMetrics::Counters& DnsMetrics::find_or_make(std::string_view kind, std::string_view zone) {
  std::string name(kind.empty() ? "other" : kind);
  if (!zone.empty()) name += "." + std::string(zone.substr(0, kMaxZone));
  {
    std::shared_lock lock(mutex_);
    if (const auto found = rows_.find(name); found != rows_.end()) return found->second;
  }
  std::unique_lock lock(mutex_);
  if (rows_.size() + 1 >= kMaxRows && rows_.count(name) == 0) name = "other";
  return rows_.try_emplace(name).first->second;
}

std::map<std::string, DnsMetrics::Row> DnsMetrics::read() const {
  std::map<std::string, Row> rows;
  std::shared_lock lock(mutex_);
  for (const auto& [name, counters] : rows_) {
    Row& row = rows[name];
    row.cached = counters.cached.load(kRelaxed);
    row.microseconds = counters.microseconds.load(kRelaxed);
    for (std::size_t i = 0; i < row.by_status.size(); ++i)
      row.by_status[i] = counters.by_status[i].load(kRelaxed);
    for (std::size_t i = 0; i < row.by_latency.size(); ++i) {
      row.by_latency[i] = counters.by_latency[i].load(kRelaxed);
      row.asked += row.by_latency[i];
    }
  }
  return rows;
}

}  // namespace gatepost
