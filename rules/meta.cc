#include "rules/meta.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace gatepost::rules {
namespace {

using Code = MetaProgram::Code;

double exclusive_or(double a, double b) {
  constexpr double kLimit = 9e15;
  if (std::abs(a) > kLimit || std::abs(b) > kLimit) return 0;
  return static_cast<double>(static_cast<std::int64_t>(a) ^ static_cast<std::int64_t>(b));
}

// Whether the ops are a program: no operand is missing, one value is left, indices are there.
bool is_sound(std::span<const MetaProgram::Op> ops, std::size_t constants) {
  std::size_t top = 0;
  for (const MetaProgram::Op& op : ops) {
    std::size_t takes = 2;
    if (op.code == Code::constant || op.code == Code::count) takes = 0;
    if (op.code == Code::logical_not || op.code == Code::negate) takes = 1;
    if (op.code == Code::select) takes = 3;
    if (top < takes || (op.code == Code::constant && op.index >= constants)) return false;
    top = top - takes + 1;
    if (top > kMetaStack) return false;
  }
  return top == 1;
}

}  // namespace

double combine(Code code, double a, double b) {
  switch (code) {
    case Code::multiply:
      return a * b;
    case Code::divide:
      return b == 0 ? 0 : a / b;
    case Code::add:
      return a + b;
    case Code::subtract:
      return a - b;
    case Code::less:
      return a < b ? 1 : 0;
    case Code::less_equal:
      return a <= b ? 1 : 0;
    case Code::greater:
      return a > b ? 1 : 0;
    case Code::greater_equal:
      return a >= b ? 1 : 0;
    case Code::equal:
      return a == b ? 1 : 0;
    case Code::not_equal:
      return a != b ? 1 : 0;
    case Code::exclusive_or:
      return exclusive_or(a, b);
    case Code::logical_and:
      return a != 0 ? b : a;
    case Code::logical_or:
      return a != 0 ? a : b;
    default:
      return 0;
  }
}

MetaProgram::MetaProgram(std::vector<Op> ops, std::vector<double> constants)
    : ops_(std::move(ops)), constants_(std::move(constants)) {
  if (!is_sound(ops_, constants_.size())) ops_.clear();
  for (const Op& op : ops_) {
    if (op.code == Code::count) uses_.push_back(op.index);
  }
  std::sort(uses_.begin(), uses_.end());
  uses_.erase(std::unique(uses_.begin(), uses_.end()), uses_.end());
}

double MetaProgram::evaluate(std::span<const double> counts) const {
  std::array<double, kMetaStack> stack;
  std::size_t top = 0;  // is_sound() bounds it
  for (const Op& op : ops_) {
    switch (op.code) {
      case Code::constant:
        stack[top++] = constants_[op.index];
        break;
      case Code::count:
        stack[top++] = op.index < counts.size() ? counts[op.index] : 0;
        break;
      case Code::logical_not:
        stack[top - 1] = stack[top - 1] == 0 ? 1 : 0;
        break;
      case Code::negate:
        stack[top - 1] = -stack[top - 1];
        break;
      case Code::select:
        top -= 2;
        stack[top - 1] = stack[top - 1] != 0 ? stack[top] : stack[top + 1];
        break;
      default:
        --top;
        stack[top - 1] = combine(op.code, stack[top - 1], stack[top]);
    }
  }
  if (top == 0) return 0;
  return std::isfinite(stack[0]) ? stack[0] : 0;
}

}  // namespace gatepost::rules
