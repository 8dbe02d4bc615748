#include "rules/lazy_regex.h"

namespace gatepost::rules {

Expression expression_of(const Pattern& pattern) {
  return {pattern.expression, pattern.caseless, pattern.multiline, pattern.dotall,
          pattern.extended};
}

const Regex* LazyRegex::get(const Pattern& pattern) const {
  if (const Regex* made = made_.load(std::memory_order_acquire)) return made;
  std::unique_ptr<const Regex> mine = Regex::compile(expression_of(pattern));
  if (!mine) return nullptr;
  const Regex* expected = nullptr;
  if (made_.compare_exchange_strong(expected, mine.get(), std::memory_order_acq_rel))
    return mine.release();
  return expected;
}

}  // namespace gatepost::rules
