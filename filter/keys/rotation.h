#pragma once
// From one DKIM key of a domain to the next, in steps that survive a crash: what comes next stands
// in FOLDER/rotation.json before it is done.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "filter/keys/key_folder.h"

namespace gatepost::keys {

enum class RotationStep {
  make,     ///< a selector is chosen, its key is to be made
  publish,  ///< the key is there, DNS does not serve it everywhere
  change,   ///< all name servers serve it; `current` is to name it
  retire,   ///< it signs; the old key is still served for mail on its way
  revoke,   ///< the period is over; the old key's record is to be revoked
  done,
};

/// "make", "publish", …
const char* to_string(RotationStep step);

/// What rotation.json holds. Times are seconds since 1970.
struct RotationState {
  RotationStep step = RotationStep::make;
  std::string domain;
  std::string selector;      ///< of the new key
  std::string old_selector;  ///< of the key that goes; empty: none
  dkim::KeyType type = dkim::KeyType::rsa;
  int bits = 0;
  std::int64_t retire_after = 0;  ///< seconds from the change on
  std::int64_t began = 0;
  std::int64_t changed = 0;  ///< 0: not yet

  std::string to_json() const;
  /// A permanent Error for what we did not write.
  static Result<RotationState> from_json(std::string_view text);

  bool operator==(const RotationState&) const = default;
};

/// Thread rule: one thread, one process at a time (the caller locks the folder).
class Rotation {
 public:
  struct Plan {
    std::string selector;  ///< empty: made of the day, "20261126" (with "e" for ed25519)
    std::string replace;   ///< empty: the current selector with a key of this type, if any
    dkim::KeyType type = dkim::KeyType::rsa;
    int bits = dkim::kGoodRsaBits;
    std::int64_t retire_after = 7 * 86400;
  };
  /// Called before and after whatever changes the disk; tests kill the process there.
  using Checkpoint = std::function<void(const char* where)>;

  /// @param domain  lower-case A-labels
  Rotation(KeyFolder folder, std::string domain, Checkpoint checkpoint = {});

  /// What the folder says; no value: no rotation was begun, or it is done and `again` asks for the
  /// next one.
  Result<bool> load(bool again = false);
  /// Writes the plan of a new rotation. A permanent Error when it cannot be carried out.
  Result<void> begin(const Plan& plan, std::int64_t now);

  const RotationState& state() const { return state_; }
  /// The name and text of the new key's record; call it from `publish` on.
  std::string name() const;
  Result<std::string> record() const;
  /// The name of the old key's record, and the text that revokes it.
  std::string old_name() const;
  Result<std::string> revocation() const;
  /// When the old key may go.
  std::int64_t retire_at() const { return state_.changed + state_.retire_after; }

  /// Carries out the step that the state names, if it needs nobody: make, change, retire (when
  /// `now` has come to it), revoke. Every one may be repeated.
  /// @return whether something was done.
  Result<bool> advance(std::int64_t now);
  /// All name servers were seen to serve the new key: publish ends.
  Result<void> served();

 private:
  Result<void> save(RotationStep next);
  Result<void> make_key();
  Result<void> change_current(std::int64_t now);
  Result<void> put_away();
  void reached(const char* where) const {
    if (checkpoint_) checkpoint_(where);
  }

  KeyFolder folder_;
  std::string domain_;
  Checkpoint checkpoint_;
  RotationState state_;
};

}  // namespace gatepost::keys
