// bench_content_stage --rules FOLDER --list FILE --cache FOLDER [--rounds N] [--reloads N]
// bench_content_stage --literals --list FILE --cache FOLDER
// bench_content_stage --costs N --rules FOLDER --list FILE --cache FOLDER
//
// The content stage in this process: one message's view, addresses and hits, each message of the
// list in turn. Beside it Hyperscan alone on what it was given for the same message: each call of
// hs_scan is noted once, then made again with a callback that does nothing. Prints one JSON object;
// times in microseconds unless their name says otherwise.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <hs/hs.h>
#include <nlohmann/json.hpp>

#include "core/mail/view.h"
#include "rules/chunk.h"
#include "rules/compile.h"
#include "rules/parse.h"
#include "tests/bench/content/calls.h"
#include "tests/core/mail/content_support.h"

namespace {

using namespace gatepost;
using Clock = std::chrono::steady_clock;

using bench::Call;

double us(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double rss_mb() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) * 1.024 / 1000;
  }
  return 0;
}

rules::RuleFile read_rules(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".cf") names.push_back(entry.path());
  }
  std::sort(names.begin(), names.end());
  std::vector<rules::Source> sources;
  for (const auto& name : names) sources.push_back({name, test::read_file(name)});
  rules::ParseOptions how;
  how.features = {"Mail::SpamAssassin::Conf::compat_welcomelist_blocklist"};
  return rules::parse(sources, how);
}

std::shared_ptr<const rules::RuleSet> compile(const rules::RuleFile& file, const std::string& cache,
                                              bool plain = false) {
  rules::CompileOptions how;
  how.cache_directory = cache;
  how.score_set = 0;
  how.plain = plain;
  how.helper = {"/proc/self/exe", {"--compile-rules"}};
  auto made = rules::compile(file, how);
  if (!made.ok() || !made->rules) {
    std::cerr << (made.ok() ? made->diagnostics.front().what : made.error().text()) << '\n';
    std::exit(78);
  }
  return made->rules;
}

struct Times {
  std::vector<double> view, urls, match;
};

// One message from its octets in memory to its hits.
std::size_t run(const rules::RuleSet& set, const mail::UrlSettings& how,
                const mail::Message& message, Times& times) {
  const auto begin = Clock::now();
  auto view = mail::MessageView::open(message);
  if (!view.ok()) std::exit(70);
  rules::Subject subject{message.fields(), view->content(), "sender@example.com", false};
  subject.html = view->html();
  subject.want_subrules = false;
  const auto read = Clock::now();
  subject.urls = view->urls(how);
  const auto found = Clock::now();
  subject.now = 1764150000;
  const std::size_t hits = set.match(subject).hits.size();
  const auto end = Clock::now();
  times.view.push_back(us(read - begin));
  times.urls.push_back(us(found - read));
  times.match.push_back(us(end - found));
  return hits;
}

// What a set's patterns cost beside Hyperscan with the same patterns on the same texts: with the
// databases that the set has, and with those of a set in which Hyperscan has all that it holds.
struct Ratio {
  std::vector<double> ours, raw, plain;
};

std::vector<Call> calls_of(const rules::RuleSet& set, const rules::Subject& subject,
                           hs_scratch_t*& scratch) {
  std::vector<Call> calls;
  bench::noted = &calls;
  (void)set.match(subject);
  bench::noted = nullptr;
  for (const Call& call : calls) hs_alloc_scratch(call.database, &scratch);
  return calls;
}

double time_of(const std::vector<Call>& calls, hs_scratch_t* scratch) {
  const auto begin = Clock::now();
  for (const Call& call : calls) {
    bench::scan(
        call.database, call.text.data(), static_cast<unsigned>(call.text.size()), 0, scratch,
        [](unsigned, unsigned long long, unsigned long long, unsigned, void*) { return 0; },
        nullptr);
  }
  return us(Clock::now() - begin);
}

void beside_hyperscan(const rules::RuleSet& set, const rules::RuleSet& plain_set,
                      const mail::UrlSettings& how, const mail::Message& message,
                      hs_scratch_t*& scratch, Ratio& out) {
  auto view = mail::MessageView::open(message);
  if (!view.ok()) std::exit(70);
  rules::Subject subject{message.fields(), view->content(), "sender@example.com", false};
  subject.urls = view->urls(how);
  subject.html = view->html();
  subject.now = 1764150000;
  const std::vector<Call> calls = calls_of(set, subject, scratch);
  const std::vector<Call> plain_calls = calls_of(plain_set, subject, scratch);
  constexpr int kTurns = 5;  // the least of each, in turns
  double ours = 1e12;
  double raw = 1e12;
  double plain = 1e12;
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto begin = Clock::now();
    (void)set.match(subject);
    ours = std::min(ours, us(Clock::now() - begin));
    raw = std::min(raw, time_of(calls, scratch));
    plain = std::min(plain, time_of(plain_calls, scratch));
  }
  out.ours.push_back(ours);
  out.raw.push_back(raw);
  out.plain.push_back(plain);
}

rules::RuleFile patterns_alone(rules::RuleFile file) {
  std::erase_if(file.rules, [](const rules::Rule& rule) {
    return rule.type == rules::RuleType::eval || rule.type == rules::RuleType::meta;
  });
  return file;
}

struct Options {
  std::string rules, list, cache;
  int rounds = 5;
  int reloads = 0;
  int costs = 0;  // expressions to show
  bool literals = false;
};

std::vector<std::unique_ptr<mail::Message>> read_messages(const std::string& list) {
  std::vector<std::unique_ptr<mail::Message>> out;
  std::ifstream in(list);
  for (std::string name; std::getline(in, name);) {
    if (!std::filesystem::is_regular_file(name)) {
      std::cerr << name << ": no such message\n";
      std::exit(66);
    }
    out.push_back(test::message_of(test::read_file(name)));
  }
  return out;
}

nlohmann::json stage(const Options& options) {
  nlohmann::json out;
  std::vector<double> starts;
  std::vector<double> parses;
  rules::RuleFile file;
  std::shared_ptr<const rules::RuleSet> set;
  // The first one may have to compile.
  for (int i = 0; i < 6; ++i) {
    set = nullptr;
    const auto begin = Clock::now();
    file = read_rules(options.rules);
    parses.push_back(us(Clock::now() - begin) / 1000);
    set = compile(file, options.cache);
    starts.push_back(us(Clock::now() - begin) / 1000);
  }
  out["first_start_ms"] = starts.front();
  starts.erase(starts.begin());
  out["start_ms"] = median(starts);
  out["parse_ms"] = median(parses);
  out["rules"] = file.rules.size();

  const auto messages = read_messages(options.list);
  mail::UrlSettings how = set->url_settings();
  how.idn = false;
  Times warm;
  for (const auto& message : messages) run(*set, how, *message, warm);
  std::vector<double> view, urls, match, whole;
  std::size_t hits = 0;
  for (const auto& message : messages) {
    Times times;
    for (int round = 0; round < options.rounds; ++round) hits += run(*set, how, *message, times);
    view.push_back(median(times.view));
    urls.push_back(median(times.urls));
    match.push_back(median(times.match));
    whole.push_back(view.back() + urls.back() + match.back());
  }
  out["messages"] = messages.size();
  out["hits_per_message"] =
      static_cast<double>(hits) /
      static_cast<double>(messages.size() * static_cast<std::size_t>(options.rounds));
  out["median"] = {{"view", median(view)},
                   {"urls", median(urls)},
                   {"match", median(match)},
                   {"whole", median(whole)}};
  out["mean"] = {
      {"view", mean(view)}, {"urls", mean(urls)}, {"match", mean(match)}, {"whole", mean(whole)}};
  std::sort(whole.begin(), whole.end());
  out["p99_whole"] = whole[whole.size() * 99 / 100];
  out["rss_mb"] = rss_mb();

  const auto patterns = compile(patterns_alone(file), options.cache);
  const auto plain = compile(patterns_alone(file), options.cache, true);
  hs_scratch_t* scratch = nullptr;
  Ratio ratio;
  for (const auto& message : messages)
    beside_hyperscan(*patterns, *plain, how, *message, scratch, ratio);
  hs_free_scratch(scratch);
  out["patterns"] = {{"match_mean", mean(ratio.ours)},
                     {"hyperscan_mean", mean(ratio.raw)},
                     {"match_median", median(ratio.ours)},
                     {"hyperscan_median", median(ratio.raw)},
                     {"plain_mean", mean(ratio.plain)},
                     {"ratio", mean(ratio.ours) / mean(ratio.plain)},
                     {"ratio_same_databases", mean(ratio.ours) / mean(ratio.raw)}};
  if (options.reloads > 0) {
    const double before = rss_mb();
    for (int i = 0; i < options.reloads; ++i) {
      set = compile(read_rules(options.rules), options.cache);
      Times ignored;
      run(*set, set->url_settings(), *messages[static_cast<std::size_t>(i) % messages.size()],
          ignored);
    }
    out["reloads"] = {
        {"count", options.reloads}, {"rss_before_mb", before}, {"rss_after_mb", rss_mb()}};
  }
  return out;
}

// Which databases and which expressions the time goes to.
int costs(const Options& options) {
  const auto set = compile(read_rules(options.rules), options.cache);
  const auto messages = read_messages(options.list);
  mail::UrlSettings how = set->url_settings();
  how.idn = false;
  Times ignored;
  for (const auto& message : messages) run(*set, how, *message, ignored);
  bench::timed = true;
  for (const auto& message : messages) run(*set, how, *message, ignored);
  bench::timed = false;
  bench::print_costs(std::cout, static_cast<std::size_t>(options.costs), messages.size());
  return 0;
}

// ---- rules that begin with a literal ----

rules::RuleFile literal_rules(int count) {
  rules::RuleFile file;
  for (int i = 0; i < count; ++i) {
    rules::Rule rule;
    rule.name = "R" + std::to_string(i);
    rule.type = i % 4 == 3 ? rules::RuleType::rawbody : rules::RuleType::body;
    rule.pattern.caseless = true;
    // Letters that no two rules share, then what rule writers put behind a word.
    std::string word;
    for (int n = i + 7777, k = 0; k < 4; ++k, n /= 13) word += "bcdfghjklmnpr"[n % 13];
    const char* const tails[] = {"", "s?\\b", "\\s+(?:offer|deal)", ".{0,20}money", "ing (?!of)"};
    rule.pattern.expression = "word" + word + "al" + tails[i % 5];
    file.rules.push_back(std::move(rule));
  }
  return file;
}

nlohmann::json literals(const Options& options) {
  const auto messages = read_messages(options.list);
  const auto small = compile(literal_rules(1000), options.cache);
  const auto large = compile(literal_rules(10000), options.cache);
  std::vector<double> of_small, of_large;
  for (const auto& message : messages) {
    auto view = mail::MessageView::open(*message);
    if (!view.ok()) std::exit(70);
    const rules::Subject subject{message->fields(), view->content(), "sender@example.com", false};
    double least[2] = {1e12, 1e12};
    for (int turn = 0; turn < options.rounds; ++turn) {
      const auto begin = Clock::now();
      (void)small->match(subject);
      const auto middle = Clock::now();
      (void)large->match(subject);
      const auto end = Clock::now();
      least[0] = std::min(least[0], us(middle - begin));
      least[1] = std::min(least[1], us(end - middle));
    }
    of_small.push_back(least[0]);
    of_large.push_back(least[1]);
  }
  return {{"mean_1000", mean(of_small)},
          {"mean_10000", mean(of_large)},
          {"median_1000", median(of_small)},
          {"median_10000", median(of_large)},
          {"ratio", mean(of_large) / mean(of_small)}};
}

bool read_options(int argc, char** argv, Options& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--literals") {
      out.literals = true;
      continue;
    }
    if (i + 1 >= argc) return false;
    const std::string value = argv[++i];
    if (arg == "--rules")
      out.rules = value;
    else if (arg == "--list")
      out.list = value;
    else if (arg == "--cache")
      out.cache = value;
    else if (arg == "--rounds")
      out.rounds = std::atoi(value.c_str());
    else if (arg == "--costs")
      out.costs = std::atoi(value.c_str());
    else if (arg == "--reloads")
      out.reloads = std::atoi(value.c_str());
    else
      return false;
  }
  return !out.list.empty() && !out.cache.empty() && (out.literals || !out.rules.empty());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--compile-rules")
    return rules::compile_process_main();
  Options options;
  if (!read_options(argc, argv, options)) {
    std::cerr
        << "usage: bench_content_stage --rules FOLDER --list FILE --cache FOLDER [--rounds N] "
           "[--reloads N]\n       bench_content_stage --literals --list FILE --cache FOLDER\n";
    return 64;
  }
  if (options.costs > 0) return costs(options);
  std::cout << (options.literals ? literals(options) : stage(options)).dump(1) << '\n';
}
