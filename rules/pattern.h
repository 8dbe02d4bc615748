#pragma once
// Which pattern goes where: Hyperscan alone, Hyperscan or a scan for letters with PCRE2 behind it,
// PCRE2 alone.

#include <cstddef>
#include <cstdint>
#include <string>

#include "rules/regex.h"

namespace gatepost::rules {

enum class Route : std::uint8_t {
  exact,        ///< a match that Hyperscan reports is a match
  confirm,      ///< Hyperscan reports each place where a match may end; PCRE2 decides
  counted,      ///< its matches are counted (sequence_count.h)
  spelled,      ///< its letters are looked for (letter_scan.h), PCRE2 decides
  pcre_only,    ///< Hyperscan cannot hold it
  invalid,      ///< no regular expression: refuses the load
  unsupported,  ///< Perl has it, we do not: never hits
};

/// A pattern and what it is matched against.
struct PatternInput {
  Expression expression;
  /// The subject is a text in pieces that Hyperscan sees as one buffer: ^, $ and the like mean the
  /// ends of a piece, and a match must lie in one, which may have its LF.
  bool in_pieces = false;
  /// Each place where it matches is wanted, not the first alone.
  bool every_match = false;
  /// Neither Route::spelled nor Route::counted: what Hyperscan alone would be given (tests, bench).
  bool plain = false;
  /// Often nobody asks whether it matches: what PCRE2 costs is saved then, what Hyperscan costs is
  /// not.
  bool can_wait = false;
};

struct PatternPlan {
  Route route = Route::pcre_only;
  std::string hs_expression;  ///< exact and confirm: what Hyperscan is given
  unsigned hs_flags = 0;
  /// HS_FLAG_SINGLEMATCH where the first report is enough to ask PCRE2: not in a text of pieces.
  unsigned single = 0;
  /// Words that each match holds (needed_text.h), as an expression: what Hyperscan can be given
  /// when it does not take the whole. Empty: none are known, or hs_expression is that already.
  std::string words;
  std::size_t words_needed = 1;  ///< so many of them, where each is reported
  bool has_words = false;        ///< such words are known
  std::size_t shortest_word = 0;
  bool has_wide_repeat = false;  ///< PatternTraits
  /// confirm: reports in one text or piece that there must be before PCRE2 is worth asking.
  std::size_t least_reports = 1;
  std::string problem;     ///< invalid, unsupported: what is wrong
  std::size_t offset = 0;  ///< and where, in octets
};

/// Makes Hyperscan look for the words alone; PCRE2 confirms.
void use_words(PatternPlan& plan);
/// Makes Hyperscan look for something that each match is, and more; PCRE2 confirms.
void use_approximation(PatternPlan& plan);

/// What can be seen in an expression's text. Errs to the side of true.
struct PatternTraits {
  bool may_match_lf = false;      ///< some item of it can be a line feed
  bool has_anchor = false;        ///< ^ $ \A \z \Z \G
  bool clears_multiline = false;  ///< (?-m) or (?^)
  bool has_wide_repeat = false;   ///< an unlimited repeat or one of more than 8 of something wide
  /// The expression with \A as ^ and \z, \Z as $.
  std::string with_line_anchors;
  /// The same without $, \z, \Z and \B: matches wherever the other does, and maybe elsewhere.
  std::string without_end_anchors;
};
PatternTraits traits_of(const Expression& expression);

/// Validates with PCRE2, then asks Hyperscan what it can do with it. To be called where a crash or
/// a lot of memory does no harm. Never fails: the last resort is pcre_only.
PatternPlan plan_pattern(const PatternInput& input);

}  // namespace gatepost::rules
