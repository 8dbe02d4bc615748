#pragma once
// The daemon from its start to its end.

#include <atomic>
#include <csignal>
#include <memory>
#include <optional>

#include "core/base/executor.h"
#include "filter/apps/control_commands.h"
#include "filter/apps/engine.h"
#include "filter/apps/gatepostd/flags.h"
#include "filter/apps/gatepostd/host.h"
#include "filter/apps/gatepostd/records.h"
#include "filter/apps/gatepostd/reloader.h"
#include "filter/control/control.h"
#include "filter/milter/milter_server.h"

namespace gatepost {

/// One a process. The main thread only waits for signals (libmilter would stop at a HUP it gets
/// itself); what takes time is done by threads of its own.
class Daemon {
 public:
  explicit Daemon(Flags flags) : flags_(std::move(flags)) {}

  /// @return the exit code of a start that failed or a check; a daemon that runs ends its process.
  int run();

 private:
  // Steps of the start, in this order; each gives 0 or the exit code.
  int open_everything();
  bool go_to_background();
  int start_everything();

  int open_engine();
  int open_milter();
  int give_up_root();
  int start_rules();
  void start_dmarc_log();
  void add_commands();

  [[noreturn]] void wait_for_signals(const sigset_t& signals);
  void reopen_log();
  void stop();

  void say(Log::Level level, const std::string& line) { log_->write(level, line); }
  const config::DaemonSettings& settings() const { return configuration_.daemon; }

  const Flags flags_;
  config::Configuration configuration_;  // what was started with; reloads do not change it
  std::optional<Account> account_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Records> records_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<milter::MilterServer> milter_;
  std::unique_ptr<control::ControlServer> control_;
  ControlCommands commands_;
  WaitingExecutor errands_;
  std::atomic<bool> stopped_unasked_{false};
  std::atomic<bool> reload_waits_{false};
  std::atomic<bool> stopping_{false};
};

}  // namespace gatepost
