#pragma once
// What lint and flatten share: a record looked at without a message. Private to the room.

#include <optional>
#include <string>
#include <string_view>

#include "spf/record.h"

namespace gatepost::spf {

/// The name that a term of `domain`'s record speaks of whatever the message is: lower case, no
/// trailing dot. Nothing when it has macros other than %{d}, or `domain` is needed and empty.
std::optional<std::string> fixed_name(const DomainSpec& spec, std::string_view domain);

/// Whether a macro in the text changes its meaning in the record of another domain: %{d}, %{p}.
bool speaks_of_domain(std::string_view spec);

}  // namespace gatepost::spf
