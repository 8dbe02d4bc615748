// gatepost rules: what content rules say before they meet mail.

#include <algorithm>
#include <cstdio>

#include "core/base/text.h"
#include "filter/apps/gatepost/command.h"
#include "filter/apps/rules_loader.h"
#include "rules/compile.h"
#include "rules/lint.h"
#include "rules/test_lines.h"

namespace gatepost::command {

namespace {

using Severity = rules::Diagnostic::Severity;

struct Options {
  Common common;
  std::vector<std::string> files;
  bool strict = false;
  bool all = false;
};

/// How many there are of each severity.
struct Counts {
  std::size_t errors = 0, unsupported = 0, warnings = 0;
};

Counts count(const std::vector<rules::Diagnostic>& diagnostics) {
  Counts out;
  for (const rules::Diagnostic& d : diagnostics) {
    if (d.severity == Severity::error) ++out.errors;
    if (d.severity == Severity::unsupported) ++out.unsupported;
    if (d.severity == Severity::warning) ++out.warnings;
  }
  return out;
}

std::string number(std::size_t n, const char* of_one, const char* of_many) {
  return std::to_string(n) + " " + (n == 1 ? of_one : of_many);
}

std::string line_of(const rules::Diagnostic& d) {
  return (d.place.line > 0 ? printable(d.place.text(), 1000) + ": " : std::string()) +
         std::string(to_string(d.severity)) + ": " + d.what;
}

Json json_of(const std::vector<rules::Diagnostic>& diagnostics) {
  Json out = Json::array();
  for (const rules::Diagnostic& d : diagnostics) {
    out.push_back({{"file", text(d.place.file)},
                   {"line", d.place.line},
                   {"column", d.place.column},
                   {"severity", to_string(d.severity)},
                   {"rule", text(d.rule)},
                   {"text", text(d.what)}});
  }
  return out;
}

/// The rule files asked for. What cannot be read is told, and sets `exit_code`.
struct Loaded {
  config::Configuration configuration;
  RuleSources sources;
};
std::optional<Loaded> load(const Options& options, int& exit_code) {
  std::vector<std::string> files = options.common.rules;
  files.insert(files.end(), options.files.begin(), options.files.end());
  Loaded out;
  if (files.empty() || !options.common.config_file.empty()) {
    auto configuration = options.common.load();
    if (!configuration) {
      exit_code = kConfig;
      return std::nullopt;
    }
    out.configuration = std::move(*configuration);
  }
  out.sources = read_rules(out.configuration, files);
  for (std::size_t i = 0; i < out.sources.unreadable; ++i) {
    std::fprintf(stderr, "gatepost: %s\n", out.sources.errors[i].text().c_str());
  }
  if (out.sources.unreadable != 0) {
    exit_code = kNoInput;
    return std::nullopt;
  }
  return out;
}

bool is_strict(const Options& options, const Loaded& loaded) {
  return options.strict || loaded.configuration.rules.strict;
}

int verdict(const Counts& counts, bool strict) {
  return counts.errors != 0 || (strict && counts.unsupported != 0) ? kConfig : kOk;
}

int check(const Options& options) {
  int exit_code = kOk;
  const auto loaded = load(options, exit_code);
  if (!loaded) return exit_code;
  const rules::RuleFile& file = loaded->sources.file;
  const rules::MetaPlan plan = rules::plan_metas(file);
  std::vector<rules::Diagnostic> all = file.diagnostics;
  for (const auto& more : {rules::check_patterns(file), plan.diagnostics, rules::lint(file, plan)})
    all.insert(all.end(), more.begin(), more.end());
  rules::sort_by_place(file, all);
  const Counts counts = count(all);
  exit_code = verdict(counts, is_strict(options, *loaded));
  if (options.common.json) {
    const Json json = {{"files", file.files.size()},
                       {"rules", file.rules.size()},
                       {"tests", file.tests.size()},
                       {"errors", counts.errors},
                       {"unsupported", counts.unsupported},
                       {"warnings", counts.warnings},
                       {"unsupported_rules", file.unsupported.size()},
                       {"diagnostics", json_of(all)}};
    std::printf("%s\n", json.dump(2).c_str());
    return exit_code;
  }
  for (const rules::Diagnostic& d : all) std::printf("%s\n", line_of(d).c_str());
  std::printf("%s in %s: %s, %s not supported, %s\n",
              number(file.rules.size(), "rule", "rules").c_str(),
              number(file.files.size(), "file", "files").c_str(),
              number(counts.errors, "error", "errors").c_str(),
              number(counts.unsupported, "line", "lines").c_str(),
              number(counts.warnings, "warning", "warnings").c_str());
  return exit_code;
}

int print_tests(const Options& options, const rules::TestReport& report) {
  const int exit_code = report.failed == 0 ? kOk : kConfig;
  if (options.common.json) {
    const Json json = {{"passed", report.passed},
                       {"failed", report.failed},
                       {"not_run", report.not_run},
                       {"diagnostics", json_of(report.diagnostics)}};
    std::printf("%s\n", json.dump(2).c_str());
    return exit_code;
  }
  for (const rules::Diagnostic& d : report.diagnostics) std::printf("%s\n", line_of(d).c_str());
  std::printf("%s: %zu passed, %zu failed, %zu not run\n",
              number(report.passed + report.failed + report.not_run, "test", "tests").c_str(),
              report.passed, report.failed, report.not_run);
  return exit_code;
}

int test(const Options& options) {
  int exit_code = kOk;
  const auto loaded = load(options, exit_code);
  if (!loaded) return exit_code;
  const rules::RuleFile& file = loaded->sources.file;
  // Rules that do not load are not tested.
  const auto refused = [&](const std::vector<rules::Diagnostic>& diagnostics) {
    const bool strict = is_strict(options, *loaded);
    for (const rules::Diagnostic& d : diagnostics) {
      if (d.severity == Severity::error || (strict && d.severity == Severity::unsupported))
        std::fprintf(stderr, "gatepost: %s\n", line_of(d).c_str());
    }
    return verdict(count(diagnostics), strict) != kOk;
  };
  if (refused(file.diagnostics)) return kConfig;
  rules::CompileOptions how;
  how.helper = {"/proc/self/exe", {kCompileRulesFlag}};
  const auto compiled = rules::compile(file, how);
  if (!compiled.ok()) return fail(compiled.error());
  if (refused(compiled->diagnostics) || !compiled->rules) return kConfig;
  return print_tests(options, rules::run_tests(file, *compiled->rules, how.score_set));
}

std::string score_text(const rules::Rule& rule) {
  if (rule.is_subrule()) return "-";
  char out[32];
  std::snprintf(out, sizeof out, "%g", rule.scores[1]);
  return out;
}

int list(const Options& options) {
  int exit_code = kOk;
  const auto loaded = load(options, exit_code);
  if (!loaded) return exit_code;
  std::vector<const rules::Rule*> shown;
  for (const rules::Rule& rule : loaded->sources.file.rules) {
    if (options.all || !rule.is_subrule()) shown.push_back(&rule);
  }
  if (options.common.json) {
    Json json = Json::array();
    for (const rules::Rule* rule : shown) {
      json.push_back({{"name", rule->name},
                      {"type", to_string(rule->type)},
                      {"score", rule->scores[1]},
                      {"scores", rule->scores},
                      {"description", text(rule->description)},
                      {"file", text(rule->place.file)},
                      {"line", rule->place.line}});
    }
    std::printf("%s\n", json.dump(2).c_str());
    return kOk;
  }
  std::size_t width = 0;
  for (const rules::Rule* rule : shown) width = std::max(width, rule->name.size());
  width = std::min<std::size_t>(width, 40);
  for (const rules::Rule* rule : shown) {
    std::printf("%-*s  %-7s  %6s  %s\n", static_cast<int>(width), rule->name.c_str(),
                std::string(to_string(rule->type)).c_str(), score_text(*rule).c_str(),
                printable(rule->description, 300).c_str());
  }
  return kOk;
}

CLI::App* add(CLI::App& rules, const char* name, const char* what, int (*run)(const Options&),
              const std::shared_ptr<Options>& options, int& exit_code) {
  CLI::App* app = rules.add_subcommand(name, what);
  options->common.add_to(*app);
  app->add_option("files", options->files, "the same as --rules for each");
  app->callback([options, run, &exit_code] { exit_code = run(*options); });
  return app;
}

}  // namespace

void add_rules(CLI::App& program, int& exit_code) {
  CLI::App* rules = program.add_subcommand("rules", "check, test and list content rules");
  rules->require_subcommand(1);
  constexpr const char* kStrict = "what is not supported is an error (rules.strict)";
  auto checked = std::make_shared<Options>();
  add(*rules, "check", "tell all faults of rule files, with their places", check, checked,
      exit_code)
      ->add_flag("--strict", checked->strict, kStrict);
  auto tested = std::make_shared<Options>();
  add(*rules, "test", "run the test lines of rule files", test, tested, exit_code)
      ->add_flag("--strict", tested->strict, kStrict);
  auto listed = std::make_shared<Options>();
  add(*rules, "list", "list the rules with their scores", list, listed, exit_code)
      ->add_flag("--all", listed->all, "also list subrules");
}

}  // namespace gatepost::command
