#include "filter/apps/gatepostd/daemon.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "filter/apps/gatepostd/first_load.h"
#include "filter/apps/gatepostd/stats.h"
#include "filter/apps/greylist_control.h"
#include "filter/apps/quarantine_control.h"
#include "filter/apps/rule_statistics_control.h"
#include "filter/milter/signals.h"

namespace gatepost {

namespace {

constexpr std::chrono::seconds kDmarcFlush{3};

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
  return set;
}

}  // namespace

int Daemon::run() {
  sigset_t signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // every thread made later inherits it
  if (const int failed = load_first(flags_, configuration_)) return failed;
  if (flags_.check) return check_and_print(configuration_);
  if (const int failed = open_everything()) return failed;
  if (!flags_.foreground && !go_to_background()) return kExitOs;
  if (const int failed = start_everything()) return failed;
  wait_for_signals(signals);
}

int Daemon::open_everything() {
  raise_descriptor_limit(settings().max_sessions);
  auto account = find_account(settings().user);
  if (!account.ok()) return complain(account.error()), kExitConfig;
  account_ = *account;
  make_folder(settings().state_directory, account_);
  if (account_) make_store_file(store_file(settings()), *account_);
  make_folder(rules_cache_directory(configuration_).string(), account_);
  auto log = Log::open(settings().log_target, settings().log_format, settings().log_facility);
  if (!log.ok()) return complain(log.error()), kExitConfig;
  log_ = std::move(*log);
  // Said while there is a terminal to say it to.
  if (const auto free = milter::check_free(*milter::parse_socket(settings().listen[0])); !free.ok())
    return complain(free.error()), kExitUnavailable;
  if (!settings().control_socket.empty()) {
    make_folder(std::filesystem::path(settings().control_socket).parent_path(), account_);
    auto control = control::ControlServer::open(settings().control_socket);
    if (!control.ok()) return complain(control.error()), kExitConfig;
    control_ = std::move(*control);
  }
  return 0;
}

bool Daemon::go_to_background() {
  if (::daemon(1, settings().log_target == "stderr" ? 1 : 0) == 0) return true;
  std::perror("gatepostd: cannot go to the background");
  return false;
}

int Daemon::start_everything() {
  if (const int failed = open_engine()) return failed;
  if (const int failed = open_milter()) return failed;
  if (!settings().pid_file.empty() && !write_pid_file(settings().pid_file))
    say(Log::Level::warning, "daemon.pid_file: cannot write " + settings().pid_file);
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
  const auto policy = engine_->policy().get();
  say(Log::Level::info,
      std::string("started version=" GATEPOST_VERSION " mode=") +
          (policy->mode == Mode::observe ? "observe" : "enforce") +
          " socket=" + milter::parse_socket(settings().listen[0])->for_libmilter() +
          " policy=" + policy->hash + " (" + policy->source + ") " + ruleset_of(*policy));
  notify("READY=1");
  if (reloader_->has_waiting()) std::thread([this] { reloader_->compile_waiting(); }).detach();
  return 0;
}

int Daemon::open_engine() {
  EngineOptions options;
  options.nameservers = flags_.nameservers;
  options.zones = flags_.zones;
  options.keep_state = true;
  options.say = [this](bool problem, const std::string& line) {
    say(problem ? Log::Level::error : Log::Level::info, line);
  };
  records_ = std::make_unique<Records>(*log_);
  auto engine = Engine::open(configuration_, *records_, options);
  if (!engine.ok()) {
    complain(engine.error());
    say(Log::Level::error, engine.error().text());
    return engine.error().kind == ErrorKind::config ? kExitConfig : kExitOs;
  }
  engine_ = std::move(*engine);
  reloader_ = std::make_unique<Reloader>(
      flags_, configuration_, *engine_,
      [this](Log::Level level, const std::string& line) { say(level, line); });
  return 0;
}

int Daemon::open_milter() {
  milter::MilterOptions options;
  options.listen = *milter::parse_socket(settings().listen[0]);
  options.socket_mode = settings().socket_mode;
  options.socket_group = settings().socket_group;
  options.max_sessions = settings().max_sessions;
  options.max_data_size = settings().max_data_size;
  milter_ = std::make_unique<milter::MilterServer>(options, engine_->services());
  if (const auto opened = milter_->open(); !opened.ok()) {
    say(Log::Level::error, opened.error().text());
    return complain(opened.error()), kExitUnavailable;
  }
  return 0;
}

/// Hands what we opened to the user we become, then becomes it.
int Daemon::give_up_root() {
  if (!account_) return 0;
  const std::string log_file = settings().log_target.starts_with('/') ? settings().log_target : "";
  for (const std::string& path : {settings().control_socket, log_file}) {
    if (!path.empty()) (void)!::chown(path.c_str(), account_->uid, account_->gid);
  }
  if (const auto became = become(*account_); !became.ok()) return complain(became.error()), kExitOs;
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

/// As the user that reloads will run as, so that the cache is theirs.
int Daemon::start_rules() {
  const std::vector<Error> errors = reloader_->start_rules();
  for (const Error& error : errors) {
    complain(error);
    say(Log::Level::error, error.text());
  }
  return errors.empty() ? 0 : kExitConfig;
}

void Daemon::start_dmarc_log() {
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

void Daemon::add_commands() {
  commands_.add("stats", [this](const Json&) { return stats_json(*engine_); });
  commands_.add("reload", [this](const Json&) {
    Json errors = Json::array();
    for (const Error& error : reloader_->reload()) errors.push_back(error.text());
    return Json{
        {"ok", errors.empty()}, {"errors", errors}, {"policy", engine_->policy().get()->hash}};
  });
  add_quarantine_commands(commands_, *engine_->quarantine());
  add_greylist_commands(commands_, engine_->store(), engine_->clock(), engine_->policy());
  add_rule_statistics_command(commands_, engine_->rule_statistics(), engine_->policy());
}

void Daemon::wait_for_signals(const sigset_t& signals) {
  std::thread([this] { errands_.run_until([] { return false; }, SteadyTime::max()); }).detach();
  for (;;) {
    switch (wait_for_signal(signals)) {
      case SIGHUP:
      case SIGUSR1:
        // Those that come while one waits its turn are one.
        if (!reload_waits_.exchange(true)) {
          errands_.post([this] {
            reload_waits_ = false;
            reloader_->reload();
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

void Daemon::reopen_log() {
  const auto reopened = log_->reopen();
  if (!reopened.ok()) say(Log::Level::error, reopened.error().text());
}

void Daemon::stop() {
  notify("STOPPING=1");
  say(Log::Level::info, stopped_unasked_ ? "libmilter ended unasked, stopping" : "stopping");
  const std::size_t left = milter_->drain(settings().drain_timeout);
  engine_->quarantine()->flush();
  if (auto* dmarc = records_->dmarc(); dmarc != nullptr && !dmarc->flush(kDmarcFlush))
    say(Log::Level::error, "dmarc.records: the last records are lost");
  say(left == 0 ? Log::Level::info : Log::Level::warning,
      "stopped, " + std::to_string(left) + " transactions were cut off");
  if (control_) control_->close();
  if (const auto kept = engine_->store().flush(); !kept.ok())
    say(Log::Level::error, "store: what was learned last is lost: " + kept.error().text());
  if (!settings().pid_file.empty()) ::unlink(settings().pid_file.c_str());
  const auto socket = milter::parse_socket(settings().listen[0]);
  if (socket->family == milter::SocketAddress::Family::unix_socket) ::unlink(socket->path.c_str());
  // Threads of libmilter and of requests may still run: nothing they use is destroyed.
  ::_exit(stopped_unasked_ ? kExitUnavailable : 0);
}

}  // namespace gatepost
