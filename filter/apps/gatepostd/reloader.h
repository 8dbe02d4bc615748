#pragma once
// The running policy of the daemon: with its rules at the start, anew at each reload.

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filter/apps/engine.h"
#include "filter/apps/gatepostd/flags.h"
#include "filter/apps/rules_loader.h"
#include "filter/log/log.h"

namespace gatepost {

/// "ruleset=… rules=…" of log lines.
std::string ruleset_of(const Policy& policy);

/// Puts policies into the engine. One at a time does so: whoever comes while another one compiles
/// waits for it. Any thread.
class Reloader {
 public:
  using Say = std::function<void(Log::Level level, const std::string& line)>;

  /// All must outlive it; `started` is the configuration that the engine was opened with.
  Reloader(const Flags& flags, const config::Configuration& started, Engine& engine, Say say)
      : flags_(flags), started_(started), engine_(engine), say_(std::move(say)) {}

  /// Before mail is served; as the user who is to own the cache. Rules that are compiled already
  /// are put in place. Of others every fault is found, and then, unless rules.start says to wait
  /// for them, the policy is put in place without them: compile_waiting() has to follow.
  /// @return the faults: nothing was put in place.
  std::vector<Error> start_rules();
  /// Compiles what start_rules() has left, while mail is served. When that fails, the policy stays
  /// without rules and says so (RulesMissing::failed). Does nothing when a reload came before it.
  void compile_waiting();
  bool has_waiting() const { return waiting_.has_value(); }

  /// @return the faults; with any the running configuration stays.
  std::vector<Error> reload();

 private:
  LoadedRules load_rules(const config::Configuration& configuration, RuleSources sources,
                         rules::Missing missing);
  void rules_failed(const std::vector<Error>& errors);
  std::shared_ptr<const Policy> running() { return engine_.policy().get(); }

  const Flags& flags_;
  const config::Configuration& started_;
  Engine& engine_;
  const Say say_;
  std::mutex mutex_;
  std::optional<RuleSources> waiting_;  // as they were checked
};

}  // namespace gatepost
