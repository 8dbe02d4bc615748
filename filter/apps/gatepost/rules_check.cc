// gatepost rules check and test: faults of rule files and their examples.

#include <cstdio>

#include "filter/apps/gatepost/progress.h"
#include "filter/apps/gatepost/rules_common.h"
#include "rules/compile.h"
#include "rules/lint.h"
#include "rules/test_lines.h"

namespace gatepost::command {

namespace {

using Severity = rules::Diagnostic::Severity;

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

bool is_strict(const RulesOptions& options, const LoadedFiles& loaded) {
  return options.strict || loaded.configuration.rules.strict;
}

int verdict(const Counts& counts, bool strict) {
  return counts.errors != 0 || (strict && counts.unsupported != 0) ? kConfig : kOk;
}

int check(const RulesOptions& options) {
  int exit_code = kOk;
  const auto loaded = load_rule_files(options, exit_code);
  if (!loaded) return exit_code;
  const rules::RuleFile& file = loaded->sources.file;
  const std::vector<rules::Diagnostic> all = [&] {
    const std::atomic<std::size_t> none{0};
    const Progress progress("Checking rules", none, 0);
    return rules::check(file);
  }();
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
  std::printf("%s in %s: %s, %zu unsupported, %s\n",
              number_of(file.rules.size(), "rule", "rules").c_str(),
              number_of(file.files.size(), "file", "files").c_str(),
              number_of(counts.errors, "error", "errors").c_str(), counts.unsupported,
              number_of(counts.warnings, "warning", "warnings").c_str());
  return exit_code;
}

int print_tests(const RulesOptions& options, const rules::TestReport& report) {
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
              number_of(report.passed + report.failed + report.not_run, "test", "tests").c_str(),
              report.passed, report.failed, report.not_run);
  return exit_code;
}

int test(const RulesOptions& options) {
  int exit_code = kOk;
  const auto loaded = load_rule_files(options, exit_code);
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
  const auto compiled = [&] {
    const std::atomic<std::size_t> none{0};
    const Progress progress("Compiling rules", none, 0);
    return rules::compile(file, how);
  }();
  if (!compiled.ok()) return fail(compiled.error());
  if (refused(compiled->diagnostics) || !compiled->rules) return kConfig;
  return print_tests(options, rules::run_tests(file, *compiled->rules, how.score_set));
}

void add(CLI::App& rules, const char* name, const char* what, int (*run)(const RulesOptions&),
         int& exit_code) {
  auto options = std::make_shared<RulesOptions>();
  CLI::App* app = rules.add_subcommand(name, what);
  options->common.add_to(*app);
  app->add_option("files", options->files, "the same as --rules for each");
  app->add_flag("--strict", options->strict, "what is not supported is an error (rules.strict)");
  app->callback([options, run, &exit_code] { exit_code = run(*options); });
}

}  // namespace

void add_rules_check(CLI::App& rules, int& exit_code) {
  add(rules, "check", "tell all faults of rule files, with their places", check, exit_code);
  add(rules, "test", "run the test lines of rule files", test, exit_code);
}

}  // namespace gatepost::command
