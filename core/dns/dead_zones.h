#pragma once
// Which zones did not answer in time lately, so that nobody waits for them again and again.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "core/base/clock.h"

namespace gatepost::dns {

/// The part of a name that stands for its zone here: without leading labels up to the last one that
/// starts with '_', then its last three labels, without leading numbers ("4.3.2.1.list.example"
/// gives "list.example"). A name of two or three labels stands for itself, so that one dead
/// registrant does not take "co.uk" with it. Reverse names: the /24 or the /48.
std::string_view zone_key(std::string_view name);

/// Remembers at most `capacity` zones for `period` each; when full, new ones are not remembered.
/// Thread rule: one thread.
class DeadZones {
 public:
  explicit DeadZones(Duration period = std::chrono::seconds(60), std::size_t capacity = 10'000)
      : period_(period), capacity_(capacity) {}

  /// Whether the name is in or below a dead zone.
  bool is_dead(std::string_view name, SteadyTime now) const;
  /// Whether this question is to find out if the zone lives again: one at a time until `expiry`.
  bool take_probe(std::string_view name, SteadyTime now, SteadyTime expiry);
  /// A question missed its deadline: the zone is dead for the period.
  void missed(std::string_view name, SteadyTime now);
  /// A question was answered: its zone and those above it live.
  void answered(std::string_view name);
  std::size_t size() const { return zones_.size(); }

 private:
  struct State {
    SteadyTime until;
    SteadyTime probe_until = SteadyTime::min();
  };
  using Zones = std::map<std::string, State, std::less<>>;
  Zones::const_iterator find(std::string_view name, SteadyTime now) const;

  const Duration period_;
  const std::size_t capacity_;
  Zones zones_;
};

}  // namespace gatepost::dns
