#pragma once
// What is known for a while: the cache that callers read on their own thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/dns/answer.h"

namespace gatepost::dns {

struct CacheLimits {
  std::size_t entries = 200'000;
  std::size_t bytes = 64U << 20U;  ///< of keys, answers and bookkeeping, estimated
  /// Seconds that bound the TTL of answers; the maximum wins over the minimum. A minimum keeps
  /// answers longer than their zone wants, TTL 0 included.
  std::uint32_t min_ttl = 0;
  std::uint32_t max_ttl = 86'400;
  /// Of nxdomain and no_data; RFC 2308 section 5 allows up to three hours.
  std::uint32_t max_negative_ttl = 3'600;
};

struct CacheCounters {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;  ///< entries that had to go before their time
};

/// Positive and negative answers until their TTL ends, within the limits; temporary failures for
/// 5 s. Full: the least recently used goes. Thread rule: any thread; 16
/// shards with a lock each, held for about 0.1 µs.
class Cache {
 public:
  explicit Cache(CacheLimits limits = {});

  /// Null when it is not known (any more).
  AnswerPtr find(const Query& query, SteadyTime now);
  /// Replaces what is there, except that a temporary failure does not replace a valid answer.
  /// TTL 0 is not kept (unless min_ttl says so).
  void put(const Query& query, AnswerPtr answer, SteadyTime now);
  void clear();
  CacheCounters counters() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct Entry {
    const Query* query;  ///< the key in `index`
    AnswerPtr answer;
    SteadyTime until;
    std::size_t bytes;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> recent;  ///< most recently used first
    std::unordered_map<Query, std::list<Entry>::iterator> index;
    CacheCounters counters;

    void erase(std::list<Entry>::iterator entry);
  };

  Shard& shard_of(const Query& query);
  std::uint32_t kept_for(const Answer& answer) const;

  const CacheLimits limits_;
  const std::size_t shard_entries_;
  const std::size_t shard_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace gatepost::dns
