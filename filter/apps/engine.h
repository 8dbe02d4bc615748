#pragma once
// Everything a session needs, put together from a configuration: the same for the daemon and the
// command line.

#include <functional>
#include <memory>
#include <string>

#include "core/dns/resolver.h"
#include "core/dns/unbound_resolver.h"
#include "core/dns/zone_resolver.h"
#include "core/store/store.h"
#include "dkim/library.h"
#include "filter/config/configuration.h"
#include "filter/metrics/dns_metrics.h"
#include "filter/metrics/rule_counters.h"
#include "filter/quarantine/disk_quarantine.h"
#include "filter/session/session.h"

namespace gatepost {

struct EngineOptions {
  std::vector<std::string> nameservers;  ///< these instead of dns.servers
  std::vector<std::string> zones;        ///< besides dns.zones
  std::int64_t unix_time = -1;           ///< `--at`
  bool network = true;                   ///< false: names outside of the zones do not exist
  /// Whether state is kept in store.path and messages in the quarantine; else in memory and not at
  /// all, so that a trial changes nothing.
  bool keep_state = false;
  /// Told when the store degrades (problem) and recovers. Any thread.
  std::function<void(bool problem, const std::string& line)> say;
  const Clock* clock = nullptr;  ///< instead of the machine's; must outlive the engine
};

/// Where the store of these settings stands; empty: in memory.
std::string store_file(const config::DaemonSettings& settings);

/// Makes a resolver of its own: zone files, then the network.
/// Errors are config Errors that name the zone file or server.
class DnsStack {
 public:
  static Result<std::unique_ptr<DnsStack>> open(const config::DaemonSettings& settings,
                                                const Policy& policy, const EngineOptions& options);
  dns::Resolver& resolver() { return zones_ ? static_cast<dns::Resolver&>(*zones_) : *network_; }
  /// Null without network.
  const dns::UnboundResolver* network() const { return network_.get(); }

 private:
  std::unique_ptr<dns::UnboundResolver> network_;
  std::unique_ptr<dns::ZoneResolver> zones_;
};

/// Owns what sessions share. Must outlive every session.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(const config::Configuration& configuration,
                                              RecordSink& records, const EngineOptions& options);

  /// Opens the quarantine: as the user who is to own its files. An Error is no reason not to start:
  /// it is tried again with each message, which is deferred until then.
  Result<void> start_quarantine();
  /// Null without keep_state: what is to be stored is only judged so.
  quarantine::DiskQuarantine* quarantine() { return quarantine_.get(); }

  SessionServices& services() { return *services_; }
  Metrics& metrics() { return metrics_; }
  const DnsMetrics& dns_metrics() const { return dns_metrics_; }
  RuleStatistics& rule_statistics() { return rule_statistics_; }
  Snapshot<Policy>& policy() { return *policy_; }
  DnsStack& dns() { return *dns_; }
  const Clock& clock() const { return clock_; }
  store::Store& store() { return *store_; }
  std::size_t waiting() const { return waiting_->taken(); }

 private:
  explicit Engine(const EngineOptions& options)
      : system_clock_(options.unix_time),
        clock_(options.clock != nullptr ? *options.clock : system_clock_) {}

  SystemClock system_clock_;
  const Clock& clock_;
  Metrics metrics_;
  DnsMetrics dns_metrics_;
  RuleStatistics rule_statistics_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Snapshot<Policy>> policy_;
  std::unique_ptr<DnsStack> dns_;
  std::unique_ptr<dkim::Library> dkim_;
  std::vector<CheckInfo> checks_;
  std::shared_ptr<mail::ByteBudget> budget_;
  std::unique_ptr<ReferenceMaker> references_;
  std::unique_ptr<WaitingPlaces> waiting_;
  std::unique_ptr<quarantine::DiskQuarantine> quarantine_;
  std::unique_ptr<SessionServices> services_;
};

}  // namespace gatepost
