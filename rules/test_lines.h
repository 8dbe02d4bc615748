#pragma once
// `test NAME ok|fail TEXT`: examples that a rule must, or must not, hit.

#include <cstddef>
#include <string>
#include <vector>

#include "rules/rule.h"
#include "rules/rule_set.h"

namespace gatepost::rules {

struct TestReport {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t limited = 0;  ///< of these: a budget ended the match, so nothing is certain
  std::size_t not_run = 0;  ///< of rules that are not supported, do not run or are not there
  /// An error for each that failed, a warning for each that was not run; in the order of the lines.
  std::vector<Diagnostic> diagnostics;
};

/// Names the test lines of `file` with all that their outcome depends on, but for this program: 64
/// hex digits.
std::string test_lines_key(const RuleFile& file, int score_set);

/// Runs the test lines of `file` against the set that compile() made of it. The text is, for a rule
/// of type
///   header   the value of the field that the rule looks at (EnvelopeFrom: the envelope sender;
///            ALL: a whole field, "Name: value");
///   body     a paragraph, rawbody a line of text, full the whole message;
///   connect, helo, mail, rcpt: the field of SMTP that the rule looks at;
///   meta     Subject, paragraph, line and message at once.
/// A text that begins with "message:" is a whole message for every type (rules/test_message.h).
/// Any thread.
TestReport run_tests(const RuleFile& file, const RuleSet& set, int score_set = 1);

}  // namespace gatepost::rules
