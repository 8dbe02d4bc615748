#pragma once
// Many short lists of numbers in one block.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace gatepost::rules {

class IndexLists {
 public:
  IndexLists() = default;
  /// Of pairs {list, number}, each list in the order of the pairs.
  IndexLists(std::size_t lists, std::span<const std::pair<std::uint32_t, std::uint32_t>> pairs)
      : begins_(lists + 1), items_(pairs.size()) {
    for (const auto& [list, number] : pairs) ++begins_[list + 1];
    for (std::size_t i = 1; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
    std::vector<std::uint32_t> next = begins_;
    for (const auto& [list, number] : pairs) items_[next[list]++] = number;
  }

  std::span<const std::uint32_t> operator[](std::size_t list) const {
    return std::span(items_).subspan(begins_[list], begins_[list + 1] - begins_[list]);
  }

 private:
  std::vector<std::uint32_t> begins_;  // by list, into items_
  std::vector<std::uint32_t> items_;
};

}  // namespace gatepost::rules
