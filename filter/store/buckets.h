#pragma once
// Which table an entry stands in. Pure.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatepost::store {

/// Entries of `space` that end in [index * width, (index + 1) * width). Width 0: those without end.
struct Bucket {
  std::string space;
  std::int64_t width = 0;
  std::int64_t index = 0;
  auto operator<=>(const Bucket&) const = default;

  /// "greylist_known_1036800_1704"
  std::string table() const;
  static std::optional<Bucket> parse(std::string_view table);
  bool is_over(std::int64_t now) const { return width > 0 && (index + 1) * width <= now; }
};

/// The bucket of an entry that ends at `expires` (0: never) and is written now. The longer it lives
/// the wider the bucket, so that a space has few of them and rows stay at most a third longer than
/// they should.
Bucket bucket_for(std::string_view space, std::int64_t expires, std::int64_t now);

}  // namespace gatepost::store
