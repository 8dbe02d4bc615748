#pragma once
// Reads private keys: a key that others can read is no secret any more.

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "dkim/private_key.h"

namespace gatepost::config {

struct KeyFile {
  std::shared_ptr<const dkim::PrivateKey> key;
  std::vector<std::string> warnings;  ///< sentences about the file, for people
};

/// Reads a key file, which must belong to root, to us or to `user`; nobody else may have access,
/// but for a group of ours that may read.
/// @param user  daemon.user ("user" or "user:group"), who the daemon becomes; empty: it stays
/// @return      a config Error that says what is wrong and what would help, without the path.
Result<KeyFile> read_key_file(const std::string& path, const std::string& user);

/// Whether it is there but we may not read it.
bool is_forbidden(const std::string& path);

}  // namespace gatepost::config
