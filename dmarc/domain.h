#pragma once
// Domain names as text: the few operations that alignment needs.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gatepost::dmarc {

/// Lower case and without a trailing dot; nothing unless every label has 1 to 63 letters, digits,
/// '-' or '_' and all have at most 253 octets. U-labels are refused: the caller converts them
/// (RFC 9989 section 5.3.1).
std::optional<std::string> canonical_domain(std::string_view text);

/// Labels of a canonical domain; 0 for an empty text.
std::size_t label_count(std::string_view domain);
/// The last `count` labels; the whole domain when it has no more.
std::string_view last_labels(std::string_view domain, std::size_t count);
/// Whether `domain` is `ancestor` or lies below it. Both canonical.
bool is_at_or_below(std::string_view domain, std::string_view ancestor);
/// How many of the last labels are the same.
std::size_t common_labels(std::string_view a, std::string_view b);

}  // namespace gatepost::dmarc
