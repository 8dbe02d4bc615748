#pragma once
// A Store that is another machine: it must be asked, and answers when told.

#include <string>
#include <utility>
#include <vector>

#include "core/store/store.h"

namespace gatepost::testing {

/// In front of an embedded store, which must outlive it. One thread.
class RemoteStore final : public store::Store {
 public:
  explicit RemoteStore(store::Store& behind) : behind_(behind) {}

  /// Whether answers wait for release(). Default: no, ask() answers before it returns.
  void hold(bool hold) { hold_ = hold; }
  void release() {
    for (auto& [question, done] : std::exchange(held_, {})) done(question, *behind_.now(question));
  }
  /// As at the deadline.
  void time_out() {
    for (auto& [question, done] : std::exchange(held_, {}))
      done(question, store::failed(store::Status::unavailable, "timeout"));
  }
  std::size_t batches() const { return batches_; }
  std::size_t held() const { return held_.size(); }
  Deadline last_deadline() const { return last_deadline_; }

  std::optional<store::Answer> now(const store::Question&) override { return std::nullopt; }
  void ask(std::vector<store::Question> batch, Deadline deadline, Callback done) override {
    ++batches_;
    last_deadline_ = deadline;
    for (auto& question : batch) held_.emplace_back(std::move(question), done);
    if (!hold_) release();
  }
  Result<void> apply(std::span<const store::Write> writes) override {
    return behind_.apply(writes);
  }
  Result<store::Page> scan(std::string_view space, std::string_view prefix, std::string_view after,
                           std::size_t limit) override {
    return behind_.scan(space, prefix, after, limit);
  }
  store::Health health() const override { return behind_.health(); }

 private:
  store::Store& behind_;
  bool hold_ = false;
  std::vector<std::pair<store::Question, Callback>> held_;
  std::size_t batches_ = 0;
  Deadline last_deadline_;
};

}  // namespace gatepost::testing
