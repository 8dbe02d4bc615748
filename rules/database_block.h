#pragma once
// Where the databases of a rule set lie: one block in large pages, so that scans of some hundred
// places of it need few entries of the processor's table of pages.

#include <cstddef>

namespace gatepost::rules {

/// Move-only; the memory lives as long as it.
class DatabaseBlock {
 public:
  /// What every place in it is a multiple of.
  static constexpr std::size_t kAlignment = 64;

  DatabaseBlock() = default;
  ~DatabaseBlock();
  DatabaseBlock(DatabaseBlock&& other) noexcept;
  DatabaseBlock& operator=(DatabaseBlock&& other) noexcept;

  /// What was there is gone. @return false when there is no memory for it.
  bool reserve(std::size_t octets);
  /// The next `octets` of what was reserved; null when they are not there.
  void* take(std::size_t octets);
  /// How much of a block so many octets take.
  static constexpr std::size_t rounded(std::size_t octets) {
    return (octets + kAlignment - 1) / kAlignment * kAlignment;
  }

 private:
  void release();

  void* mapped_ = nullptr;
  std::size_t mapped_size_ = 0;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace gatepost::rules
