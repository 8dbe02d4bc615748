#pragma once
// libopendkim and the decoded keys: made once, shared by all messages.

#include <memory>

#include "core/base/result.h"
#include "dkim/public_key.h"

namespace gatepost::dkim {

/// Owns the library's handle and the key cache. One a process; it must outlive every Verifier.
/// Thread rule: open() and the destructor while no other thread uses it, all else from any thread.
class Library {
 public:
  /// @param cached_keys  how many decoded public keys are kept
  /// @return             an internal Error when the library cannot start or lacks ed25519.
  static Result<std::unique_ptr<Library>> open(std::size_t cached_keys = 4096);

  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  PublicKeyCache& keys() { return keys_; }

  struct Native;  ///< the library's own handle, known to the sources of this room only
  Native& native() { return *native_; }

 private:
  Library(std::unique_ptr<Native> native, std::size_t cached_keys);

  std::unique_ptr<Native> native_;
  PublicKeyCache keys_;
};

}  // namespace gatepost::dkim
