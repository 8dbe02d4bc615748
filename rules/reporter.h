#pragma once
// Diagnostics while they are collected, bounded.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.h"

namespace gatepost::rules {

class Reporter {
 public:
  explicit Reporter(std::size_t max_each) : max_each_(max_each) {}

  void error(Place place, std::string what, std::string_view rule = {});
  void warning(Place place, std::string what, std::string_view rule = {});
  /// Not bounded: rules and settings are.
  void unsupported(Place place, std::string what, std::string_view rule = {});
  /// In the order in which they came, with "and N more" for what was beyond the limit.
  std::vector<Diagnostic> take();

 private:
  void add(Diagnostic::Severity severity, Place place, std::string what, std::string_view rule);

  std::size_t max_each_;
  std::vector<Diagnostic> all_;
  std::size_t counts_[3] = {};
  Place last_[3];
};

}  // namespace gatepost::rules
