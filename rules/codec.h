#pragma once
// Numbers and texts as octets, for the compiler's pipe and the cache. One machine only: host order.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace gatepost::rules {

class Writer {
 public:
  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u32(std::uint32_t value) { raw(&value, sizeof value); }
  void u64(std::uint64_t value) { raw(&value, sizeof value); }
  void text(std::string_view value) {
    u64(value.size());
    out_.append(value);
  }
  const std::string& data() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void raw(const void* from, std::size_t size) {
    out_.append(static_cast<const char*>(from), size);
  }
  std::string out_;
};

/// Reads what Writer wrote. Behind the end, or after a length that cannot be, ok() is false and
/// every value is 0 or empty.
class Reader {
 public:
  explicit Reader(std::string_view data) : rest_(data) {}
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  /// A view into the data.
  std::string_view text() {
    const std::uint64_t size = u64();
    if (size > rest_.size()) return fail(), std::string_view();
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

 private:
  template <class T>
  T number() {
    T value{};
    if (rest_.size() < sizeof value) return fail(), value;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace gatepost::rules
