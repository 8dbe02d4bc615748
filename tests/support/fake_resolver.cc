#include "tests/support/fake_resolver.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/dns/name.h"

namespace gatepost::testing {

using dns::AnswerPtr;
using dns::Query;
using dns::Status;

dns::Answer txt_answer(std::string_view text, std::uint32_t ttl) {
  dns::Answer answer;
  answer.status = Status::ok;
  answer.texts = {std::string(text)};
  answer.ttl = ttl;
  return answer;
}

FakeResolver::~FakeResolver() {
  time_out_all();
}

void FakeResolver::add_zone(std::string_view master_file) {
  std::lock_guard lock(mutex_);
  if (auto added = zone_.add_text(master_file, "zone"); !added) {
    throw std::invalid_argument(added.error().text());
  }
}

void FakeResolver::set(const Query& query, dns::Answer answer) {
  std::lock_guard lock(mutex_);
  answers_[query] = std::make_shared<dns::Answer>(std::move(answer));
}

void FakeResolver::set_txt(std::string_view name, std::string_view text) {
  set(dns::make_query(name, dns::RrType::txt), txt_answer(text));
}

void FakeResolver::fail(std::string_view name, Status status) {
  std::lock_guard lock(mutex_);
  failures_[dns::make_query(name, dns::RrType::a).name] = status;
}

void FakeResolver::fail(const Query& query, Status status) {
  std::lock_guard lock(mutex_);
  answers_[query] = dns::empty_answer(status, 0, dns::to_string(status));
}

void FakeResolver::set_cached(bool cached) {
  std::lock_guard lock(mutex_);
  cached_ = cached;
}

void FakeResolver::warm(const Query& query) {
  std::lock_guard lock(mutex_);
  warm_[query] = true;
}

void FakeResolver::hold(bool hold) {
  std::lock_guard lock(mutex_);
  hold_ = hold;
}

FakeResolver::Waiting FakeResolver::take_held(const Query& query) {
  Waiting taken;
  std::lock_guard lock(mutex_);
  if (auto held = held_.extract(query)) taken.insert(std::move(held));
  return taken;
}

std::size_t FakeResolver::answer_held(Waiting held, bool time_out) {
  for (const auto& [query, callbacks] : held) {
    AnswerPtr result;
    if (time_out) {
      result = dns::empty_answer(Status::timeout, 0, "no answer by the deadline");
    } else {
      std::lock_guard lock(mutex_);
      result = answer(query);
    }
    for (const auto& callback : callbacks) callback(query, result);
  }
  return held.size();
}

std::size_t FakeResolver::release(const Query& query) {
  return answer_held(take_held(query), false);
}

std::size_t FakeResolver::time_out(const Query& query) {
  return answer_held(take_held(query), true);
}

std::size_t FakeResolver::release_all() {
  Waiting held;
  {
    std::lock_guard lock(mutex_);
    held = std::exchange(held_, {});
  }
  return answer_held(std::move(held), false);
}

std::size_t FakeResolver::time_out_all() {
  Waiting held;
  {
    std::lock_guard lock(mutex_);
    held = std::exchange(held_, {});
  }
  return answer_held(std::move(held), true);
}

std::size_t FakeResolver::questions() const {
  std::lock_guard lock(mutex_);
  return asked_.size();
}

std::size_t FakeResolver::batches() const {
  std::lock_guard lock(mutex_);
  return batches_;
}

std::size_t FakeResolver::held() const {
  std::lock_guard lock(mutex_);
  return held_.size();
}

std::vector<Query> FakeResolver::asked() const {
  std::lock_guard lock(mutex_);
  return asked_;
}

std::size_t FakeResolver::times_asked(const Query& query) const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count(asked_.begin(), asked_.end(), query));
}

Deadline FakeResolver::last_deadline() const {
  std::lock_guard lock(mutex_);
  return last_deadline_;
}

AnswerPtr FakeResolver::answer(const Query& query) const {
  if (!dns::is_wire_name(query.name)) return dns::empty_answer(Status::nxdomain);
  if (const auto found = answers_.find(query); found != answers_.end()) return found->second;
  if (const auto found = failures_.find(query.name); found != failures_.end()) {
    return dns::empty_answer(found->second, 0, dns::to_string(found->second));
  }
  return std::make_shared<dns::Answer>(zone_.lookup(query).answer);
}

AnswerPtr FakeResolver::cached(const Query& query) {
  std::lock_guard lock(mutex_);
  if (!cached_ && warm_.count(query) == 0) return nullptr;
  auto known = answer(query);
  // A timeout is no knowledge.
  return known->status == Status::timeout ? nullptr : known;
}

void FakeResolver::ask(std::vector<Query> batch, Deadline deadline, Callback done) {
  Waiting now;
  {
    std::lock_guard lock(mutex_);
    ++batches_;
    last_deadline_ = deadline;
    for (const Query& query : batch) {
      // A name that cannot be on the wire is never asked.
      auto& waiting = hold_ && dns::is_wire_name(query.name) ? held_ : now;
      auto& callbacks = waiting[query];
      if (callbacks.empty()) asked_.push_back(query);
      callbacks.push_back(done);
    }
  }
  answer_held(std::move(now), false);
}

}  // namespace gatepost::testing
