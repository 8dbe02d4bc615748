#pragma once
// The log of DMARC, read.

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "core/base/result.h"

namespace gatepost::dmarc_log {

/// Which messages are wanted; times in seconds since 1970.
struct Filter {
  std::int64_t since = 0;
  std::int64_t until = std::numeric_limits<std::int64_t>::max();  ///< not included
  std::string domain;  ///< of the author or of the record, in lower case; empty: all
};

/// What the reader came across.
struct Found {
  std::size_t files = 0;
  std::size_t lines = 0;    ///< good ones, wanted or not
  std::size_t damaged = 0;  ///< torn, too long, or no object of a version that is known
};

/// One line as an object that has all members of version 1 that Entry lines have, in their types;
/// null for anything else. Pure.
nlohmann::ordered_json parse_line(std::string_view line);

/// Calls `take` with each message, in the order written, until it returns false. Damaged lines are
/// counted and passed over. @return a config Error when the folder is not there or cannot be read.
Result<Found> read_log(const std::string& folder, const Filter& filter,
                       const std::function<bool(const nlohmann::ordered_json&)>& take);

}  // namespace gatepost::dmarc_log
