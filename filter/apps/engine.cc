#include "filter/apps/engine.h"

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "core/store/memory_store.h"
#include "filter/checks/registry.h"
#include "filter/store/sqlite_store.h"

namespace gatepost {

namespace {

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

bool can_write_in(const std::string& folder) {
  return !folder.empty() && ::access(folder.c_str(), W_OK | X_OK) == 0;
}

// Where messages are spooled: the state directory, or what the system offers when it cannot be had.
std::string spool_directory(const std::string& state_directory) {
  if (can_write_in(state_directory)) return state_directory;
  const char* set = std::getenv("TMPDIR");
  return set != nullptr ? set : "/tmp";
}

mail::MessageLimits message_limits(const config::DaemonSettings& settings) {
  mail::MessageLimits limits;
  limits.max_body_spool = settings.max_message_size;
  return limits;
}

std::uint32_t seconds(std::chrono::milliseconds time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

/// What is asked for, or Debian's file of the root key when answers are to be validated.
Result<std::string> trust_anchor(const config::DaemonSettings& settings, const Policy& policy) {
  if (!settings.dns_trust_anchor.empty() || !policy.report_dnssec) return settings.dns_trust_anchor;
  for (const char* file : {"/usr/share/dns/root.key", "/var/lib/unbound/root.key"})
    if (::access(file, R_OK) == 0) return std::string(file);
  return config_error(
      "dns.dnssec: \"report\" needs a trust anchor: install dns-root-data or set dns.trust_anchor");
}

quarantine::Options quarantine_options(const config::DaemonSettings& settings) {
  quarantine::Options options;
  options.directory = config::quarantine_folder(settings);
  options.retention =
      std::chrono::duration_cast<std::chrono::seconds>(settings.quarantine_retention);
  options.max_octets = settings.quarantine_max_size;
  options.max_messages = settings.quarantine_max_messages;
  options.min_free = settings.quarantine_min_free;
  return options;
}

/// For tools that only judge: whatever they ask to be stored counts as stored.
class NoQuarantine final : public Quarantine {
 public:
  Result<void> keep(const mail::Message&, const Record&) override { return {}; }
  void confirm(const std::string&) override {}
  std::optional<ReleaseCheck> check_release(const mail::Message&, const Envelope&) override {
    return std::nullopt;
  }
};

Result<std::unique_ptr<store::Store>> open_store(const config::DaemonSettings& settings,
                                                 const Clock& clock, const EngineOptions& options) {
  using Opened = std::unique_ptr<store::Store>;
  const std::string file = options.keep_state ? store_file(settings) : "";
  if (file.empty()) return Opened(std::make_unique<store::MemoryStore>(clock));
  // As for the spool: without its folder the filter still works, and says what that costs.
  if (!settings.store_path.starts_with('/') && !can_write_in(settings.state_directory)) {
    if (options.say)
      options.say(true, "store: cannot write in daemon.state_directory " +
                            settings.state_directory + "; state is kept in memory, lost at a stop");
    return Opened(std::make_unique<store::MemoryStore>(clock));
  }
  store::SqliteOptions sqlite;
  sqlite.max_bytes = settings.store_max_bytes;
  sqlite.say = options.say;
  auto opened = store::SqliteStore::open(file, clock, std::move(sqlite));
  if (!opened.ok()) return config_error("store.path: " + opened.error().what, file);
  return Opened(std::move(*opened));
}

}  // namespace

std::string store_file(const config::DaemonSettings& settings) {
  if (settings.store_path.empty() || settings.store_path.starts_with('/'))
    return settings.store_path;
  if (settings.state_directory.empty()) return {};
  return settings.state_directory + "/" + settings.store_path;
}

Result<std::unique_ptr<DnsStack>> DnsStack::open(const config::DaemonSettings& settings,
                                                 const Policy& policy,
                                                 const EngineOptions& options) {
  auto stack = std::make_unique<DnsStack>();
  if (options.network) {
    dns::UnboundOptions unbound;
    unbound.servers = options.nameservers.empty() ? settings.dns_servers : options.nameservers;
    unbound.query_timeout = policy.query_timeout;
    auto anchor = trust_anchor(settings, policy);
    if (!anchor.ok()) return anchor.error();
    unbound.trust_anchor_file = std::move(*anchor);
    unbound.cache.bytes = settings.dns_cache_bytes;
    unbound.cache.min_ttl = seconds(settings.dns_cache_min_ttl);
    unbound.cache.max_ttl = seconds(settings.dns_cache_max_ttl);
    unbound.cache.max_negative_ttl = seconds(settings.dns_cache_negative_max_ttl);
    auto network = dns::UnboundResolver::create(std::move(unbound));
    if (!network.ok()) return network.error();
    stack->network_ = std::move(*network);
  }
  auto zone = std::make_shared<dns::Zone>();
  bool any = !options.network;
  for (const auto* files : {&settings.dns_zones, &options.zones}) {
    for (const std::string& file : *files) {
      if (const auto added = zone->add_file(file); !added.ok()) return added.error();
      any = true;
    }
  }
  if (any)
    stack->zones_ = std::make_unique<dns::ZoneResolver>(std::move(zone), stack->network_.get());
  return stack;
}

Result<std::unique_ptr<Engine>> Engine::open(const config::Configuration& configuration,
                                             RecordSink& records, const EngineOptions& options) {
  std::unique_ptr<Engine> engine(new Engine(options));
  const config::DaemonSettings& settings = configuration.daemon;
  auto store = open_store(settings, engine->clock_, options);
  if (!store.ok()) return store.error();
  engine->store_ = std::move(*store);
  engine->policy_ = std::make_unique<Snapshot<Policy>>(configuration.policy);
  auto dns = DnsStack::open(settings, *configuration.policy, options);
  if (!dns.ok()) return dns.error();
  engine->dns_ = std::move(*dns);
  auto dkim = dkim::Library::open();
  if (!dkim.ok()) return dkim.error();
  engine->dkim_ = std::move(*dkim);
  auto checks = all_checks();
  if (!checks.ok()) return checks.error();
  engine->checks_ = std::move(*checks);
  engine->budget_ = std::make_shared<mail::ByteBudget>(settings.memory_budget);
  engine->references_ =
      std::make_unique<ReferenceMaker>(engine->clock_, ReferenceMaker::node_from(host_name()));
  engine->waiting_ = std::make_unique<WaitingPlaces>(settings.max_waiting);
  engine->services_ = std::make_unique<SessionServices>(SessionServices{
      engine->clock_, engine->dns_->resolver(), *engine->policy_, engine->checks_, *engine->dkim_,
      engine->budget_, spool_directory(settings.state_directory), message_limits(settings),
      *engine->references_, *engine->waiting_, engine->metrics_, records, engine->store_.get()});
  engine->services_->observer = &engine->dns_metrics_;
  static NoQuarantine no_quarantine;
  engine->services_->quarantine = &no_quarantine;
  if (options.keep_state) {
    engine->quarantine_ = std::make_unique<quarantine::DiskQuarantine>(
        quarantine_options(settings), engine->clock_, engine->metrics_,
        [say = options.say](const std::string& line) {
          if (say) say(true, line);
        });
    engine->services_->quarantine = engine->quarantine_.get();
  }
  return engine;
}

Result<void> Engine::start_quarantine() {
  return quarantine_ ? quarantine_->start() : Result<void>();
}

}  // namespace gatepost
