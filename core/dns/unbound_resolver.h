#pragma once
// DNS answers from the network, by libunbound on a thread of its own.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/dns/cache.h"
#include "core/dns/resolver.h"

namespace gatepost::dns {

struct UnboundOptions {
  /// Recursive servers to ask: "192.0.2.1", "192.0.2.1@53", "192.0.2.1:53", "2001:db8::1",
  /// "2001:db8::1@53", "[2001:db8::1]:53". Empty, with resolv_conf empty: resolves from the root.
  std::vector<std::string> servers;
  /// A file like /etc/resolv.conf whose nameservers are asked; empty: none.
  std::string resolv_conf;
  /// No question waits longer, whatever its deadline says.
  Duration query_timeout = std::chrono::seconds(5);
  /// A file of DS or DNSKEY records; empty: no validation.
  std::string trust_anchor_file;
  std::string msg_cache_size = "64m";
  std::string rrset_cache_size = "128m";
  unsigned queries_per_thread = 4096;
  /// UDP questions on the wire at a time, each on a socket (and port) of its own; the rest waits in
  /// line, also behind dead ones. At most half of the process's file limit is taken. The library's
  /// own default of 16 lets 16 dead questions stop all others.
  unsigned outgoing_range = 1024;
  unsigned outgoing_tcp = 64;
  /// Of our own cache, which callers read on their own thread; libunbound's obeys the same TTLs.
  CacheLimits cache;
  /// How long a zone that missed a deadline is not waited for.
  Duration dead_zone_period = std::chrono::seconds(60);
  /// Questions that wait at a time; what is asked beyond is answered servfail at once.
  std::size_t max_waiting = 50'000;
};

/// What happened since the start.
struct UnboundCounters {
  std::uint64_t asked = 0;      ///< questions given to ask()
  std::uint64_t sent = 0;       ///< given to libunbound
  std::uint64_t coalesced = 0;  ///< joined one in flight
  std::uint64_t answered = 0;   ///< ok, no_data, nxdomain
  std::uint64_t failed = 0;     ///< every other status but bogus and timeout
  /// Answers of libunbound by Status, and what was answered at once for want of room.
  std::array<std::uint64_t, kStatuses> by_status{};
  std::uint64_t bogus = 0;            ///< DNSSEC validation failed
  std::uint64_t timeouts = 0;         ///< missed their deadline
  std::uint64_t dead_zone_skips = 0;  ///< answered timeout at once
  std::uint64_t waiting = 0;          ///< now
  CacheCounters cache;
};

/// "ADDRESS@PORT" as libunbound wants it, from one of the forms of UnboundOptions::servers.
Result<std::string> parse_server(std::string_view text);

/// Deadlines are on the machine's steady clock. `done` runs on the resolver's thread, outside
/// libunbound and all locks; for impossible names, passed deadlines and when there are too many
/// questions on the thread that asks. `.test`, `.invalid` and private reverse zones are asked like
/// all others. Answers with secure == bogus are dropped (Status::bogus).
///
/// A zone (zone_key() of dead_zones.h) that missed a deadline is not waited for again for
/// dead_zone_period: questions below it end with timeout at once, while one at a time is still
/// sent; its answer ends this.
class UnboundResolver final : public Resolver {
 public:
  /// Starts the thread. A config Error for bad servers or files, internal when libunbound or the
  /// system fails.
  static Result<std::unique_ptr<UnboundResolver>> create(UnboundOptions options);
  /// Ends all waiting questions with timeout and joins the thread. Not from a callback.
  ~UnboundResolver() override;

  AnswerPtr cached(const Query& query) override;
  void ask(std::vector<Query> batch, Deadline deadline, Callback done) override;
  UnboundCounters counters() const;

 private:
  class Worker;
  explicit UnboundResolver(std::unique_ptr<Worker> worker);
  std::unique_ptr<Worker> worker_;
};

}  // namespace gatepost::dns
