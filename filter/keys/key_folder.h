#pragma once
// The keys of one domain on disk: SELECTOR.private for each, and `current`, the selectors that
// sign.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "core/base/result.h"
#include "dkim/private_key.h"

namespace gatepost::keys {

/// Who may read a file that is made.
struct Access {
  mode_t mode = 0600;
  std::optional<uid_t> owner;  ///< none: stays ours
  std::optional<gid_t> group;
};

/// Writes a file whole or not at all: a file beside it, fsync, rename, fsync of the folder.
/// @return a temporary Error that names the path.
Result<void> write_whole(const std::filesystem::path& path, std::string_view text,
                         const Access& access);

/// Thread rule: one thread, one process at a time.
class KeyFolder {
 public:
  /// @param path  the folder of one domain; made by write_key() when it is missing
  explicit KeyFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path key_file(std::string_view selector) const;

  /// Makes SELECTOR.private. A permanent Error when there is one already.
  Result<void> write_key(std::string_view selector, std::string_view pem, const Access& access);
  /// Null when there is no such file; an Error when it holds no private key.
  Result<std::shared_ptr<const dkim::PrivateKey>> read_key(std::string_view selector) const;
  /// Who may read the key of `selector`: for the key that takes its place.
  Access access_of(std::string_view selector) const;

  /// The selectors that sign; empty without the file.
  Result<std::vector<std::string>> current() const;
  Result<void> set_current(const std::vector<std::string>& selectors);

 private:
  Result<void> make() const;

  std::filesystem::path path_;
};

/// The record as a master file has it: `SELECTOR._domainkey.DOMAIN. IN TXT ( "…" )`, in strings of
/// at most 255 octets (RFC 1035 section 3.3.14).
std::string zone_lines(std::string_view name, std::string_view record);

}  // namespace gatepost::keys
