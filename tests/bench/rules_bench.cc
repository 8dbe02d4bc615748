// A message against rules, beside what Hyperscan alone takes for the same texts and patterns: each
// row ends with the ratio that counts. Arguments: octets of the body, rules.

#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <hs/hs.h>

#include "rules/compile.h"
#include "rules/pattern.h"

namespace {

using namespace gatepost;

const char* const kWords[] = {
    "account", "invoice", "delivery", "the",     "please", "quarter", "meeting", "report", "for",
    "with",    "payment", "transfer", "holiday", "offer",  "click",   "verify",  "update", "and",
    "from",    "project", "schedule", "team",    "review", "budget",  "you",     "have",   "new"};

// Shapes as rule writers use them: words, gaps, obfuscation, alternatives, addresses, looks.
rules::Rule rule_of(int i, rules::RuleType type) {
  rules::Rule rule;
  rule.name = "R" + std::to_string(i);
  rule.type = type;
  rule.pattern.caseless = true;
  const std::string n = std::to_string(i);
  switch (i % 8) {
    case 0:
      rule.pattern.expression = "\\bspamword" + n + "\\b";
      break;
    case 1:
      rule.pattern.expression = "cheap.{0,30}pills" + n;
      break;
    case 2:
      rule.pattern.expression = "v[i1l!|]agr[a4@] ?" + n;
      break;
    case 3:
      rule.pattern.expression = "(?:win|won|claim) (?:a|your) prize" + n;
      break;
    case 4:
      rule.pattern.expression = "https?://[^\\s/]{1,40}\\.bad" + n + "\\.example/";
      break;
    case 5:
      rule.pattern.expression = "transfer\\s+of\\s+" + n + "\\s+million";
      break;
    case 6:
      rule.pattern.expression = "dear friend" + n + "(?! of)";
      break;
    default:
      rule.pattern.expression = "limited time offer number " + n;
      break;
  }
  return rule;
}

rules::RuleFile rules_of(int count) {
  rules::RuleFile file;
  for (int i = 0; i < count; ++i) {
    // Half of them body, a quarter header, the rest rawbody and full.
    const int kind = (i / 8) % 8;
    const auto type = kind < 4   ? rules::RuleType::body
                      : kind < 6 ? rules::RuleType::header
                      : kind < 7 ? rules::RuleType::rawbody
                                 : rules::RuleType::full;
    rules::Rule rule = rule_of(i, type);
    if (type == rules::RuleType::header) {
      const char* const names[] = {"Subject", "From", "Received", "X-Mailer", "Message-Id", "To"};
      rule.header.name = names[i % 6];
    }
    file.rules.push_back(std::move(rule));
  }
  return file;
}

struct Sample {
  std::vector<mail::HeaderField> fields;
  mail::Content content;
};

Sample sample_of(std::size_t octets) {
  std::mt19937 random(7);
  Sample out;
  for (int i = 0; i < 6; ++i)
    out.fields.push_back({"Received", " from host" + std::to_string(i) +
                                          ".example (1.2.3.4)\r\n\tby mx.example; Mon, 5 Jan"});
  for (const char* name : {"From", "To", "Subject", "Message-Id", "Date", "MIME-Version"})
    out.fields.push_back({name, " Some Person <person@example.com>"});
  std::string paragraph;
  std::size_t size = 0;
  const auto flush = [&](mail::PieceText& text) {
    const auto begin = static_cast<std::uint32_t>(text.text.size());
    text.text += paragraph;
    text.pieces.push_back({begin, static_cast<std::uint32_t>(text.text.size())});
    text.text += '\n';
  };
  while (size < octets) {
    paragraph.clear();
    const std::size_t length = 80 + random() % 400;
    while (paragraph.size() < length)
      paragraph.append(kWords[random() % std::size(kWords)]).append(" ");
    size += paragraph.size();
    flush(out.content.body);
    flush(out.content.rawbody);
    out.content.full += paragraph + "\n";
  }
  return out;
}

std::shared_ptr<const rules::RuleSet> set_of(int count) {
  static std::map<int, std::shared_ptr<const rules::RuleSet>> made;
  auto& set = made[count];
  if (!set) set = rules::compile(rules_of(count), {})->rules;
  return set;
}

// Hyperscan with the same patterns on the same texts, one database a text and no result kept. What
// it does not take exactly it has as an approximation, as the engine does.
class Raw {
 public:
  explicit Raw(int count) {
    for (const rules::RuleType type :
         {rules::RuleType::body, rules::RuleType::rawbody, rules::RuleType::full}) {
      std::vector<rules::PatternPlan> plans;
      for (const rules::Rule& rule : rules_of(count).rules) {
        if (rule.type != type) continue;
        plans.push_back(rules::plan_pattern({{rule.pattern.expression, true}, false, false}));
      }
      add(plans);
    }
    std::map<std::string, std::vector<rules::PatternPlan>> by_name;
    for (const rules::Rule& rule : rules_of(count).rules) {
      if (rule.type == rules::RuleType::header)
        by_name[rule.header.name].push_back(
            rules::plan_pattern({{rule.pattern.expression, true}, false, false}));
    }
    for (const auto& [name, plans] : by_name) {
      add(plans);
      header_names_.push_back(name);
    }
  }
  ~Raw() {
    for (hs_database_t* database : databases_) hs_free_database(database);
    hs_free_scratch(scratch_);
  }

  void scan(const Sample& sample, const std::vector<std::string>& headers) const {
    one(0, sample.content.body.text);
    one(1, sample.content.rawbody.text);
    one(2, sample.content.full);
    for (std::size_t i = 0; i < headers.size(); ++i) one(3 + i, headers[i]);
  }

  std::vector<std::string> headers_of(const Sample& sample) const {
    std::vector<std::string> out;
    for (const std::string& name : header_names_) {
      std::string& text = out.emplace_back();
      for (const auto& field : sample.fields) {
        if (field.name == name) text += field.value + "\n";
      }
    }
    return out;
  }

 private:
  void add(const std::vector<rules::PatternPlan>& plans) {
    std::vector<const char*> expressions;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;
    for (const rules::PatternPlan& plan : plans) {
      expressions.push_back(plan.hs_expression.c_str());
      flags.push_back(plan.hs_flags);
      ids.push_back(static_cast<unsigned>(ids.size()));
    }
    hs_database_t* database = nullptr;
    hs_compile_error_t* error = nullptr;
    hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                     static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, nullptr, &database, &error);
    databases_.push_back(database);
    hs_alloc_scratch(database, &scratch_);
  }

  void one(std::size_t i, const std::string& text) const {
    hs_scan(
        databases_[i], text.data(), static_cast<unsigned>(text.size()), 0, scratch_,
        [](unsigned, unsigned long long, unsigned long long, unsigned, void*) { return 0; },
        nullptr);
  }

  std::vector<hs_database_t*> databases_;
  std::vector<std::string> header_names_;
  hs_scratch_t* scratch_ = nullptr;
};

// Both in turns within one run, so that what else the machine does falls on both.
void match(benchmark::State& state) {
  const auto set = set_of(static_cast<int>(state.range(1)));
  static std::map<int, std::unique_ptr<Raw>> raws;
  auto& raw = raws[static_cast<int>(state.range(1))];
  if (!raw) raw = std::make_unique<Raw>(static_cast<int>(state.range(1)));
  const Sample sample = sample_of(static_cast<std::size_t>(state.range(0)));
  const auto headers = raw->headers_of(sample);
  std::chrono::nanoseconds engine{};
  std::chrono::nanoseconds hyperscan{};
  std::size_t hits = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    hits += set->match({sample.fields, sample.content, "a@example.com"}).hits.size();
    const auto middle = std::chrono::steady_clock::now();
    raw->scan(sample, headers);
    const auto end = std::chrono::steady_clock::now();
    engine += middle - start;
    hyperscan += end - middle;
    state.SetIterationTime(std::chrono::duration<double>(middle - start).count());
  }
  const auto runs = static_cast<double>(state.iterations());
  state.counters["raw_us"] = static_cast<double>(hyperscan.count()) / runs / 1000;
  state.counters["ratio"] =
      static_cast<double>(engine.count()) / static_cast<double>(hyperscan.count());
  state.counters["hits"] = static_cast<double>(hits) / runs;
}
BENCHMARK(match)
    ->ArgNames({"octets", "rules"})
    ->ArgsProduct({{9 << 10, 60 << 10}, {200, 1000}})
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

// Why texts in pieces are scanned as one buffer: the same patterns, piece by piece.
void scan_body(benchmark::State& state) {
  const bool by_piece = state.range(2) != 0;
  std::vector<const char*> expressions;
  std::vector<std::string> texts;
  for (int i = 0; i < state.range(1); ++i)
    texts.push_back(rule_of(i, rules::RuleType::body).pattern.expression);
  std::vector<unsigned> flags(texts.size(), HS_FLAG_CASELESS | HS_FLAG_PREFILTER);
  std::vector<unsigned> ids;
  for (const std::string& text : texts) {
    expressions.push_back(text.c_str());
    ids.push_back(static_cast<unsigned>(ids.size()));
  }
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()),
                   HS_MODE_BLOCK, nullptr, &database, &error);
  hs_scratch_t* scratch = nullptr;
  hs_alloc_scratch(database, &scratch);
  const auto ignore = [](unsigned, unsigned long long, unsigned long long, unsigned, void*) {
    return 0;
  };
  const Sample sample = sample_of(static_cast<std::size_t>(state.range(0)));
  const mail::PieceText& body = sample.content.body;
  for (auto _ : state) {
    if (!by_piece) {
      hs_scan(database, body.text.data(), static_cast<unsigned>(body.text.size()), 0, scratch,
              ignore, nullptr);
      continue;
    }
    for (const auto& piece : body.pieces)
      hs_scan(database, body.text.data() + piece.begin, piece.end - piece.begin, 0, scratch, ignore,
              nullptr);
  }
  hs_free_scratch(scratch);
  hs_free_database(database);
}
BENCHMARK(scan_body)
    ->ArgNames({"octets", "rules", "by_piece"})
    ->ArgsProduct({{9 << 10, 60 << 10}, {200, 1000}, {0, 1}})
    ->Unit(benchmark::kMicrosecond);

// A start with everything in the cache.
void load_from_cache(benchmark::State& state) {
  const rules::RuleFile file = rules_of(static_cast<int>(state.range(0)));
  std::string folder = "/tmp/gatepost-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return state.SkipWithError("no temporary folder");
  rules::CompileOptions options;
  options.cache_directory = folder;
  (void)rules::compile(file, options);
  for (auto _ : state) benchmark::DoNotOptimize(rules::compile(file, options));
  std::filesystem::remove_all(folder);
}
BENCHMARK(load_from_cache)->Arg(1000)->Arg(3000)->Unit(benchmark::kMillisecond);

}  // namespace
