#pragma once
// What content rules would have done to mail that people have sorted: one policy, or two beside
// each other.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "filter/policy/finding.h"
#include "filter/rule_tools/judge.h"
#include "filter/rule_tools/mail_files.h"

namespace gatepost::rule_tools {

struct BacktestInput {
  std::vector<MailPlace> ham;
  std::vector<MailPlace> spam;
  const Judge* now = nullptr;
  const Judge* before = nullptr;  ///< null: there is nothing to compare with
  std::int64_t time = 0;          ///< seconds since 1970, what the rules take for now
  unsigned threads = 0;           ///< 0: one for each processor
};

/// One message and what both policies say.
struct JudgedMessage {
  std::uint32_t place = 0;  ///< of input.spam or input.ham
  bool spam = false;
  std::string from;     ///< printable, untrusted
  std::string subject;  ///< printable, untrusted
  Judge::Judgement now;
  Judge::Judgement before;
};

/// By kind of mail.
struct Sides {
  std::size_t ham = 0;
  std::size_t spam = 0;
  std::size_t all() const { return ham + spam; }
  std::size_t& of(bool is_spam) { return is_spam ? spam : ham; }
  bool operator==(const Sides&) const = default;
};

/// A rule of either policy, without subrules.
struct RuleOutcome {
  std::string name;
  std::string description;  ///< untrusted
  bool is_now = false;      ///< the rules now have it
  bool was_before = false;
  bool shadow = false;  ///< it counts nothing: scores and points are what they would be
  double score = 0;     ///< where it hit: what it counted; else what its set says
  double score_before = 0;
  Sides hits, hits_before;
  /// Messages that cross the limit by this rule's score alone (in shadow: that would).
  Sides decides;
  /// Mean points that it adds to a message of each kind.
  double ham_points = 0, spam_points = 0;
  double ham_points_before = 0, spam_points_before = 0;
  /// Share of its hits in mail of the kind that its score speaks for: spam, or ham when the score
  /// is below 0. Less than 0: it never hits.
  double precision = -1;
};

/// Two rules that nearly always hit together.
struct Overlap {
  std::string first, second;
  std::size_t both = 0, only_first = 0, only_second = 0;
  /// Messages that both hit, of those that either hits.
  double share() const {
    return static_cast<double>(both) / static_cast<double>(both + only_first + only_second);
  }
};

/// Messages of one policy by their verdict.
struct VerdictCounts {
  Sides none, tag, quarantine, reject;  ///< quarantine: hold and store
  double ham_mean = 0, spam_mean = 0;   ///< of the scores
  std::size_t limited = 0;              ///< where a budget ended some pattern
  /// What is marked as spam in any way.
  Sides marked() const;
};

struct BacktestResult {
  std::vector<JudgedMessage> messages;  ///< ham first, in the order of the input
  Sides judged;
  VerdictCounts now, before;
  std::vector<RuleOutcome> rules;    ///< by name
  std::vector<Overlap> overlaps;     ///< strongest first
  std::vector<std::size_t> changed;  ///< of `messages`: another verdict than before
  /// What could not be judged, with the reason; the first MailList::kMaxTold.
  std::vector<std::string> skipped;
  std::size_t skipped_count = 0;
  double seconds = 0;
  unsigned threads = 0;
  /// Whether one of the sets has rules of SMTP's stages, and for how many messages their fields
  /// tell the client, the sender and the recipients (file_envelope.h).
  bool has_stage_rules = false;
  std::size_t clients_known = 0, senders_known = 0, recipients_known = 0;

  std::size_t hit_nothing() const;
};

/// A rule that counts otherwise than before in one message.
struct HitChange {
  std::string rule;
  bool is_now = false, was_before = false;
  double score = 0, score_before = 0;
};
/// By name of the rule.
std::vector<HitChange> hit_changes(const BacktestInput& input, const JudgedMessage& message);

constexpr std::size_t kOverlapMessages = 10;  ///< fewer together say nothing
constexpr double kOverlapShare = 0.9;

/// Blocks; `done` counts messages meanwhile, and `stop` ends it early with what was judged so far.
/// The result does not depend on the number of threads.
BacktestResult run_backtest(const BacktestInput& input, std::atomic<std::size_t>& done,
                            const std::atomic<bool>& stop);

}  // namespace gatepost::rule_tools
