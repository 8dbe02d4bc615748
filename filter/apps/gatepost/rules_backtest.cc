// gatepost rules backtest: what rules would have done to mail that people have sorted.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>

#include "core/base/text.h"
#include "filter/apps/gatepost/progress.h"
#include "filter/apps/gatepost/rules_common.h"
#include "filter/rule_tools/backtest.h"
#include "filter/rule_tools/backtest_report.h"
#include "filter/rule_tools/html.h"

namespace gatepost::command {

namespace {

using rule_tools::BacktestInput;
using rule_tools::BacktestResult;
using rule_tools::JudgedMessage;
using rule_tools::number_text;
using rule_tools::percent_text;
using rule_tools::RuleOutcome;
using rule_tools::VerdictCounts;

struct Options : RulesOptions {
  std::vector<std::string> ham, spam, against;
  std::string report;
  unsigned threads = 0;
  std::size_t top = 40;
};

double share(std::size_t part, std::size_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

std::string verdict_word(Action action) {
  return std::string(action == Action::none ? "accept" : to_string(action));
}

std::string signed_text(double value, int digits) {
  const std::string out = number_text(value, digits);
  return value > 0 && out != "0" ? "+" + out : out;
}

void print_verdicts(const char* name, const VerdictCounts& counts, const BacktestResult& result) {
  TextTable table({{name, false},
                   {"accept", true},
                   {"tag", true},
                   {"quarantine", true},
                   {"reject", true},
                   {"marked", true},
                   {"mean score", true}});
  const auto row = [&](const char* kind, std::size_t none, std::size_t tag, std::size_t quarantine,
                       std::size_t reject, std::size_t all, double mean) {
    table.add({kind, std::to_string(none), std::to_string(tag), std::to_string(quarantine),
               std::to_string(reject), percent_text(share(tag + quarantine + reject, all)),
               number_text(mean, 2)});
  };
  row("spam", counts.none.spam, counts.tag.spam, counts.quarantine.spam, counts.reject.spam,
      result.judged.spam, counts.spam_mean);
  row("ham", counts.none.ham, counts.tag.ham, counts.quarantine.ham, counts.reject.ham,
      result.judged.ham, counts.ham_mean);
  std::printf("\n%s", table.text().c_str());
}

std::vector<const RuleOutcome*> by_effect(const BacktestResult& result) {
  std::vector<const RuleOutcome*> out;
  for (const RuleOutcome& rule : result.rules) {
    if (rule.hits.all() + rule.hits_before.all() != 0) out.push_back(&rule);
  }
  const auto effect = [](const RuleOutcome& rule) {
    return std::abs(rule.spam_points) + std::abs(rule.ham_points);
  };
  std::stable_sort(out.begin(), out.end(), [&](const RuleOutcome* a, const RuleOutcome* b) {
    return effect(*a) > effect(*b);
  });
  return out;
}

void print_rules(const Options& options, const BacktestResult& result) {
  const bool compares = !options.against.empty();
  std::vector<TextTable::Column> columns = {
      {"RULE", false}, {"SCORE", true},     {"SPAM", true},    {"", true},       {"HAM", true},
      {"", true},      {"PRECISION", true}, {"DECIDES", true}, {"POINTS", true}, {"", true}};
  if (compares) columns.insert(columns.end(), {{"SHIFT", true}, {"", true}});
  TextTable table(columns);
  const auto rules = by_effect(result);
  const std::size_t shown = options.top == 0 ? rules.size() : std::min(options.top, rules.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const RuleOutcome& rule = *rules[i];
    std::vector<std::string> row = {
        rule.name,
        rule.is_now ? number_text(rule.score, 3) : "gone",
        std::to_string(rule.hits.spam),
        percent_text(share(rule.hits.spam, result.judged.spam)),
        std::to_string(rule.hits.ham),
        percent_text(share(rule.hits.ham, result.judged.ham)),
        rule.precision < 0 ? "" : percent_text(rule.precision),
        std::to_string(rule.decides.spam) + "/" + std::to_string(rule.decides.ham),
        signed_text(rule.spam_points, 3),
        signed_text(rule.ham_points, 3)};
    if (compares) {
      row.push_back(signed_text(rule.spam_points - rule.spam_points_before, 3));
      row.push_back(signed_text(rule.ham_points - rule.ham_points_before, 3));
    }
    table.add(std::move(row));
  }
  std::printf("\n%s", table.text().c_str());
  if (shown < rules.size())
    std::printf("%zu more that hit; --top 0 shows all\n", rules.size() - shown);
  std::printf(
      "%s nothing.\nPRECISION: share of its hits in mail of the kind that its score speaks for. "
      "DECIDES: spam/ham that\nwould cross the limit without it. POINTS%s: what it adds to the "
      "mean spam and ham message%s.\n",
      number_of(result.hit_nothing(), "rule hits", "rules hit").c_str(), compares ? ", SHIFT" : "",
      compares ? ", and how that changed" : "");
}

void print_overlaps(const BacktestResult& result) {
  if (result.overlaps.empty()) return;
  constexpr std::size_t kShown = 15;
  TextTable table({{"NEARLY ALWAYS TOGETHER", false},
                   {"", false},
                   {"BOTH", true},
                   {"ONLY 1ST", true},
                   {"ONLY 2ND", true}});
  for (std::size_t i = 0; i < result.overlaps.size() && i < kShown; ++i) {
    const rule_tools::Overlap& pair = result.overlaps[i];
    table.add({pair.first, pair.second, std::to_string(pair.both), std::to_string(pair.only_first),
               std::to_string(pair.only_second)});
  }
  std::printf("\n%s", table.text().c_str());
  if (result.overlaps.size() > kShown)
    std::printf("%zu more pairs\n", result.overlaps.size() - kShown);
}

const rule_tools::MailPlace& place_of(const BacktestInput& input, const JudgedMessage& message) {
  return (message.spam ? input.spam : input.ham)[message.place];
}

void print_changes(const Options& options, const BacktestInput& input,
                   const BacktestResult& result) {
  if (options.against.empty()) return;
  std::printf("\n%s another verdict\n",
              number_of(result.changed.size(), "message has", "messages have").c_str());
  const std::size_t shown =
      options.top == 0 ? result.changed.size() : std::min(options.top, result.changed.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const JudgedMessage& message = result.messages[result.changed[i]];
    std::printf("  %-4s %s: %s %s, was %s %s\n", message.spam ? "spam" : "ham",
                printable(place_of(input, message).name(), 400).c_str(),
                verdict_word(message.now.action).c_str(), number_text(message.now.score, 2).c_str(),
                verdict_word(message.before.action).c_str(),
                number_text(message.before.score, 2).c_str());
    std::string why;
    for (const rule_tools::HitChange& change : rule_tools::hit_changes(input, message)) {
      why += " " + change.rule;
      if (change.is_now && change.was_before)
        why += " " + number_text(change.score_before, 3) + "->" + number_text(change.score, 3);
      else
        why += change.is_now ? " " + signed_text(change.score, 3) : " no more";
    }
    std::printf("      %s\n", why.c_str() + (why.empty() ? 0 : 1));
  }
  if (shown < result.changed.size())
    std::printf("  %zu more; --top 0 shows all\n", result.changed.size() - shown);
}

void print(const Options& options, const BacktestInput& input, const BacktestResult& result) {
  std::printf(
      "%s and %s in %s s with %s (%s messages/s)\n",
      number_of(result.judged.spam, "spam message", "spam messages").c_str(),
      number_of(result.judged.ham, "ham message", "ham messages").c_str(),
      number_text(result.seconds, 1).c_str(),
      number_of(result.threads, "thread", "threads").c_str(),
      number_text(static_cast<double>(result.judged.all()) / std::max(result.seconds, 0.001), 0)
          .c_str());
  for (const std::string& one : result.skipped) std::printf("left out: %s\n", one.c_str());
  if (result.skipped_count > result.skipped.size())
    std::printf("left out: %zu more\n", result.skipped_count - result.skipped.size());
  if (result.now.limited != 0)
    std::printf("%s where a budget ended some pattern\n",
                number_of(result.now.limited, "message", "messages").c_str());
  if (result.has_stage_rules) {
    std::printf(
        "Trace fields tell the client of %zu messages, the sender of %zu, the recipients of %zu; "
        "where they\ndo not, rules of SMTP's stages do not hit\n",
        result.clients_known, result.senders_known, result.recipients_known);
  }
  print_verdicts(options.against.empty() ? "VERDICTS" : "NOW", result.now, result);
  if (!options.against.empty()) print_verdicts("BEFORE", result.before, result);
  print_rules(options, result);
  print_overlaps(result);
  print_changes(options, input, result);
}

Json json_of_counts(const VerdictCounts& counts) {
  const auto sides = [](const rule_tools::Sides& s) {
    return Json{{"spam", s.spam}, {"ham", s.ham}};
  };
  return {{"accept", sides(counts.none)},
          {"tag", sides(counts.tag)},
          {"quarantine", sides(counts.quarantine)},
          {"reject", sides(counts.reject)},
          {"marked", sides(counts.marked())},
          {"spam_mean", counts.spam_mean},
          {"ham_mean", counts.ham_mean},
          {"limited", counts.limited}};
}

Json json_of_rule(const RuleOutcome& rule, bool compares) {
  Json out = {{"name", rule.name},
              {"score", rule.score},
              {"spam", rule.hits.spam},
              {"ham", rule.hits.ham},
              {"precision", rule.precision < 0 ? Json() : Json(rule.precision)},
              {"decides_spam", rule.decides.spam},
              {"decides_ham", rule.decides.ham},
              {"spam_points", rule.spam_points},
              {"ham_points", rule.ham_points}};
  if (compares) {
    out["is_now"] = rule.is_now;
    out["was_before"] = rule.was_before;
    out["score_before"] = rule.score_before;
    out["spam_before"] = rule.hits_before.spam;
    out["ham_before"] = rule.hits_before.ham;
    out["spam_shift"] = rule.spam_points - rule.spam_points_before;
    out["ham_shift"] = rule.ham_points - rule.ham_points_before;
  }
  return out;
}

Json json_of_change(const BacktestInput& input, const JudgedMessage& message) {
  Json rules = Json::array();
  for (const rule_tools::HitChange& change : rule_tools::hit_changes(input, message)) {
    rules.push_back({{"name", change.rule},
                     {"score", change.is_now ? Json(change.score) : Json()},
                     {"score_before", change.was_before ? Json(change.score_before) : Json()}});
  }
  return {{"file", text(place_of(input, message).name())},
          {"spam", message.spam},
          {"verdict", verdict_word(message.now.action)},
          {"score", message.now.score},
          {"verdict_before", verdict_word(message.before.action)},
          {"score_before", message.before.score},
          {"rules", std::move(rules)}};
}

Json to_json(const BacktestInput& input, const BacktestResult& result) {
  const bool compares = input.before != nullptr;
  Json rules = Json::array();
  for (const RuleOutcome& rule : result.rules) rules.push_back(json_of_rule(rule, compares));
  Json overlaps = Json::array();
  for (const rule_tools::Overlap& pair : result.overlaps) {
    overlaps.push_back({{"first", pair.first},
                        {"second", pair.second},
                        {"both", pair.both},
                        {"only_first", pair.only_first},
                        {"only_second", pair.only_second}});
  }
  Json skipped = Json::array();
  for (const std::string& one : result.skipped) skipped.push_back(text(one));
  Json out = {{"spam", result.judged.spam},
              {"ham", result.judged.ham},
              {"skipped", result.skipped_count},
              {"skipped_files", std::move(skipped)},
              {"seconds", result.seconds},
              {"threads", result.threads},
              {"now", json_of_counts(result.now)},
              {"rules", std::move(rules)},
              {"overlaps", std::move(overlaps)},
              {"smtp",
               {{"clients", result.clients_known},
                {"senders", result.senders_known},
                {"recipients", result.recipients_known}}}};
  if (compares) {
    out["before"] = json_of_counts(result.before);
    out["changed"] = Json::array();
    for (const std::size_t i : result.changed)
      out["changed"].push_back(json_of_change(input, result.messages[i]));
  }
  return out;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char out[64];
  std::strftime(out, sizeof out, "%Y-%m-%d %H:%M UTC", &parts);
  return out;
}

bool write_report(const Options& options, const BacktestInput& input, const BacktestResult& result,
                  std::vector<std::string> rules) {
  const std::string page = rule_tools::backtest_page(
      input, result, {std::move(rules), options.against, options.ham, options.spam, utc_now()});
  std::ofstream out(options.report, std::ios::binary);
  out << page;
  out.close();
  if (!out.fail()) return true;
  std::fprintf(stderr, "gatepost: --report: '%s' cannot be written\n",
               printable(options.report, 400).c_str());
  return false;
}

/// All mail of one kind; faults of single files are told and the rest is judged.
bool take_mail(const std::vector<std::string>& paths, const char* flag,
               std::vector<rule_tools::MailPlace>& out, int& exit_code) {
  auto list = find_mail(paths, exit_code);
  if (!list) return false;
  for (const std::string& one : list->unreadable)
    std::fprintf(stderr, "gatepost: warning: %s: left out\n", one.c_str());
  if (list->unreadable_count > list->unreadable.size())
    std::fprintf(stderr, "gatepost: warning: %zu more files left out\n",
                 list->unreadable_count - list->unreadable.size());
  out = std::move(list->mail);
  if (!out.empty()) return true;
  std::fprintf(stderr,
               "gatepost: %s: there is no message, expected .eml files, a maildir or an mbox\n",
               flag);
  exit_code = kNoInput;
  return false;
}

int backtest(const Options& options) {
  int exit_code = kOk;
  const auto loaded = load_rule_files(options, exit_code, true);
  if (!loaded) return exit_code;
  std::optional<LoadedFiles> old;
  if (!options.against.empty()) {
    old = load_rule_files(options.against, loaded->configuration, exit_code);
    if (!old) return exit_code;
  }
  BacktestInput input;
  if (!take_mail(options.ham, "--ham", input.ham, exit_code) ||
      !take_mail(options.spam, "--spam", input.spam, exit_code)) {
    return exit_code;
  }
  const auto now = make_judge(*loaded, "Compiling rules", exit_code);
  if (!now) return exit_code;
  const auto before = old ? make_judge(*old, "Compiling the rules before", exit_code) : nullptr;
  if (old && !before) return exit_code;
  input.now = now.get();
  input.before = before.get();
  input.time = time_of(options.common);
  input.threads = options.threads;
  const StopOnInterrupt interrupt;
  const BacktestResult result = [&] {
    std::atomic<std::size_t> done{0};
    const Progress progress("Judging mail", done, input.ham.size() + input.spam.size());
    return rule_tools::run_backtest(input, done, interrupt.stopped());
  }();
  if (interrupt.stopped())
    std::fprintf(stderr, "gatepost: interrupted: %zu of %zu messages were judged\n",
                 result.judged.all(), input.ham.size() + input.spam.size());
  if (!options.report.empty() && !write_report(options, input, result, loaded->names)) return 73;
  if (options.common.json)
    std::printf("%s\n", to_json(input, result).dump(2).c_str());
  else
    print(options, input, result);
  return kOk;
}

}  // namespace

void add_rules_backtest(CLI::App& rules, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app =
      rules.add_subcommand("backtest", "judge sorted mail by rules, and compare with others");
  options->common.add_to(*app);
  app->add_option("--ham", options->ham,
                  "legitimate mail: files, maildirs, mbox files, folders (repeatable)")
      ->required()
      ->allow_extra_args(false);
  app->add_option("--spam", options->spam, "spam, in the same forms (repeatable)")
      ->required()
      ->allow_extra_args(false);
  app->add_option("--against", options->against,
                  "the rules before: what changes between them (a file or folder, repeatable)")
      ->allow_extra_args(false);
  app->add_option("--report", options->report, "also write a page in HTML to this file");
  app->add_option("--threads", options->threads, "threads; 0: one for each processor")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app->add_option("--top", options->top, "how many rules and messages are shown; 0: all")
      ->capture_default_str();
  app->add_option("files", options->files, "the same as --rules for each");
  app->callback([options, &exit_code] { exit_code = backtest(*options); });
}

}  // namespace gatepost::command
