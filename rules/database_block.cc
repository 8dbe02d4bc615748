#include "rules/database_block.h"

#include <cstdint>
#include <utility>

#include <sys/mman.h>

namespace gatepost::rules {
namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20;

}  // namespace

DatabaseBlock::~DatabaseBlock() {
  release();
}

DatabaseBlock::DatabaseBlock(DatabaseBlock&& other) noexcept {
  *this = std::move(other);
}

DatabaseBlock& DatabaseBlock::operator=(DatabaseBlock&& other) noexcept {
  if (this == &other) return *this;
  release();
  mapped_ = std::exchange(other.mapped_, nullptr);
  mapped_size_ = std::exchange(other.mapped_size_, 0);
  next_ = std::exchange(other.next_, nullptr);
  left_ = std::exchange(other.left_, 0);
  return *this;
}

void DatabaseBlock::release() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
  mapped_ = nullptr;
  next_ = nullptr;
  left_ = 0;
}

bool DatabaseBlock::reserve(std::size_t octets) {
  release();
  if (octets == 0) return true;
  // Address space alone: what is not written to takes no memory.
  mapped_size_ = rounded(octets) + 2 * kLargePage;
  void* const mapped =
      ::mmap(nullptr, mapped_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return false;
  mapped_ = mapped;
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
  const std::uintptr_t aligned = (begin + kLargePage - 1) / kLargePage * kLargePage;
  next_ = reinterpret_cast<char*>(aligned);
  left_ = rounded(octets);
  // Few rules are not worth a large page. Without such pages it is slower by some percent, no more.
  const std::size_t large = (octets + kLargePage / 2) / kLargePage * kLargePage;
  if (large > 0) (void)::madvise(next_, large, MADV_HUGEPAGE);
  return true;
}

void* DatabaseBlock::take(std::size_t octets) {
  const std::size_t size = rounded(octets);
  if (size > left_) return nullptr;
  left_ -= size;
  return std::exchange(next_, next_ + size);
}

}  // namespace gatepost::rules
