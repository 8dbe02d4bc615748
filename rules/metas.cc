#include "rules/metas.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "rules/meta_triggers.h"
#include "rules/profile.h"

namespace gatepost::rules {
namespace {

void set_bit(std::vector<std::uint64_t>& bits, std::uint32_t at) {
  bits[at / 64] |= std::uint64_t{1} << at % 64;
}

void touch(MatchState& state, std::uint32_t rule, double value) {
  if (value == 0) return;
  state.touched.push_back({rule, kNowhere, kNowhere, {}});
  state.value[rule] = value;
}

}  // namespace

void Metas::build(std::span<const MetaPlan::Meta> metas, std::span<const Rule> rules) {
  std::vector<std::uint32_t> named(rules.size());
  std::vector<std::pair<std::uint32_t, std::uint32_t>> inputs, triggered;
  meta_of_.assign(rules.size(), kNoMeta);
  const auto counts_one = [&](std::uint32_t rule) {
    return rules[rule].type == RuleType::meta
               ? meta_of_[rule] == kNoMeta || is_plain_[meta_of_[rule]]
               : !rules[rule].flags.multiple;
  };
  for (std::uint32_t meta = 0; meta < metas.size(); ++meta) {
    const MetaPlan::Meta& one = metas[meta];
    code_.add(one.program);
    rules_.push_back(one.rule);
    is_subrule_.push_back(rules[one.rule].is_subrule());
    is_plain_.push_back(
        code_.is_logical(meta) &&
        std::all_of(one.program.uses().begin(), one.program.uses().end(), [&](std::uint32_t input) {
          return input < rules.size() && counts_one(input);
        }));
    meta_of_[one.rule] = meta;
    for (const std::uint32_t input : one.program.uses()) {
      if (input >= rules.size()) continue;  // names that no file defines
      inputs.emplace_back(meta, input);
      ++named[input];
    }
  }
  const std::vector<double> nothing(rules.size());
  for (std::uint32_t meta = 0; meta < metas.size(); ++meta) {
    if (code_.evaluate(meta, nothing) != 0) always_.push_back(meta);
    for (const std::uint32_t rule : meta_triggers(metas[meta].program, named)) {
      if (rule < rules.size()) triggered.emplace_back(rule, meta);
    }
  }
  inputs_ = {metas.size(), inputs};
  triggered_ = {rules.size(), triggered};
}

void Metas::want_triggered(MatchState& state, std::uint32_t rule) const {
  for (const std::uint32_t meta : triggered_[rule]) set_bit(state.wanted, meta);
}

void Metas::want_start(MatchState& state) const {
  for (const std::uint32_t meta : always_) set_bit(state.wanted, meta);
  for (const Touched& touched : state.touched) want_triggered(state, touched.rule);
}

template <class Take>
void Metas::each_wanted(MatchState& state, Take take) const {
  for (std::size_t word = 0; word <= rules_.size() / 64; ++word) {
    // Those that a meta makes wanted stand behind it.
    std::uint64_t& bits = state.wanted[word];
    while (bits != 0) {
      const std::size_t meta = 64 * word + static_cast<std::size_t>(std::countr_zero(bits));
      bits &= bits - 1;
      take(static_cast<std::uint32_t>(meta));
    }
  }
}

void Metas::compute(MatchState& state) const {
  const MetaTime time(state.profile);
  want_start(state);
  each_wanted(state, [&](std::uint32_t meta) {
    const double value = code_.evaluate(meta, state.value);
    if (value == 0) return;
    touch(state, rules_[meta], value);
    want_triggered(state, rules_[meta]);
  });
}

void Metas::compute(MatchState& state, std::span<const std::uint32_t> metas) const {
  for (const std::uint32_t meta : metas)
    touch(state, rules_[meta], code_.evaluate(meta, state.value));
}

CountRange Metas::range_of(const MatchState& state, std::uint32_t meta) const {
  return is_plain_[meta] ? code_.logical_range(meta, state.hits, state.open.bits())
                         : code_.range(meta, state.value, state.open);
}

// Opens the metas that cannot be told yet and notes them, in order.
void Metas::estimate(MatchState& state) const {
  want_start(state);
  for (const Touched& touched : state.touched) state.hits.set(touched.rule);
  for (const OpenCount& one : state.open.list()) want_triggered(state, one.rule);
  each_wanted(state, [&](std::uint32_t meta) {
    const std::uint32_t rule = rules_[meta];
    const CountRange range = range_of(state, meta);
    if (range.is_zero()) return;
    want_triggered(state, rule);
    if (range.is_known()) {
      state.hits.set(rule);
      return touch(state, rule, range.low);
    }
    std::uint64_t cost = 0;
    for (const std::uint32_t input : inputs_[meta]) {
      if (const OpenCount* one = state.open.find(input)) cost = std::max(cost, one->cost);
    }
    state.open.open(rule, range).cost = cost;
    state.open_metas.push_back(meta);
  });
}

std::span<const std::uint32_t> Metas::settle(MatchState& state, const Look& look) const {
  estimate(state);
  for (const std::uint32_t meta : state.open_metas) {
    if (!is_subrule_[meta]) settle_one(state, meta, look);
  }
  std::erase_if(state.open_metas, [&](std::uint32_t meta) {
    const OpenCount* one = state.open.find(rules_[meta]);
    return one == nullptr || !one->later;
  });
  for (const Touched& touched : state.touched) state.hits.reset(touched.rule);
  return state.open_metas;
}

// One input after the other until it is known. An input that is a meta comes before it, and so on:
// a path instead of recursion, for metas may stand in long chains.
void Metas::settle_one(MatchState& state, std::uint32_t meta, const Look& look) const {
  std::vector<std::uint32_t>& path = state.meta_path;
  path.assign(1, meta);
  while (!path.empty()) {
    OpenCount* one = state.open.find(rules_[path.back()]);
    if (one == nullptr || one->later || try_to_close(state, path.back())) {
      path.pop_back();
      continue;
    }
    OpenCount* input = cheapest_input(state, path.back());
    if (input == nullptr) {
      one->later = true;
    } else if (meta_of_[input->rule] != kNoMeta) {
      path.push_back(meta_of_[input->rule]);
    } else {
      const std::uint32_t rule = input->rule;
      look(*input);
      state.open.close(rule);
      if (state.value[rule] != 0) state.hits.set(rule);
    }
  }
}

OpenCount* Metas::cheapest_input(MatchState& state, std::uint32_t meta) const {
  OpenCount* out = nullptr;
  for (const std::uint32_t input : inputs_[meta]) {
    OpenCount* one = state.open.find(input);
    if (one != nullptr && !one->later && (out == nullptr || one->cost < out->cost)) out = one;
  }
  return out;
}

bool Metas::try_to_close(MatchState& state, std::uint32_t meta) const {
  const bool uses_open =
      is_plain_[meta] || std::any_of(inputs_[meta].begin(), inputs_[meta].end(),
                                     [&](std::uint32_t input) { return state.open.bits()[input]; });
  const CountRange range =
      uses_open ? range_of(state, meta) : CountRange::of(code_.evaluate(meta, state.value));
  if (range.is_known()) {
    state.open.close(rules_[meta]);
    if (range.low != 0) state.hits.set(rules_[meta]);
    touch(state, rules_[meta], range.low);
    return true;
  }
  state.open.find(rules_[meta])->range = range;
  return false;
}

}  // namespace gatepost::rules
