#pragma once
// What was written and is not committed yet. Guarded by its owner's lock.

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/store/store.h"

namespace gatepost::store {

struct KeyHash {
  std::size_t operator()(const Key& key) const noexcept {
    return std::hash<std::string>()(key.name) * 31 + std::hash<std::string>()(key.space);
  }
};

/// Nothing: the key is to be erased.
using PendingValue = std::optional<Value>;
using PendingMap = std::unordered_map<Key, PendingValue, KeyHash>;

/// Two layers: what comes in, and what the writer is committing. The upper one is newer.
class Overlay {
 public:
  Overlay(std::size_t max_entries, std::size_t max_bytes)
      : max_entries_(max_entries), max_bytes_(max_bytes) {}

  /// Null: nothing is known of the key here.
  const PendingValue* find(const Key& key) const;
  /// @return false when there is no room; nothing was changed then. An erasure of a key that is
  /// here always has room.
  bool put(const Key& key, PendingValue value);

  /// Moves what came in to the lower layer, which must be empty.
  void begin_commit();
  const PendingMap& committing() const { return committing_; }
  void commit_succeeded();
  /// What could not be committed comes in again, unless there is something newer.
  void commit_failed();

  bool idle() const { return incoming_.empty() && committing_.empty(); }
  std::size_t incoming() const { return incoming_.size(); }
  std::size_t size() const { return incoming_.size() + committing_.size(); }
  template <class Visit>
  void for_each(Visit&& visit) const {  // older first
    for (const auto& [key, value] : committing_) visit(key, value);
    for (const auto& [key, value] : incoming_) visit(key, value);
  }

 private:
  static std::size_t cost(const Key& key, const PendingValue& value);

  const std::size_t max_entries_;
  const std::size_t max_bytes_;
  PendingMap incoming_;
  PendingMap committing_;
  std::size_t incoming_bytes_ = 0;
  std::size_t committing_bytes_ = 0;
};

}  // namespace gatepost::store
