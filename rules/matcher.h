#pragma once
// The rule set as the compiler hands it over, and its match().

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rules/database_block.h"
#include "rules/eval.h"
#include "rules/header_values.h"
#include "rules/lazy_regex.h"
#include "rules/letter_scan.h"
#include "rules/match_state.h"
#include "rules/meta.h"
#include "rules/pattern.h"
#include "rules/prepared_settings.h"
#include "rules/rule_set.h"
#include "rules/sequence_count.h"
#include "rules/stage_fields.h"

struct hs_database;

namespace gatepost::rules {

/// One Hyperscan database and the rules its ids stand for.
struct Database {
  const hs_database* database = nullptr;  ///< lies in RuleSetParts::block
  std::vector<std::uint32_t> rules;
};

/// A rule whose matches are counted.
struct CountedRule {
  std::uint32_t rule = 0;
  SequenceCount sequences;
};

/// Rules that look at one subject.
struct Group {
  std::vector<Database> databases;
  std::vector<CountedRule> counted;
  LetterScan letters;
  std::vector<std::uint32_t> pcre_only;
};

/// Rules that look at one selector's text or, without such a field, at `unset`.
struct HeaderGroup {
  std::uint32_t selector = 0;
  std::string unset;
  Group rules;
  std::vector<std::uint32_t> negated;  ///< of `rules`, those with !~
  std::vector<std::uint32_t> exists;
  std::vector<std::uint32_t> missing;  ///< exists, negated
  /// What hits when there is no such field: always the same, so found once.
  std::vector<std::pair<std::uint32_t, double>> when_unset;
};

/// `mimeheader` rules that look at one field of all parts; without it at `unset`.
struct MimeHeaderGroup {
  std::string name;
  bool raw = false;
  std::string unset;
  Group rules;
  std::vector<std::uint32_t> negated;
};

/// Rules of one of SMTP's stages that look at one field.
struct StageGroup {
  RuleType stage = RuleType::connect;
  StageField field = StageField::ip;
  Group rules;
  std::vector<std::uint32_t> negated;
};

struct EvalRule {
  std::uint32_t rule = 0;
  const EvalFunction* function = nullptr;
  bool answered = false;  ///< by what other checks found
  std::unique_ptr<const EvalArguments> arguments;
};

struct UriDetailRule {
  std::uint32_t rule = 0;
  std::unique_ptr<LazyRegex[]> regexes;  ///< by condition of the rule
};

/// What match() needs to know of a rule.
struct Slot {
  Route route = Route::unsupported;
  bool negated = false;
  bool multiple = false;
  bool skip_subject = false;       ///< tflags nosubject: not in the first piece of the body
  bool can_wait = false;           ///< only metas ask whether it hit
  std::uint8_t least_reports = 1;  ///< of Hyperscan in one piece, before PCRE2 is asked
  int most = 1;                    ///< hits that are counted
  LazyRegex regex;
};

/// Everything compile() made of the rules.
struct RuleSetParts {
  std::vector<Rule> rules;
  DatabaseBlock block;
  std::unique_ptr<Slot[]> slots;  ///< by rule
  std::vector<HeaderReader> selectors;
  std::vector<HeaderGroup> headers;
  Group body, rawbody, uri, full;
  std::vector<MimeHeaderGroup> mime_headers;
  std::vector<StageGroup> stages;
  std::vector<UriDetailRule> uri_details;
  std::vector<EvalRule> evals;
  std::shared_ptr<const PreparedSettings> settings;
  std::vector<MetaPlan::Meta> metas;  ///< in the order in which they are computed
  std::string hash;
  MatchLimits limits;
};

/// @return an internal error when Hyperscan has no memory for its scratch.
Result<std::shared_ptr<const RuleSet>> make_rule_set(RuleSetParts parts);

}  // namespace gatepost::rules
