#include "tests/rules/engine.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <gtest/gtest.h>
#include <pcre2.h>
#include <stdlib.h>

namespace gatepost::rules::test {

namespace {

Pattern pattern_of(std::string_view text) {
  Pattern out;
  const std::size_t end = text.rfind('/');
  out.expression = text.substr(1, end - 1);
  for (const char c : text.substr(end + 1)) {
    if (c == 'i') out.caseless = true;
    if (c == 'm') out.multiline = true;
    if (c == 's') out.dotall = true;
    if (c == 'x') out.extended = true;
  }
  out.place = {"test.cf", 7, 10};
  return out;
}

}  // namespace

Rule make_rule(std::string name, RuleType type, std::string_view pattern) {
  Rule rule;
  rule.name = std::move(name);
  rule.type = type;
  rule.pattern = pattern_of(pattern);
  rule.place = {"test.cf", 7, 1};
  return rule;
}

Rule header_rule(std::string name, std::string_view text) {
  Rule rule;
  rule.name = std::move(name);
  rule.type = RuleType::header;
  HeaderSelector& h = rule.header;
  if (text.starts_with("!exists:") || text.starts_with("exists:")) {
    h.exists = true;
    h.negated = text[0] == '!';
    h.name = text.substr(text.find(':') + 1);
    return rule;
  }
  const std::size_t blank = text.find(' ');
  std::string_view selector = text.substr(0, blank);
  h.negated = text.substr(blank + 1, 2) == "!~";
  if (const std::size_t colon = selector.find(':'); colon != selector.npos) {
    const std::string_view part = selector.substr(colon + 1);
    h.part = part == "raw"    ? HeaderSelector::Part::raw
             : part == "addr" ? HeaderSelector::Part::address
                              : HeaderSelector::Part::display_name;
    selector = selector.substr(0, colon);
  }
  h.name = selector;
  rule.pattern = pattern_of(text.substr(blank + 4));
  return rule;
}

Rule meta_rule(std::string name, std::string expression) {
  Rule rule;
  rule.name = std::move(name);
  rule.type = RuleType::meta;
  rule.meta = std::move(expression);
  rule.place = {"test.cf", 9, 1};
  return rule;
}

Rule multiple(Rule rule, int max_hits) {
  rule.flags.multiple = true;
  rule.flags.max_hits = max_hits;
  return rule;
}

RuleFile file_of(std::vector<Rule> rules) {
  RuleFile file;
  file.rules = std::move(rules);
  return file;
}

mail::PieceText pieces_of(const std::vector<std::string>& pieces) {
  mail::PieceText out;
  for (const std::string& piece : pieces) {
    const auto begin = static_cast<std::uint32_t>(out.text.size());
    out.text += piece;
    out.pieces.push_back({begin, static_cast<std::uint32_t>(out.text.size())});
    out.text += '\n';
  }
  return out;
}

std::shared_ptr<const RuleSet> compile_here(const RuleFile& file, const MatchLimits& limits) {
  CompileOptions options;
  options.match = limits;
  auto compiled = compile(file, options);
  EXPECT_TRUE(compiled.ok());
  if (!compiled.ok()) return nullptr;
  for (const Diagnostic& d : compiled->diagnostics)
    EXPECT_NE(d.severity, Diagnostic::Severity::error) << d.place.text() << ": " << d.what;
  return compiled->rules;
}

std::string names(const MatchOutcome& outcome) {
  std::string out;
  for (const Hit& hit : outcome.hits) {
    out += (out.empty() ? "" : " ") + hit.rule->name;
    if (hit.count != 1) out += "*" + std::to_string(hit.count);
  }
  return out;
}

std::string hits(const RuleSet& set, const mail::Content& content,
                 const std::vector<mail::HeaderField>& fields, std::string_view from) {
  return names(set.match({fields, content, from}));
}

int oracle_count(const Pattern& pattern, std::string_view text) {
  std::uint32_t options = 0;
  if (pattern.caseless) options |= PCRE2_CASELESS;
  if (pattern.multiline) options |= PCRE2_MULTILINE;
  if (pattern.dotall) options |= PCRE2_DOTALL;
  if (pattern.extended) options |= PCRE2_EXTENDED;
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.expression.data()),
                                   pattern.expression.size(), options, &error, &at, nullptr);
  EXPECT_NE(code, nullptr) << pattern.expression;
  if (code == nullptr) return -1;
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  int count = 0;
  PCRE2_SIZE from = 0;
  std::uint32_t how = 0;
  while (from <= text.size()) {
    const int rc = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                               how, data, nullptr);
    if (rc != PCRE2_ERROR_NOMATCH && rc < 0) count = -1;
    if (rc < 0) break;
    ++count;
    const PCRE2_SIZE* found = pcre2_get_ovector_pointer(data);
    how = found[0] == found[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
    from = found[1];
  }
  pcre2_match_data_free(data);
  pcre2_code_free(code);
  return count;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "gatepost-rules-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace gatepost::rules::test
