#include "rules/compile.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

#include <hs/hs.h>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "rules/cache.h"
#include "rules/codec.h"
#include "rules/job_runner.h"
#include "rules/matcher.h"
#include "rules/needed_text.h"

namespace gatepost::rules {
namespace {

// What one database holds is chunk_size patterns, or so many times that.
constexpr std::size_t kLightFactor = 8;
constexpr std::size_t kLiteralFactor = 80;
// A pattern with a word of so many octets, and not many states, costs its word alone.
constexpr std::size_t kLongWord = 5;
constexpr std::size_t kFewStates = 64;
// Fewer of one kind are not worth a database of their own.
constexpr std::size_t kFew = 16;
// Patterns of many octets, and how many of them one database holds.
constexpr std::size_t kHuge = 4096;
constexpr std::size_t kHugeOnes = 16;
constexpr std::uint32_t kBehindAll = std::numeric_limits<std::uint32_t>::max();

bool has_flag(const Rule& rule, std::string_view flag) {
  const auto& others = rule.flags.others;
  return std::find(others.begin(), others.end(), flag) != others.end();
}

// Everything that a hit depends on, so that a record can name the rules it was made with.
std::string hash_of(const std::vector<Rule>& rules, const RuleSettings& settings) {
  Writer out;
  for (const Rule& rule : rules) {
    const Pattern& p = rule.pattern;
    const HeaderSelector& h = rule.header;
    out.text(rule.name);
    out.u8(static_cast<std::uint8_t>(rule.type));
    out.text(p.expression);
    out.u8((p.caseless ? 1 : 0) | (p.multiline ? 2 : 0) | (p.dotall ? 4 : 0) |
           (p.extended ? 8 : 0));
    out.text(h.name);
    out.u8(static_cast<std::uint8_t>(h.part));
    out.u8((h.exists ? 1 : 0) | (h.negated ? 2 : 0) | (h.if_unset ? 4 : 0));
    out.text(h.if_unset.value_or(""));
    out.u8(static_cast<std::uint8_t>(h.pick));
    out.u8(static_cast<std::uint8_t>(h.extract));
    out.text(rule.meta);
    for (const UriCondition& condition : rule.conditions) {
      out.u8(static_cast<std::uint8_t>(condition.target) | (condition.negated ? 0x80 : 0));
      out.text(condition.pattern.expression);
      out.u8((condition.pattern.caseless ? 1 : 0) | (condition.pattern.multiline ? 2 : 0) |
             (condition.pattern.dotall ? 4 : 0) | (condition.pattern.extended ? 8 : 0));
    }
    out.text(rule.eval.function);
    for (const std::string& argument : rule.eval.arguments) out.text(argument);
    out.u8(static_cast<std::uint8_t>(rule.eval.text));
    for (const double score : rule.scores) out.text(std::to_string(score));
    out.u8((rule.flags.multiple ? 1 : 0) | (rule.scored ? 2 : 0) |
           (has_flag(rule, "nosubject") ? 4 : 0));
    out.u32(static_cast<std::uint32_t>(rule.flags.max_hits));
    out.u8(static_cast<std::uint8_t>(rule.action));
    out.u8(rule.shadow ? 1 : 0);
    out.text(rule.category);
  }
  out.text(fingerprint(settings));
  return hex_encode(sha256(out.data()));
}

// A chunk on its way: which rules its patterns are of, and where it lies among the jobs.
struct PlannedChunk {
  std::uint32_t group = 0;
  std::vector<std::uint32_t> rules;
  std::size_t job = 0;
  std::size_t place = 0;
};

class Compiler {
 public:
  Compiler(const RuleFile& file, const CompileOptions& options) : file_(file), options_(options) {
    options_.score_set = std::clamp(options_.score_set, 0, 3);
    options_.chunk_size = std::max<std::size_t>(options_.chunk_size, 1);
  }

  Result<Compiled> run() {
    std::optional<Cache> cache;
    if (!options_.cache_directory.empty()) {
      auto opened = Cache::open(options_.cache_directory);
      if (!opened.ok()) return opened.error();
      cache = std::move(*opened);
    }
    take_rules();
    make_groups();
    make_chunks();
    const std::vector<Job> jobs = make_jobs();
    auto done = run_jobs(jobs, cache, options_);
    if (!done.ok()) return done.error();
    out_.stats.jobs = jobs.size();
    out_.stats.jobs_from_cache = done->from_cache;
    out_.stats.children = done->children;
    out_.stats.left = done->left;
    if (!reserve_block(done->outcomes)) return internal_error("no memory for the rule databases");
    for (const PlannedChunk& chunk : chunks_) {
      auto taken = take_outcome(chunk, done->outcomes[chunk.job][chunk.place]);
      if (!taken.ok()) return taken.error();
    }
    plan_the_metas();
    sort_diagnostics();
    for (std::string& complaint : done->complaints)
      out_.diagnostics.push_back({Diagnostic::Severity::warning, std::move(complaint), {}});
    for (const Diagnostic& d : out_.diagnostics) {
      if (d.severity == Diagnostic::Severity::error) return std::move(out_);
    }
    auto made = make_rule_set(std::move(parts_));
    if (!made.ok()) return made.error();
    out_.rules = std::move(*made);
    return std::move(out_);
  }

 private:
  Slot& slot(std::uint32_t rule) { return parts_.slots[rule]; }

  bool is_off(const Rule& rule) const {
    // Without network tests there are no answers that such an eval could have.
    const bool without_network = options_.score_set % 2 == 0;
    if (without_network && rule.type == RuleType::eval && has_flag(rule, "net")) return true;
    return rule.scored && !rule.is_subrule() && rule.scores[options_.score_set] == 0;
  }

  void take_rules() {
    parts_.rules = file_.rules;
    parts_.limits = options_.match;
    parts_.hash = hash_of(parts_.rules, file_.settings);
    parts_.settings = std::make_shared<const PreparedSettings>(file_.settings);
    parts_.slots = std::make_unique<Slot[]>(parts_.rules.size());
    for (std::uint32_t i = 0; i < parts_.rules.size(); ++i) {
      const Rule& rule = parts_.rules[i];
      Slot& s = slot(i);
      s.negated = (rule.type == RuleType::header || rule.type == RuleType::mimeheader ||
                   is_stage(rule.type)) &&
                  rule.header.negated;
      // What does not match cannot do so several times.
      s.multiple = rule.flags.multiple && !s.negated && rule.has_pattern() && !is_stage(rule.type);
      if (s.multiple)
        s.most = rule.flags.max_hits > 0 ? rule.flags.max_hits : std::numeric_limits<int>::max();
      s.skip_subject = rule.type == RuleType::body && has_flag(rule, "nosubject");
      s.can_wait = rule.is_subrule() && !s.negated && !is_stage(rule.type);
    }
  }

  // Rules that look at one text stand together; header groups in the order of their selectors.
  void make_groups() {
    using Selector = std::tuple<std::string, HeaderSelector::Part, HeaderSelector::Pick,
                                HeaderSelector::Extract>;
    std::map<std::tuple<Selector, std::string>, std::vector<std::uint32_t>> headers;
    std::map<std::tuple<std::string, bool, std::string>, std::vector<std::uint32_t>> mime;
    std::map<std::pair<RuleType, std::string>, std::vector<std::uint32_t>> stages;
    for (std::uint32_t i = 0; i < parts_.rules.size(); ++i) {
      const Rule& rule = parts_.rules[i];
      if (is_off(rule)) continue;
      switch (rule.type) {
        case RuleType::body:
          members_[kBody].push_back(i);
          break;
        case RuleType::rawbody:
          members_[kRawbody].push_back(i);
          break;
        case RuleType::uri:
          members_[kUri].push_back(i);
          break;
        case RuleType::full:
          members_[kFull].push_back(i);
          break;
        case RuleType::header: {
          const HeaderSelector& h = rule.header;
          headers[{Selector(selector_name(h.name), h.part, h.pick, h.extract),
                   h.if_unset.value_or("")}]
              .push_back(i);
          break;
        }
        case RuleType::mimeheader:
          mime[{selector_name(rule.header.name), rule.header.part == HeaderSelector::Part::raw,
                rule.header.if_unset.value_or("")}]
              .push_back(i);
          break;
        case RuleType::uri_detail:
          parts_.uri_details.push_back({i, std::make_unique<LazyRegex[]>(rule.conditions.size())});
          break;
        case RuleType::eval:
          take_eval(i);
          break;
        case RuleType::connect:
        case RuleType::helo:
        case RuleType::mail:
        case RuleType::rcpt:
          stages[{rule.type, rule.header.name}].push_back(i);
          break;
        case RuleType::meta:
          break;
      }
    }
    std::optional<Selector> last;
    for (auto& [key, rules] : headers) {
      const auto& [selector, unset] = key;
      if (last != selector) {
        HeaderSelector h;
        std::tie(h.name, h.part, h.pick, h.extract) = selector;
        parts_.selectors.emplace_back(h);
        last = selector;
      }
      HeaderGroup& group = parts_.headers.emplace_back();
      group.selector = static_cast<std::uint32_t>(parts_.selectors.size() - 1);
      group.unset = unset;
      if (std::get<0>(selector).starts_with("ALL"))
        whole_headers_.push_back(static_cast<std::uint32_t>(members_.size()));
      members_.push_back(note_header_rules(group, rules));
    }
    for (auto& [key, rules] : mime) {
      MimeHeaderGroup& group = parts_.mime_headers.emplace_back();
      std::tie(group.name, group.raw, group.unset) = key;
      for (const std::uint32_t rule : rules) {
        if (slot(rule).negated) group.negated.push_back(rule);
      }
      members_.push_back(std::move(rules));
    }
    for (auto& [key, rules] : stages) make_stage_group(key.first, key.second, std::move(rules));
  }

  void make_stage_group(RuleType stage, const std::string& name, std::vector<std::uint32_t> rules) {
    const auto field = find_stage_field(name);
    if (!field) return;  // such a rule is not of a parsed file
    StageGroup& group = parts_.stages.emplace_back();
    group.stage = stage;
    group.field = *field;
    for (const std::uint32_t rule : rules) {
      if (slot(rule).negated) group.negated.push_back(rule);
    }
    members_.push_back(std::move(rules));
  }

  void take_eval(std::uint32_t rule) {
    const EvalCall& call = parts_.rules[rule].eval;
    const EvalFunction* function = find_eval(call.function);
    if (function == nullptr) return;  // such a rule is not of a parsed file
    parts_.evals.push_back({rule, function, is_answered_by_findings(call.function),
                            std::make_unique<const EvalArguments>(call, function->signature)});
  }

  // ALL, ALL-TRUSTED and the like, and MESSAGEID are no field names, in this spelling alone.
  static std::string selector_name(const std::string& name) {
    return name.starts_with("ALL") || name == "MESSAGEID" ? name : to_lower(name);
  }

  // @return those that have a pattern.
  std::vector<std::uint32_t> note_header_rules(HeaderGroup& group,
                                               const std::vector<std::uint32_t>& rules) {
    std::vector<std::uint32_t> with_pattern;
    for (const std::uint32_t rule : rules) {
      const bool negated = slot(rule).negated;
      if (parts_.rules[rule].header.exists) {
        (negated ? group.missing : group.exists).push_back(rule);
        slot(rule).negated = false;
        continue;
      }
      if (negated) group.negated.push_back(rule);
      with_pattern.push_back(rule);
    }
    return with_pattern;
  }

  static void append(std::vector<std::uint32_t>& to, std::vector<std::uint32_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
    from.clear();
  }

  static bool has_long_word(const Expression& expression) {
    const auto needed = needed_text(expression);
    return needed && !needed->words.empty() && needed->states <= kFewStates &&
           std::all_of(needed->words.begin(), needed->words.end(),
                       [](const std::string& word) { return word.size() >= kLongWord; });
  }

  // A rule's chunk depends on its own text and on how many there are: an edit of one rule compiles
  // one chunk, not all behind it.
  void make_chunks() {
    for (std::uint32_t g = 0; g < members_.size(); ++g) {
      std::vector<std::uint32_t> literal;
      std::vector<std::uint32_t> light;
      std::vector<std::uint32_t> heavy;
      std::vector<std::uint32_t> huge;  // tags make such
      for (const std::uint32_t rule : members_[g]) {
        const Expression expression = expression_of(parts_.rules[rule].pattern);
        auto& kind = expression.text.size() > kHuge          ? huge
                     : has_long_word(expression)             ? literal
                     : traits_of(expression).has_wide_repeat ? heavy
                                                             : light;
        kind.push_back(rule);
      }
      const bool few = literal.size() + light.size() + heavy.size() <= options_.chunk_size;
      if (few || heavy.size() < kFew) append(light, heavy);
      if (few || light.size() < kFew) append(literal, light);
      spread(g, literal, options_.chunk_size * kLiteralFactor);
      spread(g, light, options_.chunk_size * kLightFactor);
      spread(g, heavy, options_.chunk_size);
      spread(g, huge, std::min(options_.chunk_size, kHugeOnes));
    }
  }

  void spread(std::uint32_t group, const std::vector<std::uint32_t>& rules, std::size_t size) {
    if (rules.empty()) return;
    const std::size_t count = (rules.size() + size - 1) / size;
    std::vector<PlannedChunk> chunks(count);
    for (const std::uint32_t rule : rules) {
      const std::size_t at = FieldIndex::hash_of(parts_.rules[rule].pattern.expression) % count;
      chunks[at].rules.push_back(rule);
    }
    for (PlannedChunk& chunk : chunks) {
      chunk.group = group;
      if (!chunk.rules.empty()) chunks_.push_back(std::move(chunk));
    }
  }

  PatternInput input_of(std::uint32_t rule, std::uint32_t group) {
    PatternInput input;
    input.expression = expression_of(parts_.rules[rule].pattern);
    input.plain = options_.plain;
    input.can_wait = slot(rule).can_wait;
    const std::size_t first_mime = kFirstHeader + parts_.headers.size();
    input.in_pieces =
        group < kFull || (group >= first_mime && group < first_mime + parts_.mime_headers.size());
    input.every_match = input.in_pieces && (slot(rule).multiple || slot(rule).skip_subject);
    return input;
  }

  bool is_long_text(std::uint32_t group) const {
    return group < kFirstHeader ||
           std::binary_search(whole_headers_.begin(), whole_headers_.end(), group);
  }

  // Small chunks share a child, so that a hundred selectors are not a hundred processes.
  std::vector<Job> make_jobs() {
    std::vector<Job> jobs;
    std::size_t room = 0;
    for (PlannedChunk& planned : chunks_) {
      Chunk chunk;
      chunk.long_text = is_long_text(planned.group);
      for (const std::uint32_t rule : planned.rules)
        chunk.patterns.push_back(input_of(rule, planned.group));
      if (jobs.empty() || chunk.patterns.size() > room) {
        jobs.emplace_back();
        room = std::max(options_.chunk_size, chunk.patterns.size());
      }
      room -= chunk.patterns.size();
      planned.job = jobs.size() - 1;
      planned.place = jobs.back().size();
      jobs.back().push_back(std::move(chunk));
    }
    return jobs;
  }

  Group& group(std::uint32_t number) {
    switch (number) {
      case kBody:
        return parts_.body;
      case kRawbody:
        return parts_.rawbody;
      case kUri:
        return parts_.uri;
      case kFull:
        return parts_.full;
      default:
        break;
    }
    number -= kFirstHeader;
    if (number < parts_.headers.size()) return parts_.headers[number].rules;
    number -= static_cast<std::uint32_t>(parts_.headers.size());
    if (number < parts_.mime_headers.size()) return parts_.mime_headers[number].rules;
    return parts_.stages[number - parts_.mime_headers.size()].rules;
  }

  // 0 for what is no database.
  static std::size_t size_of(const ChunkPart& part) {
    std::size_t size = 0;
    const bool known = !part.database.empty() &&
                       hs_serialized_database_size(part.database.data(), part.database.size(),
                                                   &size) == HS_SUCCESS;
    return known ? size : 0;
  }

  bool reserve_block(const std::vector<JobOutcome>& outcomes) {
    std::size_t size = 0;
    for (const PlannedChunk& chunk : chunks_) {
      for (const ChunkPart& part : outcomes[chunk.job][chunk.place].parts)
        size += DatabaseBlock::rounded(size_of(part));
    }
    return parts_.block.reserve(size);
  }

  Result<void> take_outcome(const PlannedChunk& chunk, const ChunkOutcome& outcome) {
    Group& where = group(chunk.group);
    for (std::size_t i = 0; i < chunk.rules.size(); ++i)
      take_pattern(where, chunk.rules[i], outcome.patterns[i]);
    for (const ChunkPart& part : outcome.parts) {
      if (!part.note.empty()) note_failure(chunk, part);
      if (part.database.empty()) continue;
      void* const place = parts_.block.take(size_of(part));
      auto* const database = static_cast<hs_database_t*>(place);
      if (place == nullptr || hs_deserialize_database_at(part.database.data(), part.database.size(),
                                                         database) != HS_SUCCESS) {
        return internal_error("a compiled rule database cannot be loaded");
      }
      Database& loaded = where.databases.emplace_back();
      loaded.database = database;
      loaded.rules.assign(chunk.rules.begin() + part.first,
                          chunk.rules.begin() + part.first + part.count);
      ++out_.stats.databases;
      out_.stats.database_octets += part.database.size();
    }
    return {};
  }

  void take_pattern(Group& where, std::uint32_t rule, const PatternOutcome& outcome) {
    slot(rule).route = outcome.route;
    slot(rule).least_reports = outcome.least_reports;
    const Place place = parts_.rules[rule].pattern.place_at(outcome.offset);
    const std::string what = parts_.rules[rule].name + ": " + outcome.problem;
    switch (outcome.route) {
      case Route::exact:
        ++out_.stats.exact;
        break;
      case Route::confirm:
        ++out_.stats.confirmed;
        break;
      case Route::counted:
        count_pattern(where, rule);
        break;
      case Route::spelled:
        ++out_.stats.spelled;
        where.letters.add(rule, spelled_words(expression_of(parts_.rules[rule].pattern)));
        break;
      case Route::pcre_only:
        ++out_.stats.pcre_only;
        where.pcre_only.push_back(rule);
        break;
      case Route::invalid:
        say(rule, Diagnostic::Severity::error, what, place);
        break;
      case Route::unsupported:
        say(rule, Diagnostic::Severity::unsupported, what, place);
        break;
    }
  }

  void count_pattern(Group& where, std::uint32_t rule) {
    auto sequences = SequenceCount::make(expression_of(parts_.rules[rule].pattern));
    if (!sequences) {  // an outcome that another version kept
      ++out_.stats.pcre_only;
      return where.pcre_only.push_back(rule);
    }
    ++out_.stats.counted;
    where.counted.push_back({rule, std::move(*sequences)});
  }

  void note_failure(const PlannedChunk& chunk, const ChunkPart& part) {
    const std::uint32_t first = chunk.rules[part.first];
    const std::uint32_t last = chunk.rules[part.first + part.count - 1];
    std::string names = parts_.rules[first].name;
    if (part.count > 1) {
      names += " and " + std::to_string(part.count - 1) + " more up to " + parts_.rules[last].name;
    }
    say(first, Diagnostic::Severity::warning,
        "Hyperscan's compiler " + part.note + ": PCRE2 alone runs " + names + ", which is slow",
        parts_.rules[first].pattern.place);
  }

  void plan_the_metas() {
    MetaPlan plan = plan_metas(file_);
    for (MetaPlan::Meta& meta : plan.metas) {
      if (!is_off(parts_.rules[meta.rule])) parts_.metas.push_back(std::move(meta));
    }
    for (Diagnostic& d : plan.diagnostics) {
      const bool known =
          std::any_of(file_.diagnostics.begin(), file_.diagnostics.end(),
                      [&](const Diagnostic& o) { return o.what == d.what && o.place == d.place; });
      if (!known) say(kBehindAll, d.severity, std::move(d.what), std::move(d.place));
    }
  }

  void say(std::uint32_t rule, Diagnostic::Severity severity, std::string what, Place place) {
    order_.push_back(rule);
    out_.diagnostics.push_back({severity, std::move(what), std::move(place)});
  }

  // By rule; the metas' stand behind, in their own order.
  void sort_diagnostics() {
    std::vector<std::size_t> by(out_.diagnostics.size());
    std::iota(by.begin(), by.end(), 0);
    std::stable_sort(by.begin(), by.end(),
                     [&](std::size_t a, std::size_t b) { return order_[a] < order_[b]; });
    std::vector<Diagnostic> sorted;
    sorted.reserve(by.size());
    for (const std::size_t i : by) sorted.push_back(std::move(out_.diagnostics[i]));
    out_.diagnostics = std::move(sorted);
  }

  const RuleFile& file_;
  CompileOptions options_;
  RuleSetParts parts_;
  // By group: the first four, then the groups of headers, those of mimeheader, those of stages.
  static constexpr std::uint32_t kBody = 0, kRawbody = 1, kUri = 2, kFull = 3, kFirstHeader = 4;
  std::vector<std::vector<std::uint32_t>> members_{kFirstHeader};
  std::vector<std::uint32_t> whole_headers_;  // groups of ALL and its like
  std::vector<PlannedChunk> chunks_;
  std::vector<std::uint32_t> order_;  // by diagnostic
  Compiled out_;
};

}  // namespace

std::string content_hash(const RuleFile& file) {
  return hash_of(file.rules, file.settings);
}

Result<Compiled> compile(const RuleFile& file, const CompileOptions& options) {
  return Compiler(file, options).run();
}

}  // namespace gatepost::rules
