#pragma once
// What must hit before a meta can.

#include <cstdint>
#include <span>
#include <vector>

#include "rules/meta.h"

namespace gatepost::rules {

/// Rules of a meta, ascending: when all of these count 0 the meta is 0, whatever the others count.
/// Of `A && B` those of one side are enough: the side that fewer metas name, which is likely the
/// rarer one. All rules that it names where nothing better is known.
/// @param named  by rule: how many metas name it
std::vector<std::uint32_t> meta_triggers(const MetaProgram& program,
                                         std::span<const std::uint32_t> named);

}  // namespace gatepost::rules
