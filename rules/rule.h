#pragma once
// What a rule file says, as values. Made by parse(); read by lint, compiler and matcher.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::rules {

/// Where something stands in a rule file; line and column from 1.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  /// "file:line:column"
  std::string text() const;
  bool operator==(const Place&) const = default;
};

/// A Perl regular expression without its delimiters. Modifiers are those of Perl.
struct Pattern {
  std::string expression;
  bool caseless = false;   ///< i
  bool multiline = false;  ///< m
  bool dotall = false;     ///< s
  bool extended = false;   ///< x
  Place place;             ///< of its first character
};

/// What a `header` rule looks at (SpamAssassin's Conf(3): header SYMBOLIC_TEST_NAME header op
/// /pat/).
struct HeaderSelector {
  enum class Part { decoded, raw, address, display_name };
  std::string name;  ///< "Subject"; also the pseudo-headers ALL, ToCc, MESSAGEID, EnvelopeFrom
  Part part = Part::decoded;
  bool exists = false;                  ///< exists:NAME, no pattern
  bool negated = false;                 ///< !~
  std::optional<std::string> if_unset;  ///< [if-unset: TEXT]
};

enum class RuleType { header, body, rawbody, full, meta };
std::string_view to_string(RuleType type);

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
  Pattern pattern;                           ///< header, body, rawbody, full
  HeaderSelector header;                     ///< header
  std::string meta;                          ///< meta: the expression as written
  std::array<double, 4> scores{1, 1, 1, 1};  ///< by score set; one `score` value fills all four
  bool scored = false;                       ///< a `score` line stands
  std::string description;
  RuleFlags flags;
  Place place;

  bool is_subrule() const { return name.starts_with("__"); }
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
};

/// Rules in the order of their files; a rule that is defined again replaces the earlier one and
/// keeps its score and description.
struct RuleFile {
  std::vector<Rule> rules;
  std::vector<RuleTest> tests;
  std::vector<Diagnostic> diagnostics;  ///< in the order of places

  bool has_errors() const;
};

}  // namespace gatepost::rules
