#include "core/dns/dead_zones.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/dns/name.h"

namespace gatepost::dns {

namespace {

constexpr int kV4Labels = 5;   // 2.0.192.in-addr.arpa
constexpr int kV6Labels = 14;  // 12 nibbles

std::string_view first_label(std::string_view name) {
  return name.substr(0, name.find('.'));
}

}  // namespace

std::string_view zone_key(std::string_view name) {
  if (is_at_or_below(name, "in-addr.arpa")) return last_labels(name, kV4Labels);
  if (is_at_or_below(name, "ip6.arpa")) return last_labels(name, kV6Labels);
  // Behind the last label with an underscore: sel._domainkey.example.org, _dmarc.example.org.
  const auto below = name.rfind("._");
  if (below != std::string_view::npos || name.substr(0, 1) == "_") {
    const auto dot = name.find('.', below == std::string_view::npos ? 0 : below + 1);
    if (dot == std::string_view::npos) return name;
    name.remove_prefix(dot + 1);
  }
  auto key = last_labels(name, 3);
  const auto label = first_label(key);
  const bool number = std::all_of(label.begin(), label.end(), is_digit);
  if (number && key.size() != name.size()) key = last_labels(key, 2);
  return key;
}

DeadZones::Zones::const_iterator DeadZones::find(std::string_view name, SteadyTime now) const {
  // The key itself and what is above it, down to two labels.
  for (std::string_view key = zone_key(name); key.find('.') != std::string_view::npos;
       key.remove_prefix(key.find('.') + 1)) {
    const auto found = zones_.find(key);
    if (found != zones_.end() && found->second.until > now) return found;
  }
  return zones_.end();
}

bool DeadZones::is_dead(std::string_view name, SteadyTime now) const {
  return find(name, now) != zones_.end();
}

bool DeadZones::take_probe(std::string_view name, SteadyTime now, SteadyTime expiry) {
  const auto found = find(name, now);
  if (found == zones_.end()) return false;
  State& state = zones_.find(found->first)->second;
  if (state.probe_until > now) return false;
  state.probe_until = expiry;
  return true;
}

void DeadZones::missed(std::string_view name, SteadyTime now) {
  const auto key = zone_key(name);
  if (key.find('.') == std::string_view::npos) return;  // never a whole top-level domain
  auto found = zones_.find(key);
  if (found == zones_.end()) {
    if (zones_.size() >= capacity_) {
      std::erase_if(zones_, [now](const auto& zone) { return zone.second.until <= now; });
      if (zones_.size() >= capacity_) return;
    }
    found = zones_.emplace(std::string(key), State{}).first;
  }
  found->second = {now + period_};
}

void DeadZones::answered(std::string_view name) {
  if (zones_.empty()) return;
  for (std::string_view key = zone_key(name); key.find('.') != std::string_view::npos;
       key.remove_prefix(key.find('.') + 1)) {
    const auto found = zones_.find(key);
    if (found != zones_.end()) zones_.erase(found);
  }
}

}  // namespace gatepost::dns
