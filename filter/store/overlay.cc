#include "filter/store/overlay.h"

#include <utility>

namespace gatepost::store {

// With the node of the map and its pointers.
std::size_t Overlay::cost(const Key& key, const PendingValue& value) {
  return 160 + key.space.size() + key.name.size() + (value ? value->data.size() : 0);
}

const PendingValue* Overlay::find(const Key& key) const {
  if (const auto at = incoming_.find(key); at != incoming_.end()) return &at->second;
  if (const auto at = committing_.find(key); at != committing_.end()) return &at->second;
  return nullptr;
}

bool Overlay::put(const Key& key, PendingValue value) {
  const std::size_t bytes = cost(key, value);
  if (const auto at = incoming_.find(key); at != incoming_.end()) {
    const std::size_t before = cost(key, at->second);
    if (bytes > before && incoming_bytes_ + committing_bytes_ + bytes - before > max_bytes_)
      return false;
    incoming_bytes_ = incoming_bytes_ - before + bytes;
    at->second = std::move(value);
    return true;
  }
  if (size() >= max_entries_ || incoming_bytes_ + committing_bytes_ + bytes > max_bytes_)
    return false;
  incoming_.emplace(key, std::move(value));
  incoming_bytes_ += bytes;
  return true;
}

void Overlay::begin_commit() {
  committing_.swap(incoming_);
  committing_bytes_ = std::exchange(incoming_bytes_, 0);
}

void Overlay::commit_succeeded() {
  committing_.clear();
  committing_bytes_ = 0;
}

void Overlay::commit_failed() {
  if (incoming_.empty()) {
    incoming_.swap(committing_);
    incoming_bytes_ = committing_bytes_;
  } else {
    incoming_.merge(committing_);
    incoming_bytes_ = 0;
    for (const auto& [key, value] : incoming_) incoming_bytes_ += cost(key, value);
  }
  commit_succeeded();
}

}  // namespace gatepost::store
