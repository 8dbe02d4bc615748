#pragma once
// A private folder that goes when its owner goes.

#include <filesystem>
#include <string_view>

namespace gatepost::test {

/// Makes /tmp/gp-NAME-XXXXXX (short, so that unix socket paths inside stay below 108 octets), mode
/// 0755 so that daemons which drop their privileges can enter it. Removed with all its content by
/// the destructor, unless GATEPOST_KEEP_TEMP is set in the environment. Asserts when /tmp is not
/// writable.
class TempFolder {
 public:
  explicit TempFolder(std::string_view name = "test");
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace gatepost::test
