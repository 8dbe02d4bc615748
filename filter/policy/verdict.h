#pragma once
// The answer of a stage, and of the whole message at its end.

#include <string>
#include <vector>

#include "filter/policy/finding.h"

namespace gatepost {

/// An SMTP reply. `code` 0: none. `text` is one line of printable ASCII, at most 400 octets.
struct Reply {
  int code = 0;
  std::string enhanced;
  std::string text;

  /// "550 5.7.1 text", or empty.
  std::string line() const;
  bool operator==(const Reply&) const = default;
};

/// Why: a finding and what it counted.
struct Reason {
  std::string finding;
  double score = 0;
  Action action = Action::none;
  std::string description = {};  ///< of a content rule, untrusted text
  bool operator==(const Reason&) const = default;
};

struct HeaderEdit {
  enum class Kind { insert, remove, change };
  Kind kind = Kind::insert;
  std::string name;
  /// insert, change: with folds as LF + blank, without leading blank
  std::string value;
  /// insert: position among all fields; remove, change: 1-based among fields of this name
  int index = 0;
  bool operator==(const HeaderEdit&) const = default;
};

/// What becomes of one accepted recipient.
enum class RecipientOutcome { accept, refuse, tempfail, remove_and_quarantine };

/// Made by decide() alone.
struct Verdict {
  Stage stage = Stage::connect;
  Action action = Action::none;  ///< what policy wants; in observe mode it is not done
  bool observed = false;         ///< observe mode and the action would have been visible
  Reply reply;              ///< for tempfail and reject; for store when the client is to be refused
  std::string hold_reason;  ///< for hold; one line
  double score = 0;
  std::vector<Reason> reasons;               ///< those that count, strongest first
  std::vector<RecipientOutcome> recipients;  ///< end of message: one per Envelope::recipients
  std::vector<HeaderEdit> edits;             ///< end of message, in the order to be applied

  /// What the MTA is told.
  Action effective() const { return observed ? Action::none : action; }
};

}  // namespace gatepost
