#include "rules/meta_code.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

namespace gatepost::rules {

namespace {

using Operation = MetaProgram::Code;

// The operations of CountRange for a value that is known.
bool is_zero(double a) {
  return a == 0;
}
bool is_never_zero(double a) {
  return a != 0;
}
double logical_not(double a) {
  return a == 0 ? 1 : 0;
}
double logical_and(double a, double b) {
  return a != 0 ? b : a;
}
double logical_or(double a, double b) {
  return a != 0 ? a : b;
}
double negated(double a) {
  return -a;
}
double select(double condition, double a, double b) {
  return condition != 0 ? a : b;
}

bool is_zero(const CountRange& a) {
  return a.is_zero();
}
bool is_never_zero(const CountRange& a) {
  return a.is_never_zero();
}

// What a value that is 0 or 1 may be.
struct Outcomes {
  bool zero;
  bool one;
};
bool is_zero(Outcomes a) {
  return !a.one;
}
bool is_never_zero(Outcomes a) {
  return !a.zero;
}
Outcomes logical_not(Outcomes a) {
  return {a.one, a.zero};
}
Outcomes logical_and(Outcomes a, Outcomes b) {
  return {a.zero || b.zero, a.one && b.one};
}
Outcomes logical_or(Outcomes a, Outcomes b) {
  return {a.zero && b.zero, a.one || b.one};
}
// These are not logical.
Outcomes negated(Outcomes) {
  return {true, true};
}
Outcomes select(Outcomes, Outcomes, Outcomes) {
  return {true, true};
}
Outcomes combine(Operation, Outcomes, Outcomes) {
  return {true, true};
}

template <class Value>
Value value_of(double value) {
  if constexpr (std::is_same_v<Value, double>) {
    return value;
  } else if constexpr (std::is_same_v<Value, CountRange>) {
    return CountRange::of(value);
  } else {
    return Value{value == 0, value != 0};
  }
}

}  // namespace

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

// `Value` is double, CountRange or Outcomes, `count(i)` the one of rule i.
template <class Value, class Count>
Value MetaCode::run(std::size_t index, const Count& count) const {
  std::array<Value, kMetaStack> stack;
  std::size_t top = 0;  // MetaProgram has seen to it
  const Step* step = steps_.data() + begins_[index];
  const Step* const end = steps_.data() + begins_[index + 1];
  for (; step < end; ++step) {
    if (step->code != Code::operation) {
      const Value& left = stack[top - 1];
      if (step->code == Code::skip_if_zero ? is_zero(left) : is_never_zero(left))
        step += step->index;
      continue;
    }
    switch (step->operation) {
      case Operation::constant:
        stack[top++] = value_of<Value>(constants_[step->index]);
        break;
      case Operation::count:
        stack[top++] = count(step->index);
        break;
      case Operation::logical_not:
        stack[top - 1] = logical_not(stack[top - 1]);
        break;
      case Operation::negate:
        stack[top - 1] = negated(stack[top - 1]);
        break;
      case Operation::select:
        top -= 2;
        stack[top - 1] = select(stack[top - 1], stack[top], stack[top + 1]);
        break;
      case Operation::logical_and:  // these two are most of all
        --top;
        stack[top - 1] = logical_and(stack[top - 1], stack[top]);
        break;
      case Operation::logical_or:
        --top;
        stack[top - 1] = logical_or(stack[top - 1], stack[top]);
        break;
      default:
        --top;
        stack[top - 1] = combine(step->operation, stack[top - 1], stack[top]);
    }
  }
  return top == 0 ? value_of<Value>(0) : stack[0];
}

double MetaCode::evaluate(std::size_t index, std::span<const double> counts) const {
  const auto value = run<double>(
      index, [&](std::uint32_t rule) { return rule < counts.size() ? counts[rule] : 0; });
  return std::isfinite(value) ? value : 0;
}

CountRange MetaCode::logical_range(std::size_t index, const RuleBits& hits,
                                   const RuleBits& open) const {
  const auto outcomes = run<Outcomes>(index, [&](std::uint32_t rule) {
    return open[rule] ? Outcomes{true, true} : Outcomes{!hits[rule], hits[rule]};
  });
  return {outcomes.zero ? 0.0 : 1.0, outcomes.one ? 1.0 : 0.0};
}

bool MetaCode::is_logical(std::size_t index) const {
  return std::all_of(
      steps_.begin() + begins_[index], steps_.begin() + begins_[index + 1], [](const Step& step) {
        return step.operation == Operation::count || step.operation == Operation::logical_not ||
               step.operation == Operation::logical_and || step.operation == Operation::logical_or;
      });
}

CountRange MetaCode::range(std::size_t index, std::span<const double> counts,
                           const OpenCounts& open) const {
  return result_of(run<CountRange>(index, [&](std::uint32_t rule) {
    if (rule >= counts.size()) return CountRange::of(0);
    const OpenCount* one = open.find(rule);
    return one != nullptr ? one->range : CountRange::of(counts[rule]);
  }));
}

}  // namespace gatepost::rules
