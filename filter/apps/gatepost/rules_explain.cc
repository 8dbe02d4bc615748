// gatepost rules explain: everything about one rule.

#include <cstdio>

#include "core/base/text.h"
#include "filter/apps/gatepost/rules_common.h"
#include "filter/rule_tools/explain.h"
#include "rules/compile.h"
#include "rules/test_lines.h"

namespace gatepost::command {

namespace {

using rule_tools::Matching;
using rule_tools::Relation;

struct Options : RulesOptions {
  std::string name;
};

constexpr std::size_t kLongest = 40000;  // octets of a definition that are shown

/// A test line and what came of it.
struct TestState {
  const rules::RuleTest* test = nullptr;
  std::string state;  ///< "holds", or what is wrong
};

/// What was found out by compiling the rule and those that it uses.
struct Compiled {
  std::vector<TestState> tests;
  std::vector<std::string> notes;  ///< of the compiler
};

std::string number(double value) {
  char out[32];
  std::snprintf(out, sizeof out, "%g", value);
  return out;
}

std::string scores_text(const rules::Rule& rule) {
  if (rule.is_subrule()) return "none: a subrule, which only metas see";
  std::string out = number(rule.scores[1]);
  if (!rule.scored) out += " (no score line)";
  if (rule.scores[0] != rule.scores[1] || rule.scores[2] != rule.scores[1] ||
      rule.scores[3] != rule.scores[1]) {
    out += " (score sets: " + number(rule.scores[0]) + " " + number(rule.scores[1]) + " " +
           number(rule.scores[2]) + " " + number(rule.scores[3]) + "; the second counts)";
  }
  if (rule.scores[1] == 0) out += ": it does not run";
  return out;
}

std::string flags_text(const rules::RuleFlags& flags) {
  std::string out;
  const auto add = [&](const std::string& flag) { out += (out.empty() ? "" : " ") + flag; };
  if (flags.nice) add("nice");
  if (flags.multiple) add("multiple");
  if (flags.max_hits > 0) add("maxhits=" + std::to_string(flags.max_hits));
  for (const std::string& other : flags.others) add(other);
  return out;
}

Compiled compile_and_test(const rules::RuleFile& part) {
  Compiled out;
  rules::CompileOptions how;
  how.helper = {"/proc/self/exe", {kCompileRulesFlag}};
  const auto compiled = rules::compile(part, how);
  std::string problem;
  if (!compiled.ok())
    problem = compiled.error().text();
  else if (!compiled->rules)
    problem = "the rule does not compile";
  if (compiled.ok()) {
    for (const rules::Diagnostic& d : compiled->diagnostics) out.notes.push_back(line_of(d));
  }
  for (const rules::RuleTest& test : part.tests) {
    TestState state{&test, problem.empty() ? "holds" : "not run: " + problem};
    if (problem.empty()) {
      rules::RuleFile one = part;
      one.tests = {test};
      const rules::TestReport report = rules::run_tests(one, *compiled->rules, how.score_set);
      if (!report.diagnostics.empty()) state.state = report.diagnostics[0].what;
    }
    out.tests.push_back(std::move(state));
  }
  return out;
}

void print_tree(const char* head, const std::vector<Relation>& relations) {
  if (relations.empty()) return;
  std::printf("%s\n", head);
  for (const Relation& relation : relations) {
    std::printf("  %*s%s%s%s%s\n", relation.depth * 2, "", printable(relation.name, 120).c_str(),
                relation.off.empty() ? "" : ": ", relation.off.c_str(),
                relation.shown_before ? " (see above)" : "");
  }
  if (relations.size() >= rule_tools::kMaxRelations) std::printf("  …\n");
}

Json json_of_tree(const std::vector<Relation>& relations) {
  Json out = Json::array();
  for (const Relation& relation : relations) {
    Json one = {{"name", text(relation.name)}, {"depth", relation.depth}};
    if (!relation.off.empty()) one["off"] = relation.off;
    out.push_back(std::move(one));
  }
  return out;
}

void print(const rules::Rule& rule, const rules::RuleFile& file, const Matching& matching,
           const Compiled& compiled) {
  std::vector<std::pair<std::string, std::string>> rows = {
      {"rule", rule.name},
      {"defined", rule.place.text()},
      {"description", rule.description},
      {"score", scores_text(rule)},
      {"flags", flags_text(rule.flags)},
      {"action", rule.action == rules::RuleAction::none ? "" : std::string(to_string(rule.action))},
      {"shadow", rule.shadow ? "it counts and never acts" : ""},
      {"category", rule.category},
      {"looks at", matching.subject},
      {"matched by", matching.how + (matching.why.empty() ? "" : ": " + matching.why)}};
  std::erase_if(rows, [](const auto& row) { return row.second.empty(); });
  print_rows(rows);
  std::printf("\n%s\n", printable(rule_tools::definition_of(rule), kLongest).c_str());
  print_tree("\nuses", rule_tools::uses_of(file, rule));
  print_tree("\nused by", rule_tools::users_of(file, rule));
  if (!compiled.tests.empty()) std::printf("\ntests\n");
  for (const TestState& one : compiled.tests) {
    std::printf("  %s: %s '%s': %s\n", printable(one.test->place.text(), 1000).c_str(),
                one.test->must_hit ? "must hit" : "must miss",
                printable(one.test->text, 200).c_str(), one.state.c_str());
  }
  if (!compiled.notes.empty()) std::printf("\nnotes\n");
  for (const std::string& note : compiled.notes) std::printf("  %s\n", note.c_str());
}

void print_json(const rules::Rule& rule, const rules::RuleFile& file, const Matching& matching,
                const Compiled& compiled) {
  Json tests = Json::array();
  for (const TestState& one : compiled.tests) {
    tests.push_back({{"line", one.test->place.line},
                     {"file", text(one.test->place.file)},
                     {"must_hit", one.test->must_hit},
                     {"text", text(one.test->text)},
                     {"state", text(one.state)}});
  }
  Json notes = Json::array();
  for (const std::string& note : compiled.notes) notes.push_back(text(note));
  const Json json = {{"name", rule.name},
                     {"type", to_string(rule.type)},
                     {"file", text(rule.place.file)},
                     {"line", rule.place.line},
                     {"definition", text(rule_tools::definition_of(rule))},
                     {"description", text(rule.description)},
                     {"score", rule.scores[1]},
                     {"scores", rule.scores},
                     {"scored", rule.scored},
                     {"flags", text(flags_text(rule.flags))},
                     {"action", to_string(rule.action)},
                     {"shadow", rule.shadow},
                     {"category", text(rule.category)},
                     {"looks_at", matching.subject},
                     {"matched_by", matching.how},
                     {"why", text(matching.why)},
                     {"uses", json_of_tree(rule_tools::uses_of(file, rule))},
                     {"used_by", json_of_tree(rule_tools::users_of(file, rule))},
                     {"tests", std::move(tests)},
                     {"notes", std::move(notes)}};
  std::printf("%s\n", json.dump(2).c_str());
}

int explain(const Options& options) {
  int exit_code = kOk;
  const auto loaded = load_rule_files(options, exit_code);
  if (!loaded) return exit_code;
  const rules::RuleFile& file = loaded->sources.file;
  const rules::Rule* rule = find_rule(file, options.name);
  if (rule == nullptr) return kDataError;
  const Matching matching = rule_tools::matching_of(*rule);
  const rules::RuleFile part = rule_tools::part_of(file, *rule);  // the tests are shown from it
  const Compiled compiled = compile_and_test(part);
  (options.common.json ? print_json : print)(*rule, file, matching, compiled);
  return kOk;
}

}  // namespace

void add_rules_explain(CLI::App& rules, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = rules.add_subcommand(
      "explain", "show one rule: definition, scores, who uses it, how it is matched, tests");
  options->common.add_to(*app);
  app->add_option("name", options->name, "the rule")->required();
  app->add_option("files", options->files, "the same as --rules for each");
  app->callback([options, &exit_code] { exit_code = explain(*options); });
}

}  // namespace gatepost::command
