#include "rules/meta_code.h"

#include <array>
#include <cmath>

namespace gatepost::rules {

using Operation = MetaProgram::Code;

void MetaCode::add(const MetaProgram& program) {
  // Operands that wait for their operator; B of `A && B` gets a jump over it.
  std::vector<std::vector<Step>> operands;
  const auto join = [&](const std::vector<Step>& more) {
    operands.back().insert(operands.back().end(), more.begin(), more.end());
  };
  const auto take = [&] {
    std::vector<Step> last = std::move(operands.back());
    operands.pop_back();
    return last;
  };
  const auto first_constant = static_cast<std::uint32_t>(constants_.size());
  constants_.insert(constants_.end(), program.constants().begin(), program.constants().end());
  for (const MetaProgram::Op& op : program.ops()) {
    const Step step{Code::operation, op.code, op.index};
    switch (op.code) {
      case Operation::constant:
        operands.push_back({{Code::operation, op.code, first_constant + op.index}});
        continue;
      case Operation::count:
        operands.push_back({step});
        continue;
      case Operation::logical_not:
      case Operation::negate:
        break;
      case Operation::select: {
        const std::vector<Step> otherwise = take();
        join(take());
        join(otherwise);
        break;
      }
      case Operation::logical_and:
      case Operation::logical_or: {
        const std::vector<Step> b = take();
        operands.back().push_back(
            {op.code == Operation::logical_and ? Code::skip_if_zero : Code::skip_if_not, op.code,
             static_cast<std::uint32_t>(b.size() + 1)});
        join(b);
        break;
      }
      default:
        join(take());
    }
    operands.back().push_back(step);
  }
  if (!operands.empty())
    steps_.insert(steps_.end(), operands.back().begin(), operands.back().end());
  begins_.push_back(static_cast<std::uint32_t>(steps_.size()));
}

double MetaCode::evaluate(std::size_t index, std::span<const double> counts) const {
  std::array<double, kMetaStack> stack;
  std::size_t top = 0;  // MetaProgram has seen to it
  const Step* step = steps_.data() + begins_[index];
  const Step* const end = steps_.data() + begins_[index + 1];
  for (; step < end; ++step) {
    if (step->code != Code::operation) {
      if ((stack[top - 1] == 0) == (step->code == Code::skip_if_zero)) step += step->index;
      continue;
    }
    switch (step->operation) {
      case Operation::constant:
        stack[top++] = constants_[step->index];
        break;
      case Operation::count:
        stack[top++] = step->index < counts.size() ? counts[step->index] : 0;
        break;
      case Operation::logical_not:
        stack[top - 1] = stack[top - 1] == 0 ? 1 : 0;
        break;
      case Operation::negate:
        stack[top - 1] = -stack[top - 1];
        break;
      case Operation::select:
        top -= 2;
        stack[top - 1] = stack[top - 1] != 0 ? stack[top] : stack[top + 1];
        break;
      default:
        --top;
        stack[top - 1] = combine(step->operation, stack[top - 1], stack[top]);
    }
  }
  if (top == 0) return 0;
  return std::isfinite(stack[0]) ? stack[0] : 0;
}

}  // namespace gatepost::rules
