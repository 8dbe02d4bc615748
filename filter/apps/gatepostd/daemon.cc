// The daemon. The main thread only waits for signals (libmilter would stop at a HUP it gets
// itself).

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <grp.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <nlohmann/json.hpp>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "filter/apps/control_commands.h"
#include "filter/apps/engine.h"
#include "filter/apps/greylist_control.h"
#include "filter/apps/lookups_json.h"
#include "filter/apps/quarantine_control.h"
#include "filter/apps/rule_statistics_control.h"
#include "filter/apps/rules_loader.h"
#include "filter/control/control.h"
#include "filter/dmarc_log/dmarc_log.h"
#include "filter/log/log.h"
#include "filter/milter/milter_server.h"
#include "filter/milter/signals.h"
#include "rules/rule_set.h"

namespace gatepost {
namespace {

constexpr int kExitUsage = 64;
constexpr int kExitUnavailable = 69;
constexpr int kExitOs = 71;
constexpr int kExitConfig = 78;
constexpr std::chrono::seconds kDmarcFlush{3};
constexpr const char* kDefaultConfig = "/etc/gatepost/gatepost.toml";

struct Flags {
  std::string config_file;
  std::string socket;
  std::string pid_file;
  std::string user;
  std::vector<std::string> nameservers;
  std::vector<std::string> zones;
  bool foreground = false;
  bool check = false;
  bool syslog = false;
};

void complain(const Error& error) {
  std::fprintf(stderr, "gatepostd: %s\n", error.text().c_str());
}

/// What a reload has freed in small pieces goes back to the system.
void give_memory_back() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/// Tells systemd (Type=notify) through $NOTIFY_SOCKET; nothing without it.
void notify(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof name.sun_path) return;
  std::memcpy(name.sun_path, path, length);
  if (name.sun_path[0] == '@') name.sun_path[0] = '\0';  // abstract namespace
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  (void)::sendto(fd, state, std::strlen(state), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&name), size);
  ::close(fd);
}

/// One descriptor a session, some for DNS and spool files: at the limit libmilter spins.
void raise_descriptor_limit(std::size_t max_sessions) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = max_sessions * 2 + 1024;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min(wanted, limit.rlim_max);
  if (::geteuid() == 0 && limit.rlim_cur < wanted) limit.rlim_cur = limit.rlim_max = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

Result<std::optional<Account>> find_account(const std::string& user) {
  if (user.empty() || ::geteuid() != 0) return std::optional<Account>();
  const std::string name = user.substr(0, user.find(':'));
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return config_error("daemon.user: there is no user '" + name + "'");
  Account account{name, entry->pw_uid, entry->pw_gid};
  if (user.find(':') != std::string::npos) {
    const std::string group_name = user.substr(user.find(':') + 1);
    const group* group_entry = getgrnam(group_name.c_str());
    if (group_entry == nullptr)
      return config_error("daemon.user: there is no group '" + group_name + "'");
    account.gid = group_entry->gr_gid;
  }
  return std::optional<Account>(account);
}

Result<void> become(const Account& account) {
  if (initgroups(account.name.c_str(), account.gid) != 0 || setgid(account.gid) != 0 ||
      setuid(account.uid) != 0) {
    return internal_error("cannot become user '" + account.name + "': " + std::strerror(errno));
  }
  if (account.uid != 0 && setuid(0) == 0)
    return internal_error("could become root again after giving it up");
  return {};
}

/// Makes a folder of ours when it is missing; where that fails its users say so.
void make_folder(const std::string& path, const std::optional<Account>& owner) {
  if (path.empty()) return;
  std::error_code error;
  if (std::filesystem::create_directories(path, error) && owner) {
    (void)!::chown(path.c_str(), owner->uid, owner->gid);
    ::chmod(path.c_str(), 0750);
  }
}

/// The store is opened as root but belongs to whom we become; SQLite gives its other files the same
/// owner. What cannot be made is named by the store.
void make_store_file(const std::string& path, const Account& owner) {
  if (path.empty()) return;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return;
  (void)!::fchown(fd, owner.uid, owner.gid);
  ::close(fd);
}

/// Every record goes to the log, and to the log of DMARC when there is one.
class Records final : public RecordSink {
 public:
  explicit Records(Log& log) : log_(log) {}
  void record(const Record& record) override {
    log_.record(record);
    if (dmarc_) dmarc_->record(record);
  }
  /// Before any record.
  void set(std::unique_ptr<dmarc_log::DmarcLog> dmarc) { dmarc_ = std::move(dmarc); }
  dmarc_log::DmarcLog* dmarc() { return dmarc_.get(); }

 private:
  Log& log_;
  std::unique_ptr<dmarc_log::DmarcLog> dmarc_;
};

class Daemon {
 public:
  explicit Daemon(Flags flags) : flags_(std::move(flags)) {}

  int run() {
    sigset_t signals = handled_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // every thread made later inherits it
    if (const int failed = load_first()) return failed;
    if (flags_.check) return print_check();
    if (const int failed = open_everything()) return failed;
    if (!flags_.foreground && !go_to_background()) return kExitOs;
    if (const int failed = start_everything()) return failed;
    wait_for_signals(signals);
  }

 private:
  static sigset_t handled_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
    return set;
  }

  void apply_flags(config::Configuration& configuration) const {
    if (!flags_.socket.empty()) configuration.daemon.listen = {flags_.socket};
    if (!flags_.pid_file.empty()) configuration.daemon.pid_file = flags_.pid_file;
    if (!flags_.user.empty()) configuration.daemon.user = flags_.user;
    if (flags_.syslog) configuration.daemon.log_target = "syslog";
  }

  /// Where the socket was set.
  std::string listen_origin(const config::Configuration& configuration) const {
    if (!flags_.socket.empty()) return "--socket";
    for (const config::Origin& origin : configuration.origins) {
      if (origin.key == "milter.listen") return origin.place;
    }
    return {};
  }

  int load_first() {
    config::LoadResult loaded = config::load(flags_.config_file, {.user = flags_.user});
    apply_flags(loaded.configuration);
    for (const Error& warning : loaded.warnings)
      std::fprintf(stderr, "gatepostd: warning: %s\n", warning.text().c_str());
    for (const std::string& socket : loaded.configuration.daemon.listen) {
      if (const auto parsed = milter::parse_socket(socket); !parsed.ok()) {
        loaded.errors.push_back(config_error("milter.listen: " + parsed.error().what,
                                             listen_origin(loaded.configuration)));
      }
    }
    RuleSources rules = read_rules(loaded.configuration);
    if (!loaded.ok() || !rules.errors.empty()) {
      const LoadedRules compiled =
          compile_rules(loaded.configuration, std::move(rules), {.cache = RulesCache::if_ours});
      loaded.errors.insert(loaded.errors.end(), compiled.errors.begin(), compiled.errors.end());
      return refuse(loaded.errors);
    }
    configuration_ = std::move(loaded.configuration);
    return flags_.check ? check_rules(std::move(rules)) : 0;
  }

  static int refuse(const std::vector<Error>& errors) {
    for (const Error& error : errors) complain(error);
    std::fprintf(stderr, "gatepostd: %zu fault%s in the configuration, nothing was started\n",
                 errors.size(), errors.size() == 1 ? "" : "s");
    return kExitConfig;
  }

  /// What only compiling and the rules' own tests find out.
  int check_rules(RuleSources sources) {
    const LoadedRules rules =
        compile_rules(configuration_, std::move(sources), {.cache = RulesCache::if_ours});
    if (!rules.policy) return refuse(rules.errors);
    for (const std::string& note : rules.notes) std::printf("note      %s\n", note.c_str());
    std::printf("rules     %zu\n", rules.rules);
    return 0;
  }

  /// The policy with the rules of `configuration`, or null and the faults in `errors`.
  std::shared_ptr<const Policy> load_rules(const config::Configuration& configuration,
                                           std::vector<Error>& errors) {
    CompileRulesOptions how;
    how.statistics = &engine_->rule_statistics();
    how.now = engine_->clock().unix_time();
    LoadedRules rules = compile_rules(configuration, read_rules(configuration), how);
    errors = std::move(rules.errors);
    constexpr std::size_t kShown = 20;
    for (std::size_t i = 0; i < rules.notes.size() && i < kShown; ++i)
      say(Log::Level::warning, "rules: " + rules.notes[i]);
    if (rules.notes.size() > kShown) {
      say(Log::Level::warning, "rules: " + std::to_string(rules.notes.size() - kShown) +
                                   " more, all are shown by gatepostd --check");
    }
    return rules.policy;
  }

  static std::string ruleset(const Policy& policy) {
    if (!policy.rules) return "ruleset=none";
    return "ruleset=" + policy.rules->hash().substr(0, 12) +
           " rules=" + std::to_string(policy.rules->rules().size());
  }

  int print_check() {
    const auto socket = milter::parse_socket(configuration_.daemon.listen[0]);
    std::printf("configuration is good: %s\n", configuration_.policy->source.c_str());
    std::printf("mode      %s\n", configuration_.policy->mode == Mode::observe
                                      ? "observe (nothing is refused or changed)"
                                      : "enforce");
    std::printf("Sendmail  S=%s\n", socket->for_libmilter().c_str());
    std::printf("Postfix   smtpd_milters = %s\n", socket->for_postfix().c_str());
    return 0;
  }

  int open_everything() {
    const config::DaemonSettings& settings = configuration_.daemon;
    raise_descriptor_limit(settings.max_sessions);
    auto account = find_account(settings.user);
    if (!account.ok()) return complain(account.error()), kExitConfig;
    account_ = *account;
    make_folder(settings.state_directory, account_);
    if (account_) make_store_file(store_file(settings), *account_);
    make_folder(rules_cache_directory(configuration_).string(), account_);
    auto log = Log::open(settings.log_target, settings.log_format, settings.log_facility);
    if (!log.ok()) return complain(log.error()), kExitConfig;
    log_ = std::move(*log);
    // Said while there is a terminal to say it to.
    if (const auto free = milter::check_free(*milter::parse_socket(settings.listen[0]));
        !free.ok()) {
      return complain(free.error()), kExitUnavailable;
    }
    if (!settings.control_socket.empty()) {
      make_folder(std::filesystem::path(settings.control_socket).parent_path(), account_);
      auto control = control::ControlServer::open(settings.control_socket);
      if (!control.ok()) return complain(control.error()), kExitConfig;
      control_ = std::move(*control);
    }
    return 0;
  }

  bool go_to_background() {
    if (::daemon(1, settings().log_target == "stderr" ? 1 : 0) == 0) return true;
    std::perror("gatepostd: cannot go to the background");
    return false;
  }

  int start_everything() {
    EngineOptions options;
    options.nameservers = flags_.nameservers;
    options.zones = flags_.zones;
    options.keep_state = true;
    options.say = [this](bool problem, const std::string& line) {
      say(problem ? Log::Level::error : Log::Level::info, line);
    };
    if (const int failed = open_engine(options)) return failed;
    milter::MilterOptions milter_options;
    milter_options.listen = *milter::parse_socket(settings().listen[0]);
    milter_options.socket_mode = settings().socket_mode;
    milter_options.socket_group = settings().socket_group;
    milter_options.max_sessions = settings().max_sessions;
    milter_options.max_data_size = settings().max_data_size;
    milter_ = std::make_unique<milter::MilterServer>(milter_options, engine_->services());
    if (const auto opened = milter_->open(); !opened.ok()) {
      say(Log::Level::error, opened.error().text());
      return complain(opened.error()), kExitUnavailable;
    }
    write_pid_file();
    if (const int failed = give_up_root()) return failed;
    if (const auto ready = engine_->start_quarantine(); !ready.ok()) {
      say(Log::Level::error,
          "quarantine: cannot be used, what is to be stored is deferred: " + ready.error().text());
    }
    start_dmarc_log();
    if (const int failed = start_rules()) return failed;
    milter_->start([this] {
      stopped_unasked_ = true;
      ::kill(::getpid(), SIGTERM);
    });
    add_commands();
    if (control_)
      control_->start([this](std::string_view request) { return commands_.answer(request); });
    say(Log::Level::info, std::string("started version=" GATEPOST_VERSION " mode=") +
                              (policy()->mode == Mode::observe ? "observe" : "enforce") +
                              " socket=" + milter_options.listen.for_libmilter() + " policy=" +
                              policy()->hash + " (" + policy()->source + ") " + ruleset(*policy()));
    notify("READY=1");
    return 0;
  }

  void start_dmarc_log() {
    dmarc_log::Options options;
    options.folder = config::dmarc_records_folder(settings());
    if (options.folder.empty()) return;
    options.max_bytes = settings().dmarc_records_max_bytes;
    options.retention_days =
        std::chrono::duration_cast<std::chrono::hours>(settings().dmarc_records_retention).count() /
        24;
    options.say = [this](bool problem, const std::string& line) {
      say(problem ? Log::Level::error : Log::Level::info, line);
    };
    auto log = std::make_unique<dmarc_log::DmarcLog>(options, engine_->clock(), engine_->metrics());
    if (const auto started = log->start(); !started.ok())
      say(Log::Level::error, "dmarc.records: " + started.error().text());
    records_->set(std::move(log));
  }

  /// As the user that reloads will run as, so that the cache is theirs.
  int start_rules() {
    std::vector<Error> errors;
    auto with_rules = load_rules(configuration_, errors);
    for (const Error& error : errors) {
      complain(error);
      say(Log::Level::error, error.text());
    }
    if (!with_rules) return kExitConfig;
    engine_->policy().swap(std::move(with_rules));
    return 0;
  }

  /// Hands what we opened to the user we become, then becomes it.
  int give_up_root() {
    if (!account_) return 0;
    const std::string log_file =
        settings().log_target.starts_with('/') ? settings().log_target : "";
    for (const std::string& path : {settings().control_socket, log_file}) {
      if (!path.empty()) (void)!::chown(path.c_str(), account_->uid, account_->gid);
    }
    if (const auto became = become(*account_); !became.ok()) {
      return complain(became.error()), kExitOs;
    }
    const std::string& state = settings().state_directory;
    if (!state.empty() && ::access(state.c_str(), W_OK | X_OK) != 0) {
      const Error error =
          config_error("daemon.state_directory: user '" + account_->name + "' cannot write in " +
                       state + "; large mail could not be spooled: chown it");
      say(Log::Level::error, error.text());
      return complain(error), kExitConfig;
    }
    return 0;
  }

  int open_engine(const EngineOptions& options) {
    records_ = std::make_unique<Records>(*log_);
    auto engine = Engine::open(configuration_, *records_, options);
    if (!engine.ok()) {
      complain(engine.error());
      say(Log::Level::error, engine.error().text());
      return engine.error().kind == ErrorKind::config ? kExitConfig : kExitOs;
    }
    engine_ = std::move(*engine);
    return 0;
  }

  void write_pid_file() {
    if (settings().pid_file.empty()) return;
    std::ofstream file(settings().pid_file, std::ios::trunc);
    file << ::getpid() << '\n';
    if (!file.flush())
      say(Log::Level::warning, "daemon.pid_file: cannot write " + settings().pid_file);
  }

  // What takes time is posted to a thread of its own.
  [[noreturn]] void wait_for_signals(const sigset_t& signals) {
    std::thread([this] { errands_.run_until([] { return false; }, SteadyTime::max()); }).detach();
    for (;;) {
      switch (wait_for_signal(signals)) {
        case SIGHUP:
        case SIGUSR1:
          // Those that come while one waits its turn are one.
          if (!reload_waits_.exchange(true)) {
            errands_.post([this] {
              reload_waits_ = false;
              reload();
            });
          }
          break;
        case SIGUSR2:
          errands_.post([this] { reopen_log(); });
          break;
        default:
          // Not behind a reload, which may compile for long.
          if (!stopping_.exchange(true)) std::thread([this] { stop(); }).detach();
      }
    }
  }

  void reopen_log() {
    const auto reopened = log_->reopen();
    if (!reopened.ok()) say(Log::Level::error, reopened.error().text());
  }

  /// @return the faults; with any the running configuration stays.
  std::vector<Error> reload() {
    std::lock_guard lock(reload_mutex_);
    notify("RELOADING=1");
    config::LoadResult loaded = config::load(flags_.config_file, {.user = flags_.user});
    apply_flags(loaded.configuration);
    for (const Error& warning : loaded.warnings)
      say(Log::Level::warning, "reload: " + warning.text());
    std::shared_ptr<const Policy> next;
    if (loaded.ok()) next = load_rules(loaded.configuration, loaded.errors);
    if (!next) {
      for (const Error& error : loaded.errors) say(Log::Level::error, "reload: " + error.text());
      say(Log::Level::error, "reload: failed, the running configuration stays policy=" +
                                 policy()->hash + " " + ruleset(*policy()));
    } else {
      for (const std::string& key : config::restart_needed(configuration_, loaded.configuration)) {
        say(Log::Level::warning, "reload: " + key + " changes with the next restart only");
      }
      engine_->policy().swap(next);
      say(Log::Level::info, "reload: done policy=" + next->hash + " " + ruleset(*next));
    }
    give_memory_back();
    notify("READY=1");
    return loaded.errors;
  }

  void stop() {
    notify("STOPPING=1");
    say(Log::Level::info, stopped_unasked_ ? "libmilter ended unasked, stopping" : "stopping");
    const std::size_t left = milter_->drain(settings().drain_timeout);
    engine_->quarantine()->flush();
    if (auto* dmarc = records_->dmarc(); dmarc != nullptr && !dmarc->flush(kDmarcFlush))
      say(Log::Level::error, "dmarc.records: the last records are lost");
    say(left == 0 ? Log::Level::info : Log::Level::warning,
        "stopped, " + std::to_string(left) + " transactions were cut off");
    control_.reset();
    if (const auto kept = engine_->store().flush(); !kept.ok())
      say(Log::Level::error, "store: what was learned last is lost: " + kept.error().text());
    if (!settings().pid_file.empty()) ::unlink(settings().pid_file.c_str());
    const auto socket = milter::parse_socket(settings().listen[0]);
    if (socket->family == milter::SocketAddress::Family::unix_socket)
      ::unlink(socket->path.c_str());
    // Threads of libmilter may still run: nothing they use is destroyed.
    ::_exit(stopped_unasked_ ? kExitUnavailable : 0);
  }

  void add_commands() {
    commands_.add("stats", [this](const Json&) { return stats_json(); });
    commands_.add("reload", [this](const Json&) {
      Json errors = Json::array();
      for (const Error& error : reload()) errors.push_back(error.text());
      return Json{{"ok", errors.empty()}, {"errors", errors}, {"policy", policy()->hash}};
    });
    add_quarantine_commands(commands_, *engine_->quarantine());
    add_greylist_commands(commands_, engine_->store(), engine_->clock(), engine_->policy());
    add_rule_statistics_command(commands_, engine_->rule_statistics(), engine_->policy());
  }

  Json stats_json() {
    Json json = {{"version", GATEPOST_VERSION}, {"policy", policy()->hash}};
    add_rule_stats(json, *policy());
    json["mode"] = policy()->mode == Mode::observe ? "observe" : "enforce";
    json["session.waiting"] = engine_->waiting();
    for (const auto& [name, value] : engine_->metrics().read()) json[name] = value;
    const store::Health health = engine_->store().health();
    json["store.degraded"] = health.degraded;
    for (const auto& [name, value] : health.counters) json["store." + name] = value;
    if (const auto* network = engine_->dns().network()) {
      const auto c = network->counters();
      for (std::size_t i = 0; i < dns::kStatuses; ++i)
        json[std::string("dns.status.") + dns::to_string(static_cast<dns::Status>(i))] =
            c.by_status[i];
      json["dns.cache.entries"] = c.cache.entries;
      json["dns.cache.hits"] = c.cache.hits;
      json["dns.cache.misses"] = c.cache.misses;
      json["dns.asked"] = c.asked;
      json["dns.sent"] = c.sent;
      json["dns.coalesced"] = c.coalesced;
      json["dns.answered"] = c.answered;
      json["dns.failed"] = c.failed;
      json["dns.bogus"] = c.bogus;
      json["dns.timeouts"] = c.timeouts;
      json["dns.dead_zone_skips"] = c.dead_zone_skips;
      json["dns.waiting"] = c.waiting;
    }
    json["dns.lookups"] = lookups_json(engine_->dns_metrics());
    return json;
  }

  void say(Log::Level level, const std::string& line) { log_->write(level, line); }
  const config::DaemonSettings& settings() const { return configuration_.daemon; }
  std::shared_ptr<const Policy> policy() {
    return engine_ ? engine_->policy().get() : configuration_.policy;
  }

  Flags flags_;
  config::Configuration configuration_;
  std::optional<Account> account_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Records> records_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<milter::MilterServer> milter_;
  std::unique_ptr<control::ControlServer> control_;
  ControlCommands commands_;
  WaitingExecutor errands_;
  std::mutex reload_mutex_;
  std::atomic<bool> stopped_unasked_{false};
  std::atomic<bool> reload_waits_{false};
  std::atomic<bool> stopping_{false};
};

int run(int argc, char** argv) {
  CLI::App app("gatepostd - anti-spam and sender authentication filter for Postfix and Sendmail");
  Flags flags;
  bool no_config = false;
  app.add_option("-c,-x,--config", flags.config_file,
                 "configuration file (default: /etc/gatepost/gatepost.toml if it exists)");
  app.add_flag("--defaults", no_config, "use the embedded defaults, read no file");
  app.add_flag("-f,--foreground", flags.foreground, "stay in the foreground");
  app.add_flag("-n,--check", flags.check,
               "check the configuration, print the socket lines for the MTA and end");
  app.add_option("-p,--socket", flags.socket, "listen here instead of milter.listen");
  app.add_option("-P,--pid-file", flags.pid_file, "write the process id here");
  app.add_option("-u,--user", flags.user, "user or user:group to become");
  app.add_option("--nameserver", flags.nameservers,
                 "ask this resolver, ADDRESS or ADDRESS:PORT (repeatable)");
  app.add_option("--zone", flags.zones,
                 "answer the names in this master file from it (repeatable)");
  app.add_flag("-l,--syslog", flags.syslog, "log to syslog");
  app.set_version_flag("-V,--version", "gatepostd " GATEPOST_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (flags.config_file.empty() && !no_config && std::filesystem::exists(kDefaultConfig))
    flags.config_file = kDefaultConfig;
  return Daemon(std::move(flags)).run();
}

}  // namespace
}  // namespace gatepost

int main(int argc, char** argv) {
#ifdef __GLIBC__
  // Rule databases are megabytes each: blocks of their own, which go back to the system with their
  // rule set. glibc would raise the threshold with the first one that is freed.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
#endif
  gatepost::compile_rules_if_asked(argc, argv);
  try {
    return gatepost::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gatepostd: internal error: %s\n", error.what());
    return 70;
  }
}
