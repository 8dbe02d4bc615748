#pragma once
// Everything a session needs, put together from a configuration: the same for the daemon and the
// command line.

#include <memory>
#include <string>

#include "core/dns/resolver.h"
#include "core/dns/unbound_resolver.h"
#include "core/dns/zone_resolver.h"
#include "dkim/library.h"
#include "filter/config/configuration.h"
#include "filter/quarantine/disk_quarantine.h"
#include "filter/session/session.h"

namespace gatepost {

struct EngineOptions {
  std::vector<std::string> nameservers;  ///< these instead of dns.servers
  std::vector<std::string> zones;        ///< besides dns.zones
  std::int64_t unix_time = -1;           ///< `--at`
  bool network = true;                   ///< false: names outside of the zones do not exist
  bool quarantine = false;  ///< false: a message that is to be stored is judged so and not kept
};

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

  /// Opens what is written below the state directory: as the user who is to own it. A fault is
  /// no reason not to start, it is given to `say` of the quarantine's own.
  Result<void> start_state();
  void say_with(std::function<void(const std::string&)> say) { say_ = std::move(say); }
  /// Null for tools that only judge.
  quarantine::DiskQuarantine* quarantine() { return quarantine_.get(); }

  SessionServices& services() { return *services_; }
  Metrics& metrics() { return metrics_; }
  Snapshot<Policy>& policy() { return *policy_; }
  DnsStack& dns() { return *dns_; }
  const Clock& clock() const { return clock_; }
  std::size_t waiting() const { return waiting_->taken(); }

 private:
  explicit Engine(std::int64_t unix_time) : clock_(unix_time) {}

  SystemClock clock_;
  Metrics metrics_;
  std::unique_ptr<Snapshot<Policy>> policy_;
  std::unique_ptr<DnsStack> dns_;
  std::unique_ptr<dkim::Library> dkim_;
  std::vector<CheckInfo> checks_;
  std::shared_ptr<mail::ByteBudget> budget_;
  std::unique_ptr<ReferenceMaker> references_;
  std::unique_ptr<WaitingPlaces> waiting_;
  std::function<void(const std::string&)> say_;
  std::unique_ptr<quarantine::DiskQuarantine> quarantine_;
  std::unique_ptr<SessionServices> services_;
};

}  // namespace gatepost
