// gatepost rules bench: what each rule costs.

#include <algorithm>
#include <cstdio>

#include "core/base/text.h"
#include "filter/apps/gatepost/progress.h"
#include "filter/apps/gatepost/rules_common.h"
#include "filter/rule_tools/cost.h"
#include "filter/rule_tools/explain.h"
#include "filter/rule_tools/html.h"

namespace gatepost::command {

namespace {

using rule_tools::CostResult;
using rule_tools::number_text;

struct Options : RulesOptions {
  std::vector<std::string> mail;
  std::vector<std::string> without;
  int rounds = 3;
  std::size_t top = 30;
};

/// A rule that cost something by itself.
struct RuleCost {
  const rules::Rule* rule = nullptr;
  double microseconds = 0;  ///< a message
  double runs = 0;          ///< a message
};

double share(double part, double all) {
  return all == 0 ? 0 : part / all;
}

std::vector<RuleCost> rule_costs(const CostResult& result, const rule_tools::Judge& judge) {
  std::vector<RuleCost> out;
  const double matches = static_cast<double>(result.messages) * result.rounds;
  for (std::size_t i = 0; i < result.profile.own.size(); ++i) {
    const rules::MatchProfile::Own& own = result.profile.own[i];
    if (own.runs == 0) continue;
    out.push_back({&judge.rules()[i], result.per_message(own.time),
                   share(static_cast<double>(own.runs), matches)});
  }
  std::stable_sort(out.begin(), out.end(), [](const RuleCost& a, const RuleCost& b) {
    return a.microseconds > b.microseconds;
  });
  return out;
}

/// How the measured match divides, in microseconds a message.
struct Parts {
  double total = 0, scans = 0, own = 0, metas = 0;
  double rest() const { return std::max(0.0, total - scans - own - metas); }
};

Parts parts_of(const CostResult& result) {
  Parts out;
  out.total = result.per_message(result.measured);
  out.metas = result.per_message(result.profile.metas);
  for (const auto& [rule, scan] : result.profile.scans) out.scans += result.per_message(scan.time);
  for (const auto& own : result.profile.own) out.own += result.per_message(own.time);
  return out;
}

std::string micro(double microseconds) {
  return number_text(microseconds, microseconds < 10 ? 2 : 1);
}

void print_summary(const Options& options, const CostResult& result, const Parts& parts) {
  std::printf("%s%s, %s; each matched %d times behind a first time, on one thread\n",
              number_of(result.messages, "message", "messages").c_str(),
              options.mail.empty() ? " made up for this (--mail DIR: your own)" : "",
              (rule_tools::count_text(result.octets / 1024) + " KiB").c_str(), result.rounds);
  if (result.skipped != 0)
    std::printf("%s left out\n", number_of(result.skipped, "file", "files").c_str());
  TextTable table({{"Microseconds a message", false}, {"", true}, {"", true}});
  const double texts = static_cast<double>(result.texts.count()) / 1000 /
                       static_cast<double>(std::max<std::size_t>(result.messages, 1));
  table.add({"texts, HTML and addresses, made once", micro(texts), ""});
  table.add({"all rules", micro(result.per_message(result.match)), ""});
  table.add({"all rules, measured one by one", micro(parts.total), ""});
  const auto row = [&](const char* what, double value) {
    table.add({what, micro(value), rule_tools::percent_text(share(value, parts.total))});
  };
  row("  scans of Hyperscan, shared by rules", parts.scans);
  row("  PCRE2, evals and conditions of rules", parts.own);
  row("  metas", parts.metas);
  row("  reading header fields, and the rest", parts.rest());
  std::printf("\n%s", table.text().c_str());
}

void print_scans(const CostResult& result, const rule_tools::Judge& judge, const Parts& parts) {
  std::vector<std::pair<std::uint32_t, rules::MatchProfile::Scan>> scans(
      result.profile.scans.begin(), result.profile.scans.end());
  std::stable_sort(scans.begin(), scans.end(),
                   [](const auto& a, const auto& b) { return a.second.time > b.second.time; });
  TextTable table({{"SCAN", false}, {"RULES", true}, {"US/MESSAGE", true}, {"SHARE", true}});
  constexpr std::size_t kShown = 10;
  double others = 0;
  for (std::size_t i = 0; i < scans.size(); ++i) {
    const double time = result.per_message(scans[i].second.time);
    if (i >= kShown) {
      others += time;
      continue;
    }
    table.add({printable(rule_tools::scan_name(judge.rules()[scans[i].first]), 60),
               std::to_string(scans[i].second.rules), micro(time),
               rule_tools::percent_text(share(time, parts.total))});
  }
  if (scans.size() > kShown)
    table.add({std::to_string(scans.size() - kShown) + " more", "", micro(others),
               rule_tools::percent_text(share(others, parts.total))});
  std::printf(
      "\nScans: Hyperscan looks for all patterns of a text at once, so this time is of all the "
      "rules\nof the line together; --without NAME measures what a rule has in it.\n\n%s",
      table.text().c_str());
}

void print_rules(const Options& options, const std::vector<RuleCost>& costs,
                 const CostResult& result, const Parts& parts) {
  TextTable table({{"RULE", false},
                   {"TYPE", false},
                   {"RUNS/MESSAGE", true},
                   {"US/MESSAGE", true},
                   {"SHARE", true},
                   {"TOTAL MS", true}});
  const std::size_t shown = options.top == 0 ? costs.size() : std::min(options.top, costs.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const RuleCost& cost = costs[i];
    table.add(
        {cost.rule->name, std::string(to_string(cost.rule->type)), number_text(cost.runs, 2),
         micro(cost.microseconds), rule_tools::percent_text(share(cost.microseconds, parts.total)),
         number_text(
             cost.microseconds * static_cast<double>(result.messages) * result.rounds / 1000, 2)});
  }
  std::printf(
      "\nRules: what each costs by itself, in runs of PCRE2, evals and conditions on addresses; "
      "the others\nwere found by scans alone, or never came to it. Each run holds two looks at the "
      "clock: what these cost\nis the difference of the second and the third line above.\n\n%s",
      table.text().c_str());
  if (shown < costs.size()) std::printf("%zu more; --top 0 shows all\n", costs.size() - shown);
}

void print_without(const Options& options, const CostResult& result) {
  if (options.without.empty()) return;
  std::string names;
  for (const std::string& name : options.without)
    names += (names.empty() ? "" : ", ") + printable(name, 120);
  const double with = result.per_message(result.match);
  const double without = result.per_message(result.without);
  std::printf("\nAll rules %s us a message; without %s %s us: %s us (%s)\n", micro(with).c_str(),
              names.c_str(), micro(without).c_str(), number_text(with - without, 2).c_str(),
              rule_tools::percent_text(std::max(0.0, share(with - without, with))).c_str());
}

Json to_json(const Options& options, const CostResult& result, const rule_tools::Judge& judge,
             const std::vector<RuleCost>& costs, const Parts& parts) {
  Json scans = Json::array();
  for (const auto& [rule, scan] : result.profile.scans) {
    scans.push_back({{"scan", text(rule_tools::scan_name(judge.rules()[rule]))},
                     {"rules", scan.rules},
                     {"microseconds", result.per_message(scan.time)},
                     {"octets", scan.octets}});
  }
  Json rules = Json::array();
  for (const RuleCost& cost : costs) {
    rules.push_back({{"name", cost.rule->name},
                     {"type", to_string(cost.rule->type)},
                     {"runs", cost.runs},
                     {"microseconds", cost.microseconds},
                     {"share", share(cost.microseconds, parts.total)}});
  }
  Json out = {{"messages", result.messages},
              {"octets", result.octets},
              {"skipped", result.skipped},
              {"rounds", result.rounds},
              {"match_microseconds", result.per_message(result.match)},
              {"measured_microseconds", parts.total},
              {"scan_microseconds", parts.scans},
              {"own_microseconds", parts.own},
              {"meta_microseconds", parts.metas},
              {"rest_microseconds", parts.rest()},
              {"scans", std::move(scans)},
              {"rules", std::move(rules)}};
  if (!options.without.empty()) {
    out["without"] = options.without;
    out["without_microseconds"] = result.per_message(result.without);
  }
  return out;
}

/// The same files without some rules; null with `exit_code` set when one is not there.
std::unique_ptr<rule_tools::Judge> judge_without(const Options& options, LoadedFiles loaded,
                                                 int& exit_code) {
  rules::RuleFile& file = loaded.sources.file;
  for (const std::string& name : options.without) {
    if (find_rule(file, name) == nullptr) {
      exit_code = kDataError;
      return nullptr;
    }
    std::erase_if(file.rules, [&](const rules::Rule& rule) { return rule.name == name; });
    std::erase_if(file.tests, [&](const rules::RuleTest& test) { return test.rule == name; });
  }
  file.tests.clear();  // they say nothing of a set that lacks rules
  return make_judge(loaded, "Compiling the other rules", exit_code);
}

int bench(const Options& options) {
  int exit_code = kOk;
  const auto loaded = load_rule_files(options, exit_code, true);
  if (!loaded) return exit_code;
  const auto judge = make_judge(*loaded, "Compiling rules", exit_code);
  if (!judge) return exit_code;
  std::unique_ptr<rule_tools::Judge> without;
  if (!options.without.empty()) {
    without = judge_without(options, *loaded, exit_code);
    if (!without) return exit_code;
  }
  auto mail = find_mail(options.mail, exit_code);
  if (!mail) return exit_code;
  if (!options.mail.empty() && mail->mail.empty()) {
    std::fprintf(stderr,
                 "gatepost: --mail: there is no message, expected .eml files, a maildir "
                 "or an mbox\n");
    return kNoInput;
  }
  const StopOnInterrupt interrupt;
  const CostResult result = [&] {
    std::atomic<std::size_t> done{0};
    const Progress progress("Measuring", done, mail->mail.size());
    return rule_tools::measure_cost({std::move(mail->mail), judge.get(), without.get(),
                                     time_of(options.common), options.rounds},
                                    done, interrupt.stopped());
  }();
  const Parts parts = parts_of(result);
  const std::vector<RuleCost> costs = rule_costs(result, *judge);
  if (options.common.json) {
    std::printf("%s\n", to_json(options, result, *judge, costs, parts).dump(2).c_str());
    return kOk;
  }
  print_summary(options, result, parts);
  print_scans(result, *judge, parts);
  print_rules(options, costs, result, parts);
  print_without(options, result);
  return kOk;
}

}  // namespace

void add_rules_bench(CLI::App& rules, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = rules.add_subcommand("bench", "measure what each rule costs, slowest first");
  options->common.add_to(*app);
  app->add_option("--mail", options->mail,
                  "messages to measure with: files, maildirs, mbox files, folders (repeatable)")
      ->allow_extra_args(false);
  app->add_option("--without", options->without,
                  "also measure without this rule: what it has in shared scans (repeatable)")
      ->allow_extra_args(false);
  app->add_option("--rounds", options->rounds, "how often each message is matched")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app->add_option("--top", options->top, "how many rules are shown; 0: all")->capture_default_str();
  app->add_option("files", options->files, "the same as --rules for each");
  app->callback([options, &exit_code] { exit_code = bench(*options); });
}

}  // namespace gatepost::command
