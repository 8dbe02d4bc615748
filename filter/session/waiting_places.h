#pragma once
// How many sessions may wait for DNS at once, so that slow answers cannot take all threads.

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/ip.h"

namespace gatepost {

/// Thread rule: from any thread; a lock for a map operation.
class WaitingPlaces {
 public:
  explicit WaitingPlaces(std::size_t places) : places_(places) {}

  /// Held while a session waits; gives its place back when destroyed.
  class Place {
   public:
    Place(WaitingPlaces* owner, std::optional<IpAddress> network)
        : owner_(owner), network_(network) {}
    Place(Place&& other) noexcept : owner_(other.owner_), network_(other.network_) {
      other.owner_ = nullptr;
    }
    Place& operator=(Place&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(network_, other.network_);
      return *this;
    }
    ~Place();

   private:
    WaitingPlaces* owner_;
    std::optional<IpAddress> network_;
  };

  /// Nothing when all places are taken, or an eighth of them (at least one) by the client's own
  /// network (IPv4 /24, IPv6 /64); clients without an address share the remaining ones.
  std::optional<Place> take(const std::optional<IpAddress>& client);
  std::size_t taken() const;

 private:
  void give_back(const std::optional<IpAddress>& network);

  const std::size_t places_;
  mutable std::mutex mutex_;
  std::size_t taken_ = 0;
  std::map<IpAddress, std::size_t> by_network_;
};

}  // namespace gatepost
