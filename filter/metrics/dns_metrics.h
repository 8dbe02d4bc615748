#pragma once
// How DNS answers the questions of each check and of each list, read by `gatepost stats`.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "core/flow/flow_driver.h"

namespace gatepost {

/// The zone of a DNS list that was asked for a client (RFC 5782 section 2.1): the name without its
/// four numbers or 32 nibbles in front; the name itself when it has none.
std::string_view list_zone(std::string_view name);

/// One row a kind of check ("spf", "dkim", …) and one a DNS list ("dnsbl.ZONE"); at most kMaxRows,
/// then what is new counts as "other". Thread rule: any thread.
class DnsMetrics final : public AnswerObserver {
 public:
  static constexpr std::size_t kMaxRows = 64;
  /// Upper bounds of the latency buckets in milliseconds; one more is for what took longer.
  static constexpr std::array<int, 12> kBounds = {1,   2,   5,   10,   20,   50,
                                                  100, 200, 500, 1000, 2000, 5000};
  struct Row {
    std::uint64_t cached = 0;                                    ///< known without asking
    std::uint64_t asked = 0;                                     ///< and answered
    std::array<std::uint64_t, dns::kStatuses> by_status{};       ///< cached ones included
    std::array<std::uint64_t, kBounds.size() + 1> by_latency{};  ///< of the asked ones
    std::uint64_t microseconds = 0;                              ///< sum, of the asked ones

    /// The bound in milliseconds that this share (0 to 1) of the asked answers kept to; -1: none of
    /// the bounds; 0 when nothing was asked.
    int bound_of(double share) const;
  };

  void answered(std::string_view kind, const dns::Query& query, const dns::Answer& answer,
                std::optional<Duration> took) override;
  std::map<std::string, Row> read() const;

 private:
  struct Counters {
    std::atomic<std::uint64_t> cached{0};
    std::atomic<std::uint64_t> microseconds{0};
    std::array<std::atomic<std::uint64_t>, dns::kStatuses> by_status{};
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> by_latency{};
  };
  Counters& find_or_make(std::string_view kind, std::string_view zone);

  mutable std::shared_mutex mutex_;
  std::map<std::string, Counters, std::less<>> rows_;
};

}  // namespace gatepost
