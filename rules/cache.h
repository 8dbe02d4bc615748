#pragma once
// Compiled jobs on disk. Damage is noticed and costs a compilation, never a wrong answer.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace gatepost::rules {

/// A folder that only this user can write. What lies in it is deserialised by Hyperscan, which
/// trusts its input: so the folder is checked, and each file carries a digest against damage.
class Cache {
 public:
  /// Makes the folder (mode 0700) when it is missing.
  /// @return a config error when it belongs to another user, others may write it, or it is no
  /// folder.
  static Result<Cache> open(const std::filesystem::path& folder);

  /// The data of that key (64 hex digits); nothing when there is none or it is damaged.
  std::optional<std::string> load(const std::string& key) const;
  /// Temporary file, fsync, rename. @return an internal error when the disk does not take it.
  Result<void> store(const std::string& key, std::string_view data) const;
  /// Removes files of ours that none of these keys names and that were not used for a day.
  void remove_stale(const std::vector<std::string>& used) const;

 private:
  explicit Cache(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path file_of(const std::string& key) const;
  std::filesystem::path folder_;
};

}  // namespace gatepost::rules
