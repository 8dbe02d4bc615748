#pragma once
// Findings are facts that checks state; what they mean is said by the policy.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filter/policy/stage.h"

namespace gatepost {

/// What a finding asks for, weakest first: the strongest of a message wins.
enum class Action {
  none,   ///< only its score counts
  tag,    ///< deliver with X-Spam-* header fields
  hold,   ///< accept into the MTA's own quarantine
  store,  ///< accept into our quarantine: the MTA is told to discard it, or 5xx (store_and_reject)
  tempfail,  ///< 4xx: the client tries again
  reject,    ///< 5xx
};

/// "none", "tag", "hold", "store", "tempfail", "reject".
std::string_view to_string(Action action);
std::optional<Action> parse_action(std::string_view word);

/// What a finding counts and asks for.
struct FindingRule {
  double score = 0;
  Action action = Action::none;
  bool operator==(const FindingRule&) const = default;
};

/// One fact. `name` is a row of finding_table(), or a content rule's when `rule` is set.
struct Finding {
  std::string name;              ///< "SPF_FAIL"
  Stage stage = Stage::connect;  ///< where it became known
  std::string detail;  ///< for the log and `explain`, untrusted text: escape before showing
  int recipient = -1;  ///< index into Envelope::recipients when it concerns one recipient only
  double factor = 1;   ///< multiplies the score (weights of DNS lists)
  /// Of a content rule: score and action as its rule set has them.
  std::optional<FindingRule> rule = {};
  /// Said to the client instead of the table's text: one line of printable ASCII, or empty.
  std::string reply = {};
  /// Of a content rule: what its rule set says it means. Untrusted text, UTF-8.
  std::string description = {};
  /// Of DMARC: the author domain (of LIST_COPY the list's), lower-case A-labels.
  std::string domain = {};
  /// Of a content rule in shadow: it is recorded and decides nothing.
  bool shadow = false;
  std::string category = {};  ///< of a content rule: a word for the log

  bool operator==(const Finding&) const = default;
};

/// A row of the table of all findings: what the program can say about a message and what each means
/// unless the configuration says otherwise ([findings] NAME = { score = …, action = … }).
struct FindingInfo {
  std::string_view name;
  std::string_view check;  ///< the check that states it
  Stage stage;             ///< where it is known at the earliest
  double score;
  Action action;
  int code;                   ///< SMTP reply code for tempfail and reject
  std::string_view enhanced;  ///< RFC 3463, 7372 and the IANA registry of enhanced codes
  std::string_view reply;     ///< reply text for the client
  std::string_view meaning;   ///< for the manual
};

/// All rows, sorted by name.
const std::vector<FindingInfo>& finding_table();
/// Null when there is no such row.
const FindingInfo* find_finding(std::string_view name);
/// The row of the finding; for a content rule one that speaks of all of them. Null: neither.
const FindingInfo* info_of(const Finding& finding);

}  // namespace gatepost
