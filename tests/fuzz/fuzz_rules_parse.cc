// Rule files: every line is understood or told, on one line with its place; what was understood can
// be planned, checked and computed.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/base/text.h"
#include "rules/lazy_regex.h"
#include "rules/letter_scan.h"
#include "rules/lint.h"
#include "rules/parse.h"
#include "rules/pattern_tree.h"

using namespace gatepost;
using namespace gatepost::rules;

namespace {

bool is_good(const Diagnostic& d) {
  if (d.what.empty() || d.what.find('\n') != std::string::npos) return false;
  if (!is_valid_utf8(d.what) || d.what.size() > 4000) return false;
  if (d.place.file != "f" && d.place.file != "g") return false;
  return d.place.line >= 1 && d.place.column >= 1;
}

void check(const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& d : diagnostics) {
    if (is_good(d)) continue;
    std::fprintf(stderr, "%s: %s\n", d.place.text().c_str(), printable(d.what, 5000).c_str());
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  ParseOptions options;
  options.limits.max_rules = 200;
  options.limits.max_includes = 20;
  options.load = [&](const std::string& path) -> Result<std::string> {
    if (path != "g") return config_error("not here", path);
    return input.substr(input.size() / 2);
  };
  const Source source{"f", input};
  const RuleFile file = parse({&source, 1}, options);
  check(file.diagnostics);
  check(check_patterns(file));
  const MetaPlan plan = plan_metas(file);
  check(plan.diagnostics);
  if (file.rules.size() > 200) std::abort();
  std::vector<double> counts(file.rules.size());
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<double>(i % 4);
  for (const MetaPlan::Meta& meta : plan.metas) {
    counts.at(meta.rule) = meta.program.evaluate(counts);
    if (!std::isfinite(counts[meta.rule])) std::abort();
    for (const std::uint32_t rule : meta.program.uses()) (void)counts.at(rule);
  }
  for (const Rule& rule : file.rules) {
    if (rule.pattern.place.line == 0) continue;  // exists: has none
    const Place end = rule.pattern.place_at(rule.pattern.expression.size());
    if (end.line < rule.place.line) std::abort();
    const Expression expression = expression_of(rule.pattern);
    for (const SpelledWord& word : spelled_words(expression)) {
      const std::size_t letters = word.letters.size();
      if (letters > SpelledWord::kMostLetters || word.between.size() != letters) std::abort();
    }
    // What is written can be read, and says the same.
    const auto tree = read_pattern(expression, false);
    if (!tree) continue;
    const auto again = read_pattern({write_pattern(*tree), false, expression.multiline}, false);
    if (!again || write_pattern(*again) != write_pattern(*tree)) std::abort();
  }
  check(lint(file, plan));
  return 0;
}
