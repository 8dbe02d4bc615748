#include "rules/count_range.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gatepost::rules {
namespace {

using Code = MetaProgram::Code;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr CountRange kYes{1, 1};
constexpr CountRange kNo{0, 0};
constexpr CountRange kEither{0, 1};

CountRange between(double low, double high) {
  return std::isnan(low) || std::isnan(high) ? CountRange::any() : CountRange{low, high};
}

// Products and quotients are least and greatest at the bounds.
CountRange of_bounds(Code code, CountRange a, CountRange b) {
  const double all[] = {combine(code, a.low, b.low), combine(code, a.low, b.high),
                        combine(code, a.high, b.low), combine(code, a.high, b.high)};
  if (std::any_of(std::begin(all), std::end(all), [](double v) { return std::isnan(v); }))
    return CountRange::any();
  const auto [low, high] = std::minmax_element(std::begin(all), std::end(all));
  return {*low, *high};
}

CountRange less(CountRange a, CountRange b) {
  if (a.high < b.low) return kYes;
  return a.low >= b.high ? kNo : kEither;
}

CountRange less_equal(CountRange a, CountRange b) {
  if (a.high <= b.low) return kYes;
  return a.low > b.high ? kNo : kEither;
}

CountRange equal(CountRange a, CountRange b) {
  if (a.is_known() && b.is_known() && a.low == b.low) return kYes;
  return a.high < b.low || a.low > b.high ? kNo : kEither;
}

}  // namespace

CountRange CountRange::any() {
  return {-kInfinity, kInfinity};
}

CountRange combine(Code code, CountRange a, CountRange b) {
  switch (code) {
    case Code::multiply:
      return of_bounds(code, a, b);
    case Code::divide:
      if (b.is_zero()) return kNo;
      return b.is_never_zero() ? of_bounds(code, a, b) : CountRange::any();
    case Code::add:
      return between(a.low + b.low, a.high + b.high);
    case Code::subtract:
      return between(a.low - b.high, a.high - b.low);
    case Code::less:
      return less(a, b);
    case Code::less_equal:
      return less_equal(a, b);
    case Code::greater:
      return less(b, a);
    case Code::greater_equal:
      return less_equal(b, a);
    case Code::equal:
      return equal(a, b);
    case Code::not_equal:
      return logical_not(equal(a, b));
    case Code::logical_and:
      return logical_and(a, b);
    case Code::logical_or:
      return logical_or(a, b);
    default:
      if (a.is_known() && b.is_known()) {
        const double value = combine(code, a.low, b.low);
        return between(value, value);
      }
      return CountRange::any();
  }
}

CountRange negated(CountRange a) {
  return {-a.high, -a.low};
}

CountRange select(CountRange condition, CountRange a, CountRange b) {
  if (condition.is_zero()) return b;
  return condition.is_never_zero() ? a : hull(a, b);
}

CountRange result_of(CountRange a) {
  return std::isfinite(a.low) && std::isfinite(a.high) ? a : hull(kNo, a);
}

}  // namespace gatepost::rules
