// Patterns that cost more than others, found by asking the engines.

#include <algorithm>

#include "rules/backtracking.h"
#include "rules/lazy_regex.h"
#include "rules/lint.h"
#include "rules/pattern.h"

namespace gatepost::rules {
namespace {

constexpr std::size_t kProbe = 2000;  // octets: about a piece of a text

struct Probe {
  std::string_view shown;
  std::string_view piece;
  bool in_body = true;  // white space of `body` is single blanks, without line ends
};
constexpr Probe kProbes[] = {
    {"'a'", "a"},
    {"'0'", "0"},
    {"'a ' (words)", "a "},
    {"'ab, '", "ab, "},
    {"'-'", "-"},
    {"'.a'", ".a"},
    {"blanks", " ", false},
    {"line ends", "\n", false},
    {"'<a>'", "<a>", false},
};

class Prober {
 public:
  Prober() {
    for (const Probe& probe : kProbes) {
      std::string& text = texts_.emplace_back();
      while (text.size() < kProbe) text += probe.piece;
    }
  }

  // The first probe that uses up a budget; null: none.
  const Probe* slow_on(const Rule& rule) {
    const std::unique_ptr<const Regex> regex = Regex::compile(expression_of(rule.pattern));
    if (!regex) return nullptr;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (rule.type == RuleType::body && !kProbes[i].in_body) continue;
      runner_.start({});
      if (runner_.find(*regex, texts_[i]) == RegexRunner::Found::limited) return &kProbes[i];
    }
    return nullptr;
  }

 private:
  std::vector<std::string> texts_;
  RegexRunner runner_;
};

PatternInput input_of(const Rule& rule) {
  const bool in_pieces = rule.type == RuleType::body || rule.type == RuleType::rawbody ||
                         rule.type == RuleType::uri || rule.type == RuleType::mimeheader;
  return {expression_of(rule.pattern), in_pieces, false};
}

}  // namespace

std::vector<Diagnostic> slow_patterns(const RuleFile& file) {
  std::vector<Diagnostic> out;
  Prober prober;
  const auto warn = [&](const Rule& rule, std::string what) {
    out.push_back({Diagnostic::Severity::warning, rule.name + ": " + std::move(what),
                   rule.pattern.place, rule.name});
  };
  for (const Rule& rule : file.rules) {
    if (!rule.has_pattern()) continue;
    const PatternInput input = input_of(rule);
    // Header fields and what SMTP says are short and few.
    if (!is_stage(rule.type) && rule.type != RuleType::header &&
        rule.type != RuleType::mimeheader && plan_pattern(input).route == Route::pcre_only) {
      warn(rule,
           "Hyperscan cannot look for it (it can match the empty text, is too large, or has what "
           "Hyperscan has not): PCRE2 runs it on all texts of every message");
    }
    // Told by lint(), with the place in the pattern.
    if (!traits_of(input.expression).has_wide_repeat || nested_repeat(input.expression)) continue;
    if (const Probe* probe = prober.slow_on(rule)) {
      warn(rule, "can take very long: on 2000 octets of " + std::string(probe->shown) +
                     " it uses up what one message may take; that limit ends it, and then it does "
                     "not hit");
    }
  }
  return out;
}

}  // namespace gatepost::rules
