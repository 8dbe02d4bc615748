#pragma once
// Names of aggregate report files (RFC 9990, "Email").

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace gatepost::dmarc::report {

struct FileName {
  std::string_view receiver;       ///< our domain
  std::string_view policy_domain;  ///< whom the report is about
  std::int64_t begin = 0;          ///< seconds since 1970
  std::int64_t end = 0;
  std::string_view unique_id;  ///< letters and digits, or empty
  bool compressed = true;
};

/// `receiver!policy-domain!begin!end[!id].xml[.gz]`; a permanent Error when a part cannot stand in
/// it. Safe as a file name: no path separators.
Result<std::string> file_name(const FileName& parts);

/// "application/gzip" or "text/xml".
const char* media_type(bool compressed);

}  // namespace gatepost::dmarc::report
