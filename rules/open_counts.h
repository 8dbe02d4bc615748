#pragma once
// Rules of one message whose counts are not known yet.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rules/count_range.h"
#include "rules/rule_bits.h"

namespace gatepost::rules {

/// A rule whose count is open.
struct OpenCount {
  static constexpr std::uint32_t kNone = 0xffffffff;

  std::uint32_t rule = 0;
  /// Of the looks that wait for it, the first; the others follow by Waiting::next.
  std::uint32_t waiting = kNone;
  /// What it takes to know it, about in octets to be read; only the order of costs counts.
  std::uint64_t cost = 0;
  bool later = false;  ///< nothing that can be done now makes it known
  CountRange range;
};

/// Between two messages none is open. One thread at a time.
class OpenCounts {
 public:
  explicit OpenCounts(std::size_t rules) : bits_(rules), at_(rules) {}

  const RuleBits& bits() const { return bits_; }
  /// Null when its count is known.
  OpenCount* find(std::uint32_t rule) { return bits_[rule] ? &list_[at_[rule]] : nullptr; }
  const OpenCount* find(std::uint32_t rule) const {
    return bits_[rule] ? &list_[at_[rule]] : nullptr;
  }
  /// The one of that rule, opened when it is not; valid until the next is opened.
  OpenCount& open(std::uint32_t rule, CountRange range) {
    if (!bits_[rule]) {
      bits_.set(rule);
      at_[rule] = static_cast<std::uint32_t>(list_.size());
      list_.push_back({.rule = rule, .range = range});
    }
    return list_[at_[rule]];
  }
  void close(std::uint32_t rule) { bits_.reset(rule); }
  void clear() {
    for (const OpenCount& one : list_) bits_.reset(one.rule);
    list_.clear();
  }
  /// All that were opened since it was empty.
  const std::vector<OpenCount>& list() const { return list_; }

 private:
  RuleBits bits_;
  std::vector<std::uint32_t> at_;  // by rule that is open: its place in list_
  std::vector<OpenCount> list_;
};

}  // namespace gatepost::rules
