#pragma once
// Rules, contents and an oracle for tests of the rule engine.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/content.h"
#include "rules/compile.h"
#include "rules/rule.h"
#include "rules/rule_set.h"

namespace gatepost::rules::test {

/// "/expression/modifiers" as a rule of that type.
Rule make_rule(std::string name, RuleType type, std::string_view pattern);
/// "Subject =~ /x/", "From:addr !~ /x/i", "exists:X", "!exists:X".
Rule header_rule(std::string name, std::string_view text);
Rule meta_rule(std::string name, std::string expression);
Rule multiple(Rule rule, int max_hits = 0);
RuleFile file_of(std::vector<Rule> rules);

mail::PieceText pieces_of(const std::vector<std::string>& pieces);

/// Compiled in this process without a cache; fails the test when there is an error.
std::shared_ptr<const RuleSet> compile_here(const RuleFile& file, const MatchLimits& limits = {});

/// "A B*3" in the order of the hits.
std::string names(const MatchOutcome& outcome);
std::string hits(const RuleSet& set, const mail::Content& content,
                 const std::vector<mail::HeaderField>& fields = {}, std::string_view from = {});

/// Matches of a pattern in one text as Perl's /g counts them, by PCRE2 alone; -1 when its own
/// limits ended it.
int oracle_count(const Pattern& pattern, std::string_view text);

/// Answers for evals that other checks answer: all yes, or all no.
class Says final : public FindingAnswers {
 public:
  explicit Says(bool yes) : yes_(yes) {}
  bool holds(std::string_view, std::span<const std::string>) const override { return yes_; }
  bool is_signed_by(std::string_view) const override { return yes_; }

 private:
  bool yes_;
};

/// A folder below the system's temporary one, gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace gatepost::rules::test
