#include "core/dns/cache.h"

#include <algorithm>
#include <utility>

namespace gatepost::dns {

namespace {

constexpr std::uint32_t kFailureTtl = 5;  // RFC 2308 section 7: at most five minutes
/// Nodes of the list and the index, the shared pointer's block.
constexpr std::size_t kOverhead = 200;

std::size_t bytes_of(const Query& query, const Answer& answer) {
  std::size_t bytes = kOverhead + sizeof(Query) + sizeof(Answer) + query.name.size();
  bytes += answer.addresses.size() * sizeof(IpAddress) + answer.reason.size();
  for (const auto& text : answer.texts) bytes += sizeof(std::string) + text.size();
  for (const auto& name : answer.names) bytes += sizeof(std::string) + name.size();
  for (const auto& mx : answer.mx) bytes += sizeof(Mx) + mx.exchange.size();
  return bytes;
}

}  // namespace

Cache::Cache(CacheLimits limits)
    : limits_(limits),
      shard_entries_(std::max<std::size_t>(limits.entries / kShards, 1)),
      shard_bytes_(limits.bytes / kShards) {}

Cache::Shard& Cache::shard_of(const Query& query) {
  // Other bits than the index uses for its buckets.
  const std::size_t hash = std::hash<Query>()(query);
  return shards_.at((hash ^ (hash >> 29U) ^ (hash >> 47U)) % kShards);
}

std::uint32_t Cache::kept_for(const Answer& answer) const {
  if (is_temporary(answer.status)) return kFailureTtl;
  const std::uint32_t most =
      answer.status == Status::ok ? limits_.max_ttl : limits_.max_negative_ttl;
  return std::min(std::max(answer.ttl, limits_.min_ttl), most);
}

void Cache::Shard::erase(std::list<Entry>::iterator entry) {
  counters.bytes -= entry->bytes;
  --counters.entries;
  index.erase(index.find(*entry->query));
  recent.erase(entry);
}

AnswerPtr Cache::find(const Query& query, SteadyTime now) {
  Shard& shard = shard_of(query);
  std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(query);
  if (found == shard.index.end()) {
    ++shard.counters.misses;
    return nullptr;
  }
  const auto entry = found->second;
  if (entry->until <= now) {
    shard.erase(entry);
    ++shard.counters.misses;
    return nullptr;
  }
  ++shard.counters.hits;
  shard.recent.splice(shard.recent.begin(), shard.recent, entry);
  return entry->answer;
}

void Cache::put(const Query& query, AnswerPtr answer, SteadyTime now) {
  const std::uint32_t seconds = kept_for(*answer);
  const std::size_t bytes = bytes_of(query, *answer);
  Shard& shard = shard_of(query);
  std::lock_guard lock(shard.mutex);
  if (const auto found = shard.index.find(query); found != shard.index.end()) {
    const auto entry = found->second;
    if (is_temporary(answer->status) && !is_temporary(entry->answer->status) &&
        entry->until > now) {
      return;
    }
    shard.erase(entry);
  }
  if (seconds == 0 || bytes > shard_bytes_) return;
  while (!shard.recent.empty() && (shard.counters.entries >= shard_entries_ ||
                                   shard.counters.bytes + bytes > shard_bytes_)) {
    const auto last = std::prev(shard.recent.end());
    if (last->until > now) ++shard.counters.evictions;
    shard.erase(last);
  }
  const auto key = shard.index.emplace(query, std::list<Entry>::iterator()).first;
  shard.recent.push_front(
      {&key->first, std::move(answer), now + std::chrono::seconds(seconds), bytes});
  key->second = shard.recent.begin();
  shard.counters.bytes += bytes;
  ++shard.counters.entries;
}

void Cache::clear() {
  for (Shard& shard : shards_) {
    std::list<Entry> dropped;  // destroyed without the lock
    std::lock_guard lock(shard.mutex);
    shard.index.clear();
    dropped.swap(shard.recent);
    shard.counters.entries = 0;
    shard.counters.bytes = 0;
  }
}

CacheCounters Cache::counters() const {
  CacheCounters sum;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    sum.entries += shard.counters.entries;
    sum.bytes += shard.counters.bytes;
    sum.hits += shard.counters.hits;
    sum.misses += shard.counters.misses;
    sum.evictions += shard.counters.evictions;
  }
  return sum;
}

}  // namespace gatepost::dns
