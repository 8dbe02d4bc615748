#include "filter/apps/gatepostd/reloader.h"

#include <chrono>

#include "filter/apps/gatepostd/host.h"
#include "rules/rule_set.h"

namespace gatepost {

std::string ruleset_of(const Policy& policy) {
  if (policy.rules_missing == RulesMissing::compiling) return "ruleset=compiling";
  if (!policy.rules) return "ruleset=none";
  return "ruleset=" + policy.rules->hash().substr(0, 12) +
         " rules=" + std::to_string(policy.rules->rules().size());
}

/// With the policy, or with its faults; what an operator should know goes to the log.
LoadedRules Reloader::load_rules(const config::Configuration& configuration, RuleSources sources,
                                 rules::Missing missing) {
  CompileRulesOptions how;
  how.missing = missing;
  how.statistics = &engine_.rule_statistics();
  how.now = engine_.clock().unix_time();
  LoadedRules loaded = compile_rules(configuration, std::move(sources), how);
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < loaded.notes.size() && i < kShown; ++i)
    say_(Log::Level::warning, "rules: " + loaded.notes[i]);
  if (loaded.notes.size() > kShown) {
    say_(Log::Level::warning, "rules: " + std::to_string(loaded.notes.size() - kShown) +
                                  " more, all are shown by gatepostd --check");
  }
  return loaded;
}

std::vector<Error> Reloader::start_rules() {
  std::lock_guard lock(mutex_);
  const bool wait = started_.rules.wait_at_start;
  RuleSources sources = read_rules(started_);
  LoadedRules loaded =
      load_rules(started_, sources, wait ? rules::Missing::compile : rules::Missing::leave);
  if (!loaded.policy) return std::move(loaded.errors);
  engine_.policy().swap(std::move(loaded.policy));
  if (loaded.waiting > 0) {
    say_(Log::Level::warning, "rules: compiling " + std::to_string(loaded.waiting) +
                                  " patterns, messages pass without content rules until then");
    waiting_ = std::move(sources);
  }
  return {};
}

void Reloader::compile_waiting() {
  std::lock_guard lock(mutex_);
  if (!waiting_) return;
  RuleSources sources = std::move(*waiting_);
  waiting_.reset();
  // A reload that came before has compiled its own.
  if (running()->rules_missing != RulesMissing::compiling) return;
  // What is to be said of them was said when they were checked.
  sources.notes.clear();
  const auto begin = std::chrono::steady_clock::now();
  LoadedRules loaded = load_rules(started_, std::move(sources), rules::Missing::compile);
  if (!loaded.policy) {
    rules_failed(loaded.errors);
  } else {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    const std::string ruleset = ruleset_of(*loaded.policy);
    engine_.policy().swap(std::move(loaded.policy));
    say_(Log::Level::info, "rules: ready after " + std::to_string(took.count()) + " ms " + ruleset);
  }
  give_memory_back();
}

void Reloader::rules_failed(const std::vector<Error>& errors) {
  for (const Error& error : errors) say_(Log::Level::error, "rules: " + error.text());
  say_(Log::Level::error,
       "rules: not loaded, messages pass without content rules until a reload loads them");
  auto without = std::make_shared<Policy>(*running());
  without->rules_missing = RulesMissing::failed;
  engine_.policy().swap(std::move(without));
}

std::vector<Error> Reloader::reload() {
  std::lock_guard lock(mutex_);
  notify("RELOADING=1");
  config::LoadResult loaded = config::load(flags_.config_file, {.user = flags_.user});
  flags_.apply_to(loaded.configuration);
  for (const Error& warning : loaded.warnings)
    say_(Log::Level::warning, "reload: " + warning.text());
  std::shared_ptr<const Policy> next;
  if (loaded.ok()) {
    LoadedRules rules =
        load_rules(loaded.configuration, read_rules(loaded.configuration), rules::Missing::compile);
    next = std::move(rules.policy);
    loaded.errors = std::move(rules.errors);
  }
  if (!next) {
    for (const Error& error : loaded.errors) say_(Log::Level::error, "reload: " + error.text());
    say_(Log::Level::error, "reload: failed, the running configuration stays policy=" +
                                running()->hash + " " + ruleset_of(*running()));
  } else {
    for (const std::string& key : config::restart_needed(started_, loaded.configuration))
      say_(Log::Level::warning, "reload: " + key + " changes with the next restart only");
    engine_.policy().swap(next);
    say_(Log::Level::info, "reload: done policy=" + next->hash + " " + ruleset_of(*next));
  }
  give_memory_back();
  notify("READY=1");
  return std::move(loaded.errors);
}

}  // namespace gatepost
