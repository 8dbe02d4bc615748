#include "filter/session/waiting_places.h"

#include <algorithm>

namespace gatepost {

WaitingPlaces::Place::~Place() {
  if (owner_ != nullptr) owner_->give_back(network_);
}

std::optional<WaitingPlaces::Place> WaitingPlaces::take(const std::optional<IpAddress>& client) {
  std::optional<IpAddress> network;
  if (client && !client->is_loopback()) network = client->masked(client->is_v4() ? 24 : 64);
  std::lock_guard lock(mutex_);
  if (taken_ >= places_) return std::nullopt;
  if (network) {
    std::size_t& mine = by_network_[*network];
    if (mine >= std::max<std::size_t>(places_ / 8, 1)) return std::nullopt;
    ++mine;
  }
  ++taken_;
  return Place(this, network);
}

std::size_t WaitingPlaces::taken() const {
  std::lock_guard lock(mutex_);
  return taken_;
}

void WaitingPlaces::give_back(const std::optional<IpAddress>& network) {
  std::lock_guard lock(mutex_);
  --taken_;
  if (!network) return;
  const auto mine = by_network_.find(*network);
  if (--mine->second == 0) by_network_.erase(mine);
}

}  // namespace gatepost
