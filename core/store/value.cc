#include "core/store/value.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace gatepost::store {

bool is_valid(const Key& key) {
  if (key.space.empty() || key.space.size() > 24 || key.name.size() > kMaxName) return false;
  if (key.space[0] < 'a' || key.space[0] > 'z') return false;
  return std::all_of(key.space.begin(), key.space.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; });
}

const char* to_string(Status status) {
  switch (status) {
    case Status::found:
      return "found";
    case Status::none:
      return "none";
    case Status::unavailable:
      return "unavailable";
    case Status::refused:
      return "refused";
  }
  return "";
}

Answer found(Value value) {
  return {Status::found, std::move(value), ""};
}

Answer failed(Status status, std::string reason) {
  return {status, {}, std::move(reason)};
}

const Key& key_of(const Question& question) {
  return std::visit([](const auto& q) -> const Key& { return q.key; }, question);
}

const Key& key_of(const Write& write) {
  return std::visit([](const auto& w) -> const Key& { return w.key; }, write);
}

}  // namespace gatepost::store
