#pragma once
// The metas of a rule set as one block of code: what a message's metas cost is mostly memory.

#include <cstdint>
#include <span>
#include <vector>

#include "rules/count_range.h"
#include "rules/meta.h"
#include "rules/open_counts.h"

namespace gatepost::rules {

/// Programs one behind the other, with jumps over what cannot change `A && B` and `A || B`.
/// Immutable once filled, any thread.
class MetaCode {
 public:
  void add(const MetaProgram& program);
  std::size_t size() const { return begins_.size() - 1; }
  /// What MetaProgram::evaluate() of the program that was added as number `index` gives. No
  /// allocation.
  double evaluate(std::size_t index, std::span<const double> counts) const;
  /// The same while some counts are open.
  CountRange range(std::size_t index, std::span<const double> counts, const OpenCounts& open) const;
  /// The same for one that is_logical() and whose rules count 0 or 1: then it is 0 or 1, too.
  /// @param hits  the rules that count 1, of those that are not open
  CountRange logical_range(std::size_t index, const RuleBits& hits, const RuleBits& open) const;
  /// Whether it has no operators but && || and !, and no constants.
  bool is_logical(std::size_t index) const;

 private:
  enum class Code : std::uint8_t { operation, skip_if_zero, skip_if_not };
  struct Step {
    Code code = Code::operation;
    MetaProgram::Code operation = MetaProgram::Code::constant;
    std::uint32_t index = 0;  // of a count, a constant, or how many steps are left out
  };

  template <class Value, class Count>
  Value run(std::size_t index, const Count& count) const;

  std::vector<Step> steps_;
  std::vector<double> constants_;
  std::vector<std::uint32_t> begins_{0};  // by program, into steps_
};

}  // namespace gatepost::rules
