#include "dmarc/domain.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::dmarc {
namespace {

// RFC 1035 section 2.3.4, as text.
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

}  // namespace

std::optional<std::string> canonical_domain(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > kMaxName) return std::nullopt;
  for (const std::string_view label : split(text, '.')) {
    const bool known = std::all_of(label.begin(), label.end(),
                                   [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
    if (label.empty() || label.size() > kMaxLabel || !known) return std::nullopt;
  }
  return to_lower(text);
}

std::size_t label_count(std::string_view domain) {
  if (domain.empty()) return 0;
  return static_cast<std::size_t>(std::count(domain.begin(), domain.end(), '.')) + 1;
}

std::string_view last_labels(std::string_view domain, std::size_t count) {
  if (count == 0) return {};
  std::size_t end = domain.size();
  while (count > 0) {
    const std::size_t dot = end == 0 ? std::string_view::npos : domain.rfind('.', end - 1);
    if (dot == std::string_view::npos) return domain;
    end = dot;
    --count;
  }
  return domain.substr(end + 1);
}

bool is_at_or_below(std::string_view domain, std::string_view ancestor) {
  if (domain == ancestor) return true;
  if (domain.size() <= ancestor.size() || ancestor.empty()) return false;
  const std::size_t start = domain.size() - ancestor.size();
  return domain[start - 1] == '.' && domain.substr(start) == ancestor;
}

std::size_t common_labels(std::string_view a, std::string_view b) {
  std::size_t count = 0;
  const std::size_t most = std::min(label_count(a), label_count(b));
  while (count < most && last_labels(a, count + 1) == last_labels(b, count + 1)) ++count;
  return count;
}

}  // namespace gatepost::dmarc
