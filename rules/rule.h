#pragma once
// What a rule file says, as values. Made by parse(); read by lint, compiler and matcher.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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
  /// Octets from `offset` on stand at `place`: where a line was continued or lost a backslash.
  struct Jump {
    std::uint32_t offset = 0;
    int line = 0;
    int column = 0;
    bool operator==(const Jump&) const = default;
  };

  std::string expression;
  bool caseless = false;    ///< i
  bool multiline = false;   ///< m
  bool dotall = false;      ///< s
  bool extended = false;    ///< x
  Place place;              ///< of its first character
  std::vector<Jump> jumps;  ///< by offset; most patterns have none

  /// Where the octet `offset` of the expression stands in the file.
  Place place_at(std::size_t offset) const;
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
  Pattern pattern;        ///< header, body, rawbody, full; of a meta only its place and jumps
  HeaderSelector header;  ///< header
  std::string meta;       ///< meta: the expression as written
  /// By score set: 0 neither network tests nor Bayes, 1 network, 2 Bayes, 3 both. One `score`
  /// value fills all four.
  std::array<double, 4> scores{1, 1, 1, 1};
  bool scored = false;  ///< a `score` line stands
  std::string description;
  RuleFlags flags;
  Place place;

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
  std::string directive;  ///< "score", "describe", "tflags" or "test"
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

  bool has_errors() const;
};

/// Sorts by the order of file.files, then line and column.
void sort_by_place(const RuleFile& file, std::vector<Diagnostic>& diagnostics);

/// Index into file.rules by name; the views are of file.rules.
std::unordered_map<std::string_view, std::uint32_t> index_by_name(const RuleFile& file);

}  // namespace gatepost::rules
