#include "filter/apps/rules_loader.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "filter/checks/content_rules.h"
#include "filter/config/settings.h"
#include "rules/cache.h"
#include "rules/chunk.h"
#include "rules/compile.h"
#include "rules/eval.h"
#include "rules/parse.h"
#include "rules/test_lines.h"

namespace gatepost {

namespace {

namespace fs = std::filesystem;

constexpr int kScoreSet = static_cast<int>(kRuleScoreSet);

/// Where rules.files was set, for faults that have no place in a rule file.
std::string place_of_files(const config::Configuration& configuration) {
  for (const config::Origin& origin : configuration.origins) {
    if (origin.key == "rules.files") return origin.place;
  }
  return {};
}

/// Files in the order in which they are read.
class SourceReader {
 public:
  SourceReader(RuleSources& out, std::string where, bool may_miss)
      : out_(out), where_(std::move(where)), may_miss_(may_miss) {}

  void read(const std::string& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      read_folder(path);
    } else if (!may_miss_ || fs::exists(path, error)) {
      read_file(path);
    }
  }
  const std::vector<rules::Source>& sources() const { return sources_; }

 private:
  void read_folder(const std::string& path) {
    std::vector<std::string> files;
    std::error_code error;
    for (auto entry = fs::directory_iterator(path, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() == ".cf") files.push_back(entry->path().string());
    }
    if (error) return fault(path, "cannot be read: " + error.message());
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) read_file(file);
  }

  void read_file(const std::string& path) {
    auto text = config::file_content(path);
    if (!text) return fault(path, "cannot be read, expected a rule file or a folder with *.cf");
    sources_.push_back({path, std::move(*text)});
  }

  void fault(const std::string& path, const std::string& what) {
    out_.errors.push_back(config_error("'" + printable(path) + "' " + what, where_));
  }

  RuleSources& out_;
  const std::string where_;
  const bool may_miss_;
  std::vector<rules::Source> sources_;
};

Error to_error(const rules::Diagnostic& diagnostic) {
  return config_error(diagnostic.what, diagnostic.place.line > 0 ? diagnostic.place.text() : "");
}

/// Errors and, when strict, what is not supported; the rest become notes.
void sort_diagnostics(const std::vector<rules::Diagnostic>& diagnostics, bool strict,
                      bool with_warnings, std::vector<Error>& errors,
                      std::vector<std::string>& notes) {
  using Severity = rules::Diagnostic::Severity;
  for (const rules::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::error ||
        (diagnostic.severity == Severity::unsupported && strict)) {
      errors.push_back(to_error(diagnostic));
    } else if (diagnostic.severity == Severity::unsupported || with_warnings) {
      notes.push_back(to_error(diagnostic).text());
    }
  }
}

/// Puts what [findings] says of content rules into the policy.
void apply_findings(const config::Configuration& configuration, rules::RuleFile& file,
                    Policy& policy, std::vector<Error>& errors) {
  for (const config::RuleFinding& found : configuration.rule_findings) {
    const auto rule = std::find_if(file.rules.begin(), file.rules.end(),
                                   [&](const rules::Rule& r) { return r.name == found.name; });
    if (rule == file.rules.end()) {
      std::vector<std::string_view> names;
      for (const rules::Rule& r : file.rules) names.push_back(r.name);
      Error error = found.unknown;
      if (const auto meant = did_you_mean(found.name, names); !meant.empty())
        error.what += ", did you mean '" + std::string(meant) + "'?";
      errors.push_back(std::move(error));
      continue;
    }
    double& score = rule->scores[kScoreSet];
    const FindingRule meaning{found.score.value_or(score),
                              found.action.value_or(meaning_of(policy, *rule).action)};
    policy.set_rule(found.name, meaning);
    // A score of 0 would switch the rule off, action and all.
    score = meaning == FindingRule{} ? 0 : meaning.score != 0 ? meaning.score : 1;
  }
}

/// A rule with the name of a finding of ours would be taken for it.
void refuse_our_names(rules::RuleFile& file) {
  for (const rules::Rule& rule : file.rules) {
    if (find_finding(rule.name) == nullptr) continue;
    // SpamAssassin's SPF_PASS and its like ask for just that finding, which stands for them.
    if (rule.type == rules::RuleType::eval && rules::is_answered_by_findings(rule.eval.function)) {
      if (rule.action == rules::RuleAction::none && !rule.shadow) continue;
      file.diagnostics.push_back({rules::Diagnostic::Severity::error,
                                  "'" + rule.name +
                                      "' is a finding of Gatepost's own: expected its action in "
                                      "[findings] of the configuration",
                                  rule.place, rule.name});
      continue;
    }
    file.diagnostics.push_back(
        {rules::Diagnostic::Severity::error,
         "'" + rule.name + "' is a finding of Gatepost's own: expected another name for the rule",
         rule.place, rule.name});
  }
  rules::sort_by_place(file, file.diagnostics);
}

bool is_ours(const fs::path& folder) {
  struct stat status {};
  return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid() && (status.st_mode & 022) == 0;
}

rules::CompileOptions compile_options(const config::Configuration& configuration,
                                      const CompileRulesOptions& how) {
  rules::CompileOptions options;
  if (how.in_child) options.helper = {"/proc/self/exe", {kCompileRulesFlag}};
  options.score_set = kScoreSet;
  options.missing = how.missing;
  const fs::path folder = rules_cache_directory(configuration);
  if (how.cache == RulesCache::use || (how.cache == RulesCache::if_ours && is_ours(folder)))
    options.cache_directory = folder;
  return options;
}

/// This program, as the file it was started from: another build may judge otherwise.
std::string program_identity() {
  struct stat status {};
  if (::stat("/proc/self/exe", &status) != 0) return {};
  return GATEPOST_VERSION " " + std::to_string(status.st_size) + " " +
         std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

/// The `test` lines of a file, and the mark in the cache that says that they are green.
class TestLines {
 public:
  /// To be made before the set is compiled: that clears away marks that nobody has asked for.
  TestLines(const rules::RuleFile& file, const fs::path& cache_directory) : file_(file) {
    const std::string program = program_identity();
    if (file.tests.empty() || cache_directory.empty() || program.empty()) return;
    auto cache = rules::Cache::open(cache_directory);
    if (!cache.ok()) return;  // compile() says so
    cache_ = std::move(*cache);
    key_ = hex_encode(sha256(program + "\n" + rules::test_lines_key(file, kScoreSet)));
    known_ = cache_->load(key_).has_value();
  }

  /// Runs them unless they are known to be green. `compiled`: `set` is what mail will be judged by,
  /// so a green result is kept, and a red one is certain even where a budget ended a match.
  /// @return false when one is red: `loaded` has the errors.
  bool pass(const rules::RuleSet& set, bool compiled, LoadedRules& loaded) const {
    if (known_ || file_.tests.empty()) return true;
    const rules::TestReport tests = rules::run_tests(file_, set, kScoreSet);
    loaded.tests = tests.passed + tests.failed;
    const std::size_t red = compiled ? tests.failed : tests.failed - tests.limited;
    if (red > 0) {
      sort_diagnostics(tests.diagnostics, false, false, loaded.errors, loaded.notes);
      return false;
    }
    // That it cannot be kept costs the next start a moment.
    if (compiled && cache_) (void)cache_->store(key_, "green");
    return true;
  }

 private:
  const rules::RuleFile& file_;
  std::optional<rules::Cache> cache_;
  std::string key_;
  bool known_ = false;
};

}  // namespace

void compile_rules_if_asked(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == kCompileRulesFlag)
    std::_Exit(rules::compile_process_main());
}

fs::path rules_cache_directory(const config::Configuration& configuration) {
  if (!configuration.rules.cache_directory.empty()) return configuration.rules.cache_directory;
  if (configuration.daemon.state_directory.empty()) return {};
  return fs::path(configuration.daemon.state_directory) / "rules-cache";
}

RuleSources read_rules(const config::Configuration& configuration,
                       const std::vector<std::string>& instead) {
  RuleSources out;
  const bool flag = !instead.empty();
  SourceReader reader(out, flag ? "--rules" : place_of_files(configuration),
                      !flag && configuration.is_default("rules.files"));
  for (const std::string& path : flag ? instead : configuration.rules.files) reader.read(path);
  rules::ParseOptions options;
  options.load = [](const std::string& path) -> Result<std::string> {
    auto text = config::file_content(path);
    if (!text) return config_error("cannot be read, expected a rule file", path);
    return std::move(*text);
  };
  out.unreadable = out.errors.size();
  out.file = rules::parse(reader.sources(), options);
  refuse_our_names(out.file);
  sort_diagnostics(out.file.diagnostics, configuration.rules.strict, false, out.errors, out.notes);
  return out;
}

LoadedRules compile_rules(const config::Configuration& configuration, RuleSources sources,
                          const CompileRulesOptions& how) {
  LoadedRules loaded;
  loaded.errors = std::move(sources.errors);
  loaded.notes = std::move(sources.notes);
  auto policy = std::make_shared<Policy>(*configuration.policy);
  apply_findings(configuration, sources.file, *policy, loaded.errors);
  if (configuration.rules.header_edits && !sources.file.settings.header.empty())
    policy->header_changes =
        std::make_shared<const rules::HeaderChanges>(sources.file.settings.header);
  for (const IpNetwork& network : policy->trusted_relays.networks())
    sources.file.settings.networks.configured.add({network, false});
  // Faults that are known already do not end this: those of patterns are told with them.
  if (sources.file.rules.empty()) {
    if (!loaded.errors.empty()) return loaded;
    set_rules(*policy, nullptr, how.statistics, how.now);
    loaded.policy = std::move(policy);
    return loaded;
  }
  const rules::CompileOptions options = compile_options(configuration, how);
  const TestLines tests(sources.file, options.cache_directory);
  auto compiled = rules::compile(sources.file, options);
  if (!compiled.ok()) {
    loaded.errors.push_back(compiled.error());
    return loaded;
  }
  sort_diagnostics(compiled->diagnostics, configuration.rules.strict, true, loaded.errors,
                   loaded.notes);
  if (!loaded.errors.empty() || !compiled->rules) return loaded;
  loaded.waiting = compiled->stats.left;
  if (!tests.pass(*compiled->rules, loaded.waiting == 0, loaded)) return loaded;
  loaded.rules = static_cast<std::size_t>(
      std::count_if(sources.file.rules.begin(), sources.file.rules.end(),
                    [](const rules::Rule& rule) { return !rule.is_subrule(); }));
  if (loaded.waiting > 0) {
    compiled->rules.reset();
    policy->rules_missing = RulesMissing::compiling;
  }
  set_rules(*policy, std::move(compiled->rules), how.statistics, how.now);
  loaded.policy = std::move(policy);
  return loaded;
}

}  // namespace gatepost
