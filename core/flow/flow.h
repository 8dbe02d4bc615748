#pragma once
// Protocol logic without I/O: a flow is asked to step with the answers known so far and gives its
// result, or the questions it cannot go on without. It is re-run from the start when they are
// answered.

#include <cstdint>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "core/dns/answer.h"
#include "core/store/value.h"

namespace gatepost {

/// What a flow may ask: DNS, what a store holds, or what it holds after an addition.
using Question = std::variant<dns::Query, store::Read, store::Add>;

/// What is known: answers by question, and the time the check is made for. Recorded with the
/// message: the same answers give the same result at any later time.
class Answers {
 public:
  explicit Answers(std::int64_t unix_time) : unix_time_(unix_time) {}

  /// Seconds since 1970 at the start of the transaction; flows know no other clock.
  std::int64_t unix_time() const { return unix_time_; }
  /// Null when it was not asked yet.
  const dns::Answer* find(const dns::Query& query) const {
    const auto found = dns_.find(query);
    return found == dns_.end() ? nullptr : found->second.get();
  }
  dns::AnswerPtr find_shared(const dns::Query& query) const {
    const auto found = dns_.find(query);
    return found == dns_.end() ? nullptr : found->second;
  }
  /// The first answer to a question stays: a check never sees two answers to one question.
  void add(const dns::Query& query, dns::AnswerPtr answer) {
    dns_.try_emplace(query, std::move(answer));
  }
  const store::Answer* find(const store::Question& question) const {
    const auto found = store_.find(question);
    return found == store_.end() ? nullptr : &found->second;
  }
  void add(const store::Question& question, store::Answer answer) {
    store_.try_emplace(question, std::move(answer));
  }
  /// Takes the answers to questions that have none here.
  void merge(Answers other) {
    dns_.merge(other.dns_);
    store_.merge(other.store_);
  }
  const std::map<dns::Query, dns::AnswerPtr>& dns() const { return dns_; }
  const std::map<store::Question, store::Answer>& store() const { return store_; }

 private:
  std::int64_t unix_time_;
  std::map<dns::Query, dns::AnswerPtr> dns_;
  std::map<store::Question, store::Answer> store_;
};

template <class R>
using Step = std::variant<R, std::vector<Question>>;

/// A check of one protocol on one input. step() is pure: no I/O, no clock, no globals; it may be
/// called on any thread, by one at a time. Questions in the returned vector are distinct and
/// unanswered; all that can be asked at once are in it.
template <class R>
class Flow {
 public:
  using ResultType = R;
  virtual ~Flow() = default;
  virtual Step<R> step(const Answers& answers) = 0;
};

/// Collects what is missing while a step looks answers up.
class Asker {
 public:
  explicit Asker(const Answers& answers) : answers_(answers) {}
  /// The answer, or null: then the question is noted and the step cannot be concluded on this path.
  const dns::Answer* ask(const dns::Query& query) {
    if (const auto* known = answers_.find(query)) return known;
    note(query);
    return nullptr;
  }
  const store::Answer* ask(const store::Read& read) { return ask_store(read); }
  const store::Answer* ask(const store::Add& add) { return ask_store(add); }
  const Answers& answers() const { return answers_; }
  bool complete() const { return missing_.empty(); }
  std::vector<Question> take_missing() { return std::move(missing_); }

 private:
  template <class Q>
  const store::Answer* ask_store(const Q& question) {
    if (const auto* known = answers_.find(store::Question(question))) return known;
    note(question);
    return nullptr;
  }
  template <class Q>
  void note(const Q& question) {
    for (const Question& have : missing_) {
      const Q* same = std::get_if<Q>(&have);
      if (same != nullptr && *same == question) return;
    }
    missing_.emplace_back(question);
  }

  const Answers& answers_;
  std::vector<Question> missing_;
};

}  // namespace gatepost
