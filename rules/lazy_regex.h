#pragma once
// Regular expressions that are compiled when they are first needed: most never are.

#include <atomic>

#include "rules/place.h"
#include "rules/regex.h"

namespace gatepost::rules {

Expression expression_of(const Pattern& pattern);

class LazyRegex {
 public:
  LazyRegex() = default;
  ~LazyRegex() { delete made_.load(); }
  LazyRegex(const LazyRegex&) = delete;
  LazyRegex& operator=(const LazyRegex&) = delete;
  /// Null when it does not compile. Any thread; two that come first both compile, one is kept.
  const Regex* get(const Pattern& pattern) const;

 private:
  mutable std::atomic<const Regex*> made_{nullptr};
};

}  // namespace gatepost::rules
