#pragma once
// Which metas of a set have to be computed for a message, and what they come to. Private to the
// matcher.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "rules/index_lists.h"
#include "rules/match_state.h"
#include "rules/meta.h"
#include "rules/meta_code.h"
#include "rules/rule.h"

namespace gatepost::rules {

/// The metas of one set. Immutable once built, any thread.
///
/// A meta is computed only when one of its triggers (meta_triggers.h) is not 0, or when it is true
/// of nothing; else it is 0.
class Metas {
 public:
  void build(std::span<const MetaPlan::Meta> metas, std::span<const Rule> rules);

  /// All counts are known. Metas that hit are touched.
  void compute(MatchState& state) const;

  /// Looks for an open rule whatever it takes: its count is known then.
  using Look = std::function<void(const OpenCount&)>;
  /// The same while counts are open (state.open). Of what is open, looks for what can change
  /// whether a rule hits that is no subrule, the cheapest first, until that is known.
  /// @return the metas that OpenCount::later keeps from being known, in order, until the state is
  /// used again; other subrules that still are open change nothing
  std::span<const std::uint32_t> settle(MatchState& state, const Look& look) const;
  /// What settle() gave, all counts being known now.
  void compute(MatchState& state, std::span<const std::uint32_t> metas) const;

 private:
  static constexpr std::uint32_t kNoMeta = 0xffffffff;

  void want_triggered(MatchState& state, std::uint32_t rule) const;
  void want_start(MatchState& state) const;
  // Calls take(meta) for each that is wanted, in order; it may make others wanted.
  template <class Take>
  void each_wanted(MatchState& state, Take take) const;

  void estimate(MatchState& state) const;
  CountRange range_of(const MatchState& state, std::uint32_t meta) const;
  void settle_one(MatchState& state, std::uint32_t meta, const Look& look) const;
  OpenCount* cheapest_input(MatchState& state, std::uint32_t meta) const;
  bool try_to_close(MatchState& state, std::uint32_t meta) const;

  // By meta, numbered in the order in which they are computed.
  MetaCode code_;
  std::vector<std::uint32_t> rules_;
  std::vector<bool> is_subrule_;
  std::vector<bool> is_plain_;         // logical, of rules that count 0 or 1
  IndexLists inputs_;                  // the rules that it names
  std::vector<std::uint32_t> always_;  // metas that are true when nothing hits
  // By rule.
  std::vector<std::uint32_t> meta_of_;  // kNoMeta: it is none
  IndexLists triggered_;                // the metas that it triggers
};

}  // namespace gatepost::rules
