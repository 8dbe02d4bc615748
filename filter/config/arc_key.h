#pragma once
// The key that seals: settings of [arc] together.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "dkim/arc/seal.h"

namespace gatepost::config {

/// As it is written.
struct ArcKey {
  bool seal = false;
  std::string domain;    ///< lower-case A-labels, or empty
  std::string selector;  ///< the same
  std::string file;      ///< empty: keys/DOMAIN/SELECTOR.private
};

struct LoadedArcKey {
  std::shared_ptr<const arc::SealOptions> seal;  ///< null: nothing is sealed
  std::vector<std::string> warnings;             ///< sentences for people
};

/// Reads the key when `settings.seal` says so.
/// @param folder    where relative paths begin
/// @param user      daemon.user; see read_key_file()
/// @param all_keys  see LoadOptions
/// @return          a config Error whose `where` is the setting to blame.
Result<LoadedArcKey> read_arc_key(const ArcKey& settings, const std::filesystem::path& folder,
                                  const std::string& user, bool all_keys);

}  // namespace gatepost::config
