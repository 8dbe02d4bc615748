#include "filter/store/buckets.h"

#include <charconv>

namespace gatepost::store {

namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;

std::int64_t width_for(std::int64_t ttl) {
  if (ttl <= 12 * kHour) return kHour;
  if (ttl <= 8 * kDay) return kDay;
  if (ttl <= 60 * kDay) return 12 * kDay;
  return 120 * kDay;
}

/// Takes "_NUMBER" from the end of `text`.
std::optional<std::int64_t> take_number(std::string_view& text) {
  const auto at = text.rfind('_');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(at + 1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0)
    return std::nullopt;
  text = text.substr(0, at);
  return number;
}

}  // namespace

std::string Bucket::table() const {
  return space + "_" + std::to_string(width) + "_" + std::to_string(index);
}

std::optional<Bucket> Bucket::parse(std::string_view table) {
  const auto index = take_number(table);
  const auto width = index ? take_number(table) : std::nullopt;
  if (!width || table.empty()) return std::nullopt;
  return Bucket{std::string(table), *width, *index};
}

Bucket bucket_for(std::string_view space, std::int64_t expires, std::int64_t now) {
  if (expires == 0) return {std::string(space), 0, 0};
  const std::int64_t width = width_for(expires - now);
  return {std::string(space), width, expires / width};
}

}  // namespace gatepost::store
