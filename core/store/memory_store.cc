#include "core/store/memory_store.h"

#include <algorithm>

namespace gatepost::store {

namespace {

constexpr std::int64_t kSweepSeconds = 10;

Error outside_of_budget(const Key& key) {
  return permanent_error("a key has 1 to 24 of [a-z0-9_] as its space and a name of at most " +
                             std::to_string(kMaxName) + " octets, an entry at most " +
                             std::to_string(kMaxData) + " octets of data",
                         key.space);
}

}  // namespace

std::optional<Answer> MemoryStore::now(const Question& question) {
  std::lock_guard lock(mutex_);
  return answer(question);
}

void MemoryStore::ask(std::vector<Question> batch, Deadline, Callback done) {
  for (const Question& question : batch) done(question, *now(question));
}

Answer MemoryStore::answer(const Question& question) {
  ++reads_;
  const Key& key = key_of(question);
  if (!is_valid(key)) return failed(Status::refused, outside_of_budget(key).what);
  if (const auto* add_question = std::get_if<Add>(&question)) return add(*add_question);
  const auto space = spaces_.find(key.space);
  if (space == spaces_.end()) return {Status::none, {}, ""};
  const auto at = space->second.find(key.name);
  if (at == space->second.end() || !is_live(at->second, clock_.unix_time()))
    return {Status::none, {}, ""};
  return found(at->second);
}

Answer MemoryStore::add(const Add& add) {
  if (add.data.size() > kMaxData) return failed(Status::refused, outside_of_budget(add.key).what);
  const auto place = slot(add.key);
  if (!place.ok()) return failed(Status::unavailable, place.error().what);
  ++writes_;
  Value& value = **place;
  const std::int64_t now = clock_.unix_time();
  if (value.expires < 0 || !is_live(value, now)) {
    value = {add.data, add.by, expiry(now, add.ttl)};
  } else {
    value.number += add.by;
    if (add.prolong) value.expires = expiry(now, add.ttl);
  }
  return found(value);
}

// A new slot has a negative expiry: it holds nothing yet.
Result<Value*> MemoryStore::slot(const Key& key) {
  Space& space = spaces_[key.space];
  if (const auto at = space.find(key.name); at != space.end()) return &at->second;
  if (entries_ >= max_entries_) sweep();
  if (entries_ >= max_entries_) {
    ++refused_full_;
    return temporary_error("the store is full: " + std::to_string(max_entries_) + " entries");
  }
  ++entries_;
  return &space.emplace(key.name, Value{"", 0, -1}).first->second;
}

void MemoryStore::sweep() {
  const std::int64_t now = clock_.unix_time();
  if (now < next_sweep_ && next_sweep_ - now <= kSweepSeconds) return;
  next_sweep_ = now + kSweepSeconds;
  for (auto& [name, space] : spaces_)
    entries_ -= std::erase_if(space, [&](const auto& row) { return !is_live(row.second, now); });
}

Result<void> MemoryStore::apply(std::span<const Write> writes) {
  std::lock_guard lock(mutex_);
  Result<void> first;
  for (const Write& one : writes) {
    auto done = write(one);
    if (!done.ok() && first.ok()) first = std::move(done);
  }
  return first;
}

Result<void> MemoryStore::write(const Write& write) {
  const Key& key = key_of(write);
  if (!is_valid(key)) return outside_of_budget(key);
  if (const auto* put = std::get_if<Put>(&write)) {
    if (put->data.size() > kMaxData) return outside_of_budget(key);
    const auto place = slot(key);
    if (!place.ok()) return place.error();
    **place = {put->data, put->number, expiry(clock_.unix_time(), put->ttl)};
    ++writes_;
  } else if (const auto* addition = std::get_if<Add>(&write)) {
    const Answer answer = add(*addition);
    if (answer.status == Status::refused) return permanent_error(answer.reason);
    if (answer.status == Status::unavailable) return temporary_error(answer.reason);
  } else if (const auto space = spaces_.find(key.space); space != spaces_.end()) {
    entries_ -= space->second.erase(key.name);
    ++writes_;
  }
  return {};
}

Result<Page> MemoryStore::scan(std::string_view space, std::string_view prefix,
                               std::string_view after, std::size_t limit) {
  limit = std::clamp<std::size_t>(limit, 1, kMaxPage);
  Page page;
  std::lock_guard lock(mutex_);
  const auto found_space = spaces_.find(space);
  if (found_space == spaces_.end()) return page;
  const Space& rows = found_space->second;
  const std::int64_t now = clock_.unix_time();
  auto at = after < prefix ? rows.lower_bound(prefix) : rows.upper_bound(after);
  for (; at != rows.end() && at->first.starts_with(prefix); ++at) {
    if (!is_live(at->second, now)) continue;
    if (page.entries.size() == limit) {
      page.next = page.entries.back().name;
      break;
    }
    page.entries.push_back({at->first, at->second});
  }
  return page;
}

Health MemoryStore::health() const {
  std::lock_guard lock(mutex_);
  Health health;
  if (refused_full_ > 0 && entries_ >= max_entries_) {
    health.degraded = true;
    health.why = "the memory store is full";
  }
  health.counters = {{"entries", static_cast<std::int64_t>(entries_)},
                     {"reads", reads_},
                     {"writes", writes_},
                     {"refused_full", refused_full_}};
  return health;
}

}  // namespace gatepost::store
