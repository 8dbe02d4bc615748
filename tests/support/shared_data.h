#pragma once
// Where third-party test data lies: beside the checkout, never in it.

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>

namespace gatepost::test {

/// The file or folder `relative` of the shared data (environment GATEPOST_SHARED, else the folder
/// "shared" beside the checkout), or nothing: then the test must skip and say so.
inline std::optional<std::filesystem::path> shared_data(std::string_view relative) {
  const char* set = std::getenv("GATEPOST_SHARED");
  std::filesystem::path path = set ? set : GATEPOST_SOURCE_DIR "/../shared";
  path /= relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace gatepost::test
