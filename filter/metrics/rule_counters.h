#pragma once
// How often each content rule hit: what `gatepost stats rules` shows.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gatepost {

/// The counters of one rule set, by the number of the rule in it. Pinned with the policy: a message
/// counts for the rules that it was judged by.
/// Thread rule: everything from any thread; counting is relaxed additions, without a lock.
class RuleCounters {
 public:
  /// One rule. It outlives rule sets as long as the next one has a rule of the name.
  struct Counter {
    std::int64_t since = 0;  ///< Unix time from which on it is counted
    std::atomic<std::int64_t> hits{0};
    std::atomic<std::int64_t> shadow_hits{0};
    std::atomic<std::int64_t> last_hit{0};  ///< Unix time; 0: never
  };

  /// A hit of a rule; of a rule that is not counted nothing.
  void count(std::size_t rule, bool shadow, std::int64_t unix_time) const;
  /// A message that the rules looked at.
  void count_message() const { messages_->fetch_add(1, std::memory_order_relaxed); }

 private:
  friend class RuleStatistics;
  std::vector<std::shared_ptr<Counter>> by_rule_;  // null: not counted
  std::shared_ptr<std::atomic<std::int64_t>> messages_;
};

/// Makes and reads the counters of the running rule set. Thread rule: any; a lock that counting
/// does not take.
class RuleStatistics {
 public:
  struct Rule {
    std::string name;  ///< empty: this one is not counted
    std::string category;
    bool shadow = false;
  };
  struct Row {
    std::string name;
    std::string category;
    bool shadow = false;  ///< it is in shadow now
    std::int64_t hits = 0, shadow_hits = 0, since = 0, last_hit = 0;
  };
  struct Reading {
    std::int64_t since = 0;   ///< when the first set was begun
    std::int64_t loaded = 0;  ///< when the running one was
    std::int64_t messages = 0;
    std::vector<Row> rows;  ///< most hits of both kinds first, then by name
  };

  /// From now on these rules, in the order of their set, are the running ones. A name that the set
  /// before had goes on counting; what has gone is forgotten.
  std::shared_ptr<const RuleCounters> begin(std::vector<Rule> rules, std::int64_t unix_time);
  Reading read() const;

 private:
  mutable std::mutex mutex_;
  std::int64_t since_ = 0;
  std::int64_t loaded_ = 0;
  std::shared_ptr<std::atomic<std::int64_t>> messages_ =
      std::make_shared<std::atomic<std::int64_t>>(0);
  std::map<std::string, std::shared_ptr<RuleCounters::Counter>> counters_;
  std::vector<Rule> rules_;
};

}  // namespace gatepost
