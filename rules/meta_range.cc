#include "rules/meta_range.h"

#include <algorithm>
#include <optional>

namespace gatepost::rules {
namespace {

// Of one rule, of the combinations of one meta, of operations for all.
constexpr std::size_t kMaxValues = 12;
constexpr std::size_t kMaxCombinations = 4096;
constexpr std::size_t kMaxSteps = 50'000'000;

class Ranges {
 public:
  Ranges(const RuleFile& file, const MetaPlan& plan, std::size_t score_set)
      : file_(file), plan_(plan), score_set_(score_set), counts_(file.rules.size()) {
    values_.reserve(file.rules.size());
    for (const Rule& rule : file.rules) values_.push_back(start_values(rule));
  }

  std::vector<MetaRange> run() {
    std::vector<MetaRange> out;
    for (const MetaPlan::Meta& meta : plan_.metas) {
      Values values = results(meta.program);
      MetaRange range = MetaRange::open;
      if (values.size() == 1 && values[0] == 0) range = MetaRange::never;
      if (!values.empty() && std::find(values.begin(), values.end(), 0.0) == values.end())
        range = MetaRange::always;
      out.push_back(range);
      // Other metas see what it counts, and that is nothing when it is off.
      if (!is_off(file_.rules[meta.rule])) values_[meta.rule] = std::move(values);
    }
    return out;
  }

 private:
  using Values = std::vector<double>;  // empty: not known

  bool is_off(const Rule& rule) const {
    return !rule.is_subrule() && rule.scored && rule.scores[score_set_] == 0;
  }

  Values start_values(const Rule& rule) const {
    if (is_off(rule)) return {0};
    if (rule.type == RuleType::meta) return {};
    if (!rule.flags.multiple || !rule.has_pattern() || rule.header.negated) return {0, 1};
    Values out;
    if (rule.flags.max_hits <= 0 || static_cast<std::size_t>(rule.flags.max_hits) >= kMaxValues)
      return out;
    for (int hits = 0; hits <= rule.flags.max_hits; ++hits) out.push_back(hits);
    return out;
  }

  Values results(const MetaProgram& program) {
    const auto uses = program.uses();
    std::size_t combinations = 1;
    for (const std::uint32_t rule : uses) {
      combinations *= values_[rule].size();
      if (combinations == 0 || combinations > kMaxCombinations) return {};
    }
    steps_ += combinations * program.ops().size();
    if (steps_ > kMaxSteps) return {};
    Values out;
    std::vector<std::size_t> at(uses.size());
    for (const std::uint32_t rule : uses) counts_[rule] = values_[rule][0];
    for (std::size_t i = 0; i < combinations; ++i) {
      const double value = program.evaluate(counts_);
      if (std::find(out.begin(), out.end(), value) == out.end()) out.push_back(value);
      if (out.size() > kMaxValues) return {};
      next(uses, at);
    }
    return out;
  }

  // Counts up, as the digits of a number.
  void next(std::span<const std::uint32_t> uses, std::vector<std::size_t>& at) {
    for (std::size_t i = 0; i < uses.size(); ++i) {
      const Values& values = values_[uses[i]];
      at[i] = at[i] + 1 == values.size() ? 0 : at[i] + 1;
      counts_[uses[i]] = values[at[i]];
      if (at[i] != 0) return;
    }
  }

  const RuleFile& file_;
  const MetaPlan& plan_;
  const std::size_t score_set_;
  std::vector<Values> values_;  // by rule
  std::vector<double> counts_;
  std::size_t steps_ = 0;
};

}  // namespace

std::vector<MetaRange> meta_ranges(const RuleFile& file, const MetaPlan& plan,
                                   std::size_t score_set) {
  return Ranges(file, plan, score_set).run();
}

}  // namespace gatepost::rules
