#pragma once
// Archives in memory, by libarchive.

#include <string>
#include <vector>

namespace gatepost::test {

struct ArchivedFile {
  std::string name;
  std::string content;
};

/// @param format    as archive_write_set_format_by_name takes it: "zip", "7zip", "ustar", "pax"
/// @param options   as archive_write_set_options takes them, "zip:encryption=zipcrypt"
/// @param password  null: none
/// Faults are failures of the test.
std::string archive_of(const char* format, const std::vector<ArchivedFile>& files,
                       const char* options = "", const char* password = nullptr, bool gzip = false);

}  // namespace gatepost::test
