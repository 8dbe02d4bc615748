#pragma once
// Counts of rules, and values of metas, that are known as far as two bounds.

#include "rules/meta.h"

namespace gatepost::rules {

/// All values from `low` to `high`, both included; a single one when they are equal. Bounds may be
/// infinite. What operations give holds every value that MetaProgram::evaluate() can come to, and
/// may hold more.
struct CountRange {
  double low;  // not set at first: evaluations have arrays of these
  double high;

  static CountRange of(double value) { return {value, value}; }
  static CountRange any();
  bool is_known() const { return low == high; }
  bool is_zero() const { return low == 0 && high == 0; }
  bool is_never_zero() const { return low > 0 || high < 0; }
};

/// The smallest range that holds both.
inline CountRange hull(CountRange a, CountRange b) {
  return {a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}
inline CountRange logical_and(CountRange a, CountRange b) {
  if (a.is_zero()) return a;
  return a.is_never_zero() ? b : hull(CountRange::of(0), b);
}
inline CountRange logical_or(CountRange a, CountRange b) {
  if (a.is_never_zero()) return a;
  return a.is_zero() ? b : hull(a, b);
}
inline CountRange logical_not(CountRange a) {
  if (a.is_zero()) return {1, 1};
  return a.is_never_zero() ? CountRange{0, 0} : CountRange{0, 1};
}
/// `a CODE b` for an operator with two operands.
CountRange combine(MetaProgram::Code code, CountRange a, CountRange b);
CountRange negated(CountRange a);
/// `condition ? a : b`
CountRange select(CountRange condition, CountRange a, CountRange b);
/// What a meta comes to: a value that is not finite counts 0.
CountRange result_of(CountRange a);

}  // namespace gatepost::rules
