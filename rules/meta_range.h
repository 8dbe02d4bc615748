#pragma once
// Metas that are the same whatever other rules do.

#include <cstddef>
#include <vector>

#include "rules/meta.h"
#include "rules/rule.h"

namespace gatepost::rules {

enum class MetaRange {
  open,    ///< it can hit and miss, or that is not known
  always,  ///< it hits every message
  never,   ///< it hits none
};

/// By MetaPlan::metas. Found by trying all values that the rules of a meta can have, each for
/// itself, as far as these are few: what is told is so, but not all is found. Rules with a score of
/// 0 in `score_set` count 0.
std::vector<MetaRange> meta_ranges(const RuleFile& file, const MetaPlan& plan,
                                   std::size_t score_set);

}  // namespace gatepost::rules
