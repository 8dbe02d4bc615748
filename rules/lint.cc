#include "rules/lint.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "core/base/text.h"
#include "rules/backtracking.h"
#include "rules/matcher.h"
#include "rules/meta_range.h"
#include "rules/regex.h"

namespace gatepost::rules {
namespace {

using Severity = Diagnostic::Severity;

// Lines of one kind about rules that nobody defines: more in one file are told as one.
constexpr std::size_t kMaxOrphans = 5;
// Of Rule::scores.
constexpr std::size_t kScoreSet = 1;
// Looking for what was meant costs a pass over all names.
constexpr std::size_t kMaxSuggestions = 50;

// A pattern that matches all of these matches everything.
constexpr std::string_view kAnything[] = {
    "", "x", "0", " ", "Zq7&%$", "\n\n", "\xC3\xA9\xE2\x82", "The quick brown fox, 12:30."};

class Linter {
 public:
  Linter(const RuleFile& file, const MetaPlan& plan) : file_(file), plan_(plan) {}

  std::vector<Diagnostic> run() {
    note_uses();
    for (std::size_t i = 0; i < file_.rules.size(); ++i) {
      const Rule& rule = file_.rules[i];
      scores(rule, used_[i]);
      flags(rule);
      if (rule.has_pattern()) pattern(rule);
    }
    same_patterns();
    metas();
    orphans();
    sort_by_place(file_, out_);
    return std::move(out_);
  }

 private:
  void warn(const Place& place, std::string what, const std::string& rule) {
    out_.push_back({Severity::warning, std::move(what), place, rule});
  }

  void note_uses() {
    for (const Rule& rule : file_.rules) {
      if (rule.type == RuleType::eval && rule.eval.function == "check_rbl_sub" &&
          !rule.eval.arguments.empty())
        list_sets_.insert(rule.eval.arguments[0]);
    }
    used_.assign(file_.rules.size(), nullptr);
    for (const MetaPlan::Meta& meta : plan_.metas) {
      for (const std::uint32_t rule : meta.program.uses()) {
        if (used_[rule] == nullptr) used_[rule] = &file_.rules[meta.rule];
      }
    }
  }

  // A meta that did not compile may use anything.
  bool uses_are_known() const {
    const auto metas = std::count_if(file_.rules.begin(), file_.rules.end(),
                                     [](const Rule& rule) { return rule.type == RuleType::meta; });
    return static_cast<std::size_t>(metas) == plan_.metas.size() && file_.refused.empty();
  }

  // It says which DNS list a set means, for the check_rbl_sub of other rules.
  bool names_a_list(const Rule& rule) const {
    return rule.type == RuleType::eval && !rule.eval.arguments.empty() &&
           (rule.eval.function == "check_rbl" || rule.eval.function == "check_rbl_txt") &&
           list_sets_.contains(rule.eval.arguments[0]);
  }

  void scores(const Rule& rule, const Rule* user) {
    if (rule.is_subrule()) {
      // Metas in blocks that are skipped may use it elsewhere.
      if (user == nullptr && uses_are_known() && !names_a_list(rule))
        warn(rule.place,
             "subrule " + rule.name + " has no effect: no meta of these files that loads uses it",
             rule.name);
      return;
    }
    const bool off = std::all_of(rule.scores.begin(), rule.scores.end(),
                                 [](double score) { return score == 0; });
    if (off) {
      std::string what = rule.name + " has a score of 0 and does not run";
      if (rule.action != RuleAction::none) what += ", nor does its action";
      if (user != nullptr) what += ", so it counts 0 in meta " + user->name;
      warn(rule.place, std::move(what), rule.name);
    } else if (rule.scores[kScoreSet] == 0) {
      warn(rule.place,
           rule.name +
               " has a score of 0 with network tests and without Bayes, the score set that "
               "Gatepost uses, and does not run",
           rule.name);
    } else if (!rule.scored && !rule.name.starts_with("T_")) {
      warn(rule.place,
           rule.name + " has no score line in these files and scores " +
               (rule.flags.nice ? "-1" : "1"),
           rule.name);
    } else if (rule.flags.nice && rule.scores[1] > 0) {
      warn(rule.place, rule.name + " is nice and has a score above 0", rule.name);
    }
  }

  void flags(const Rule& rule) {
    static const std::vector<std::string_view> kKnown = {"nice",
                                                         "multiple",
                                                         "maxhits",
                                                         "nosubject",
                                                         "net",
                                                         "learn",
                                                         "userconf",
                                                         "noautolearn",
                                                         "autolearn_force",
                                                         "publish",
                                                         "nopublish",
                                                         "autolearn_body",
                                                         "autolearn_header",
                                                         "noawl",
                                                         "notrim",
                                                         "domains_only",
                                                         "ips_only",
                                                         "dns_block_rule",
                                                         "ns",
                                                         "a",
                                                         "nolog",
                                                         "noiprev"};
    for (const std::string& flag : rule.flags.others) {
      const std::string_view name = std::string_view(flag).substr(0, flag.find('='));
      if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) continue;
      std::string what = "tflags of " + rule.name + ": unknown flag '" + printable(flag, 40) + "'";
      const std::string_view meant = did_you_mean(name, kKnown);
      if (!meant.empty()) what += ", did you mean '" + std::string(meant) + "'?";
      warn(rule.place, std::move(what), rule.name);
    }
    if (rule.flags.multiple && is_stage(rule.type))
      warn(rule.place,
           "tflags of " + rule.name + ": multiple has no effect on a rule of a stage of SMTP",
           rule.name);
    if (rule.flags.max_hits > 0 && !rule.flags.multiple)
      warn(rule.place, "tflags of " + rule.name + ": maxhits has no effect without multiple",
           rule.name);
  }

  void pattern(const Rule& rule) {
    const Expression expression = expression_of(rule.pattern);
    if (const auto at = nested_repeat(expression)) {
      warn(rule.pattern.place_at(*at),
           rule.name +
               ": a repeat inside a repeat with nothing between them can take very long; limits "
               "end it, and then it does not hit",
           rule.name);
    }
    // Only what matches the empty text can match everything; most patterns have an octet that
    // must be there.
    const std::unique_ptr<const Regex> regex = Regex::compile(expression);
    if (!regex) return;
    runner_.start({});
    const bool always =
        std::all_of(std::begin(kAnything), std::end(kAnything), [&](std::string_view text) {
          return runner_.find(*regex, text) == RegexRunner::Found::yes;
        });
    if (!always) return;
    const bool negated = rule.header.negated;
    warn(rule.pattern.place,
         rule.name + (negated ? ": the pattern matches any text, so with !~ it never hits"
                              : ": the pattern matches any text, also the empty one"),
         rule.name);
  }

  static std::string pattern_key(const Rule& rule) {
    std::string key(to_string(rule.type));
    const HeaderSelector& header = rule.header;
    if (rule.type == RuleType::header || rule.type == RuleType::mimeheader || is_stage(rule.type)) {
      key += ' ' + to_lower(header.name) + ':' + std::to_string(static_cast<int>(header.part)) +
             std::to_string(static_cast<int>(header.pick)) +
             std::to_string(static_cast<int>(header.extract)) + (header.negated ? "!" : "=") +
             (header.exists ? "e" : "");
      if (header.if_unset) key += '[' + *header.if_unset + ']';
    }
    if (rule.type == RuleType::eval) {
      key += ' ' + rule.eval.function;
      for (const std::string& argument : rule.eval.arguments) key += '\0' + argument;
      // The one function that looks at the text that its directive names.
      if (rule.eval.function == "image_to_text_ratio") key += to_string(rule.eval.text);
    }
    for (const UriCondition& condition : rule.conditions) {
      key += ' ' + std::to_string(static_cast<int>(condition.target)) +
             (condition.negated ? "!" : "=") + condition.pattern.expression +
             (condition.pattern.caseless ? "/i" : "/");
    }
    key += rule.flags.multiple ? " *" + std::to_string(rule.flags.max_hits) : " ";
    const auto& flags = rule.flags.others;
    if (rule.type == RuleType::body &&
        std::find(flags.begin(), flags.end(), "nosubject") != flags.end())
      key += 'n';
    for (const bool modifier : {rule.pattern.caseless, rule.pattern.multiline, rule.pattern.dotall,
                                rule.pattern.extended}) {
      key += modifier ? '1' : '0';
    }
    return key + rule.pattern.expression;
  }

  static std::string without_blanks(std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (!is_wsp(c)) out += c;
    }
    return out;
  }

  void same_patterns() {
    std::unordered_map<std::string, const Rule*> first;
    for (const Rule& rule : file_.rules) {
      const bool meta = rule.type == RuleType::meta;
      const auto [known, added] =
          first.emplace(meta ? "meta " + without_blanks(rule.meta) : pattern_key(rule), &rule);
      if (added) continue;
      warn(rule.place,
           rule.name + (meta ? " says the same as " : " looks for the same as ") +
               known->second->name + " at " + known->second->place.text(),
           rule.name);
    }
  }

  void metas() {
    // What is missing, off or in shadow counts 0, and so does what is made of it alone.
    std::unordered_set<std::string_view> incomplete;
    for (const Diagnostic& d : plan_.diagnostics) incomplete.insert(d.rule);
    std::unordered_set<std::string_view> lacking;
    for (const Rule& rule : file_.rules) {
      if (!rule.runs(kScoreSet)) lacking.insert(rule.name);
    }
    const std::vector<MetaRange> ranges = meta_ranges(file_, plan_, kScoreSet);
    for (std::size_t i = 0; i < plan_.metas.size(); ++i) {
      const Rule& rule = file_.rules[plan_.metas[i].rule];
      const auto uses = plan_.metas[i].program.uses();
      const bool lacks = incomplete.contains(rule.name) ||
                         std::any_of(uses.begin(), uses.end(), [&](std::uint32_t used) {
                           return lacking.contains(file_.rules[used].name);
                         });
      if (lacks) lacking.insert(rule.name);
      if (ranges[i] == MetaRange::open) continue;
      const char* why = ", whatever other rules do";
      if (lacks) {
        why = " as these files are: rules that it depends on count 0";
      } else if (uses.empty()) {
        why = ": it depends on no rule";
      }
      warn(rule.place,
           "meta " + rule.name + (ranges[i] == MetaRange::always ? " always hits" : " never hits") +
               why,
           rule.name);
    }
  }

  void orphans() {
    std::vector<std::string_view> names;
    std::vector<std::string_view> scored;  // that can have a score or an action
    names.reserve(file_.rules.size());
    for (const Rule& rule : file_.rules) {
      names.push_back(rule.name);
      if (!rule.is_subrule()) scored.push_back(rule.name);
    }
    struct Kind {
      std::vector<const Orphan*> lines;
    };
    std::map<std::pair<std::string, std::string>, Kind> kinds;
    std::size_t suggestions = 0;
    for (const Orphan& orphan : file_.orphans) {
      std::string_view meant;
      const bool scores = orphan.directive == "score" || orphan.directive == "action";
      if (suggestions++ < kMaxSuggestions)
        meant = did_you_mean(orphan.rule, scores ? scored : names);
      if (meant.empty()) {
        kinds[{orphan.place.file, orphan.directive}].lines.push_back(&orphan);
      } else {
        orphan_line(orphan, ", did you mean '" + std::string(meant) + "'?");
      }
    }
    for (const auto& [kind, found] : kinds) {
      if (found.lines.size() <= kMaxOrphans) {
        for (const Orphan* orphan : found.lines) orphan_line(*orphan, "");
        continue;
      }
      const Orphan& first = *found.lines.front();
      orphan_line(first, "; the same goes for " + std::to_string(found.lines.size() - 1) +
                             " more of the rules with such lines in this file");
    }
  }

  void orphan_line(const Orphan& orphan, const std::string& more) {
    warn(orphan.place,
         orphan.directive + " for '" + orphan.rule + "', which no rule of these files defines" +
             more,
         orphan.rule);
  }

  const RuleFile& file_;
  const MetaPlan& plan_;
  std::vector<const Rule*> used_;                   // by rule: a meta that uses it
  std::unordered_set<std::string_view> list_sets_;  // that check_rbl_sub asks for
  RegexRunner runner_;
  std::vector<Diagnostic> out_;
};

}  // namespace

std::vector<Diagnostic> check_patterns(const RuleFile& file) {
  std::vector<Diagnostic> out;
  for (const Rule& rule : file.rules) {
    if (!rule.has_pattern()) continue;
    const auto fault = check_regex(expression_of(rule.pattern));
    if (!fault) continue;
    out.push_back({fault->unsupported ? Severity::unsupported : Severity::error,
                   rule.name + ": " + fault->what, rule.pattern.place_at(fault->offset),
                   rule.name});
  }
  return out;
}

std::vector<Diagnostic> lint(const RuleFile& file, const MetaPlan& plan) {
  return Linter(file, plan).run();
}

std::vector<Diagnostic> check(const RuleFile& file) {
  const MetaPlan plan = plan_metas(file);
  std::vector<Diagnostic> all = file.diagnostics;
  for (const auto& more :
       {check_patterns(file), plan.diagnostics, lint(file, plan), slow_patterns(file)})
    all.insert(all.end(), more.begin(), more.end());
  sort_by_place(file, all);
  return all;
}

}  // namespace gatepost::rules
