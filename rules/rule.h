#pragma once
// What a rule file says, as values. Made by parse(); read by lint, compiler and matcher.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/settings.h"

namespace gatepost::rules {

/// What a `header` or `mimeheader` rule looks at (SpamAssassin's Conf(3): header SYMBOLIC_TEST_NAME
/// header op /pat/).
struct HeaderSelector {
  enum class Part { decoded, raw, address, display_name, raw_display_name };
  /// Of several fields of the name.
  enum class Pick { all, first, last };
  /// What is taken out of each text: its host name, the domain of that, its IP address.
  enum class Extract { none, host, domain, ip, reversed_ip };
  std::string name;  ///< "Subject"; also a pseudo-header (header_values.h)
  Part part = Part::decoded;
  Pick pick = Pick::all;
  Extract extract = Extract::none;
  bool exists = false;                  ///< exists:NAME, no pattern
  bool negated = false;                 ///< !~
  std::optional<std::string> if_unset;  ///< [if-unset: TEXT]
};

/// connect, helo, mail and rcpt are stages of SMTP: such a rule looks at one thing that SMTP says
/// and is answered there.
enum class RuleType {
  header,
  body,
  rawbody,
  full,
  meta,
  mimeheader,
  uri,
  uri_detail,
  eval,
  connect,
  helo,
  mail,
  rcpt,
};
std::string_view to_string(RuleType type);
constexpr bool is_stage(RuleType type) {
  return type >= RuleType::connect;
}

/// What a rule asks for when it hits (`action NAME WORD`), besides its score.
enum class RuleAction { none, tag, hold, store, quarantine, tempfail, reject };
/// "none", "tag" …
std::string_view to_string(RuleAction action);
std::optional<RuleAction> parse_rule_action(std::string_view word);

/// One condition of a `uri_detail` rule; one address must meet them all.
struct UriCondition {
  enum class Target { raw, type, cleaned, text, domain, host };
  Target target = Target::raw;
  bool negated = false;
  Pattern pattern;
};

/// `eval:function(arguments)`, answered by a native function (rules/evals).
struct EvalCall {
  std::string function;
  std::vector<std::string> arguments;  ///< without their quotes
  RuleType text = RuleType::header;    ///< the directive: header, body, rawbody or full
};

/// tflags that matter to us; unknown ones are kept by name for lint.
struct RuleFlags {
  bool nice = false;      ///< a negative score is meant
  bool multiple = false;  ///< counts each hit (maxhits at most)
  int max_hits = 0;       ///< 0: no limit of its own
  std::vector<std::string> others;
};

/// One rule. A name that starts with "__" is a subrule: it has no score and is not shown.
struct Rule {
  std::string name;
  RuleType type = RuleType::body;
  Pattern pattern;  ///< of a meta or an eval only its place and jumps; none of uri_detail
  /// header, mimeheader; of a rule of a stage only `name`, the field ("ip"), and `negated`.
  HeaderSelector header;
  std::string meta;                      ///< meta: the expression as written
  std::vector<UriCondition> conditions;  ///< uri_detail
  EvalCall eval;                         ///< eval
  /// By score set: 0 neither network tests nor Bayes, 1 network, 2 Bayes, 3 both. One `score`
  /// value fills all four.
  std::array<double, 4> scores{1, 1, 1, 1};
  bool scored = false;  ///< a `score` line stands
  std::string description;
  RuleFlags flags;
  RuleAction action = RuleAction::none;
  /// It counts and does nothing else: no action, no score, 0 in metas that are not in shadow.
  bool shadow = false;
  std::string category;  ///< a word for logs and statistics, or empty
  Place place;

  /// Whether `pattern` is a pattern.
  bool has_pattern() const {
    return type != RuleType::meta && type != RuleType::eval && type != RuleType::uri_detail &&
           !(type == RuleType::header && header.exists);
  }
  bool is_subrule() const { return name.starts_with("__"); }
  /// False for a score of 0: such a rule is not run and counts 0 in metas, as in SpamAssassin.
  bool runs(int score_set) const {
    return is_subrule() || scores[static_cast<std::size_t>(score_set)] != 0;
  }
};

/// A `test NAME (ok|fail) TEXT` line: the rule must (not) hit a message with this text.
struct RuleTest {
  std::string rule;
  bool must_hit = true;
  std::string text;
  Place place;
};

/// Something to say about a rule file.
struct Diagnostic {
  enum class Severity {
    error,        ///< the load is refused
    unsupported,  ///< loads, counts 0 in metas; with rules.strict an error
    warning,      ///< lint only
  };
  Severity severity = Severity::error;
  std::string what;  ///< one sentence without a full stop, with "did you mean" where it helps
  Place place;
  std::string rule;  ///< the rule it concerns, where there is one
};
std::string_view to_string(Diagnostic::Severity severity);

/// A rule that the files define and that is not in RuleFile::rules, with the reason in a
/// diagnostic.
struct UnsupportedRule {
  std::string name;
  std::string directive;  ///< "uri", "mimeheader", "header" …
  Place place;
};

/// A line about a rule that no file defines.
struct Orphan {
  std::string directive;  ///< "score", "describe", "tflags", "test", "action" …
  std::string rule;
  Place place;
};

/// Rules in the order of their files; a rule that is defined again replaces the earlier one and
/// keeps its score and description.
struct RuleFile {
  std::vector<Rule> rules;
  std::vector<RuleTest> tests;
  std::vector<std::string> files;       ///< in the order in which they were read, included ones too
  std::vector<Diagnostic> diagnostics;  ///< in the order of files and lines
  std::vector<UnsupportedRule> unsupported;  ///< each name once, none of `rules`
  std::vector<Orphan> orphans;               ///< for lint
  std::vector<std::string> refused;          ///< names of rules whose definition has an error
  RuleSettings settings;

  bool has_errors() const;
};

/// Sorts by the order of file.files, then line and column.
void sort_by_place(const RuleFile& file, std::vector<Diagnostic>& diagnostics);

/// Index into file.rules by name; the views are of file.rules.
std::unordered_map<std::string_view, std::uint32_t> index_by_name(const RuleFile& file);

}  // namespace gatepost::rules
