#include "filter/rule_tools/explain.h"

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <hs/hs.h>

#include "rules/lazy_regex.h"

namespace gatepost::rule_tools {
namespace {

using rules::Rule;
using rules::RuleFile;
using rules::RuleType;

constexpr std::size_t kScoreSet = 1;

bool is_in_pieces(const Rule& rule) {
  return rule.type == RuleType::body || rule.type == RuleType::rawbody ||
         rule.type == RuleType::uri || rule.type == RuleType::mimeheader;
}

bool has_flag(const Rule& rule, std::string_view flag) {
  return std::find(rule.flags.others.begin(), rule.flags.others.end(), flag) !=
         rule.flags.others.end();
}

std::string subject_words(const Rule& rule) {
  switch (rule.type) {
    case RuleType::header:
      return rule.header.exists ? "whether there is such a field" : "header fields";
    case RuleType::body:
      return has_flag(rule, "nosubject") ? "each paragraph of the text"
                                         : "each paragraph of the text, and the Subject";
    case RuleType::rawbody:
      return "each piece of the decoded text parts, tags and all";
    case RuleType::full:
      return "the whole message as it came";
    case RuleType::mimeheader:
      return "a header field of each MIME part";
    case RuleType::uri:
      return "each form of each address";
    case RuleType::uri_detail:
      return "each address with all its facts";
    case RuleType::meta:
      return "other rules";
    case RuleType::connect:
    case RuleType::helo:
    case RuleType::mail:
    case RuleType::rcpt:
      return "what SMTP says at that stage";
    case RuleType::eval:
      break;
  }
  return "what the function looks at";
}

std::string why_confirmed(const rules::PatternPlan& plan, const rules::PatternTraits& traits) {
  if ((plan.hs_flags & HS_FLAG_PREFILTER) != 0)
    return "Hyperscan has no look-around, back-references, atomic groups or the like; it finds "
           "where a simpler pattern matches, and PCRE2 decides there";
  if (traits.has_anchor)
    return "^, $ and the like mean the ends of a piece, and Hyperscan sees all pieces as one text";
  return "the pattern can match a line feed, and so reach from one piece into the next";
}

std::string why_pcre_only(const rules::PatternPlan& plan, const Rule& rule,
                          const rules::PatternTraits& traits) {
  if (rule.pattern.expression.find('\0') != std::string::npos)
    return "Hyperscan takes no pattern with a NUL";
  if (is_in_pieces(rule) && traits.clears_multiline)
    return "(?-m) or (?^) in it changes what ^ and $ mean, which Hyperscan cannot follow";
  if (plan.hs_expression.empty()) return "Hyperscan takes no such pattern";
  return "it can match the empty text, is too large, or Hyperscan refuses even a simpler form of "
         "it; PCRE2 looks at all texts of every message";
}

/// Rules by name, and what their metas say.
class Graph {
 public:
  explicit Graph(const RuleFile& file) : file_(file), index_(index_by_name(file)) {
    for (const rules::UnsupportedRule& one : file.unsupported) unsupported_.insert(one.name);
  }

  std::vector<std::string> names_in(const Rule& rule) const {
    std::vector<std::string> out;
    if (rule.type != RuleType::meta) return out;
    rules::MetaExpression expression;
    rules::MetaFault fault;
    if (!rules::parse_meta(rule.meta, expression, fault)) return out;
    for (const rules::MetaName& name : expression.names) out.emplace_back(name.name);
    return out;
  }

  const Rule* find(std::string_view name) const {
    const auto known = index_.find(name);
    return known == index_.end() ? nullptr : &file_.rules[known->second];
  }

  std::string off(const std::string& name) const {
    const Rule* rule = find(name);
    if (rule == nullptr) return unsupported_.contains(name) ? "not supported" : "defined nowhere";
    return rule->runs(kScoreSet) ? "" : "score 0";
  }

  void index_users() {
    for (const Rule& rule : file_.rules) {
      for (const std::string& name : names_in(rule)) users_[name].push_back(rule.name);
    }
  }
  std::vector<std::string> users(const Rule& rule) const {
    const auto known = users_.find(rule.name);
    return known == users_.end() ? std::vector<std::string>() : known->second;
  }

 private:
  const RuleFile& file_;
  std::unordered_map<std::string_view, std::uint32_t> index_;
  std::unordered_set<std::string_view> unsupported_;
  std::unordered_map<std::string, std::vector<std::string>> users_;
};

std::vector<Relation> walk(const Graph& graph, const Rule& start,
                           const std::function<std::vector<std::string>(const Rule&)>& next) {
  struct Step {
    std::string name;
    int depth;
  };
  std::vector<Relation> out;
  std::set<std::string> seen = {start.name};
  std::vector<Step> open;
  const auto push = [&](const Rule& rule, int depth) {
    std::vector<std::string> names = next(rule);
    for (auto name = names.rbegin(); name != names.rend(); ++name)
      open.push_back({std::move(*name), depth});
  };
  push(start, 0);
  while (!open.empty() && out.size() < kMaxRelations) {
    Step step = std::move(open.back());
    open.pop_back();
    const Rule* rule = graph.find(step.name);
    const bool first = seen.insert(step.name).second;
    const bool has_more = rule != nullptr && !next(*rule).empty();
    out.push_back({step.name, step.depth, graph.off(step.name), !first && has_more});
    if (first && rule != nullptr) push(*rule, step.depth + 1);
  }
  return out;
}

std::string slashed(const rules::Pattern& pattern) {
  std::string out = "/" + pattern.expression + "/";
  if (pattern.caseless) out += 'i';
  if (pattern.multiline) out += 'm';
  if (pattern.dotall) out += 's';
  if (pattern.extended) out += 'x';
  return out;
}

std::string selector_text(const rules::HeaderSelector& header) {
  using Selector = rules::HeaderSelector;
  std::string out = header.name;
  constexpr std::string_view kParts[] = {"", ":raw", ":addr", ":name", ":raw:name"};
  constexpr std::string_view kPicks[] = {"", ":first", ":last"};
  constexpr std::string_view kExtracts[] = {"", ":host", ":domain", ":ip", ":revip"};
  static_assert(static_cast<int>(Selector::Extract::reversed_ip) == 4);
  out += kParts[static_cast<std::size_t>(header.part)];
  out += kPicks[static_cast<std::size_t>(header.pick)];
  out += kExtracts[static_cast<std::size_t>(header.extract)];
  return out;
}

std::string eval_text(const rules::EvalCall& call) {
  std::string out = "eval:" + call.function + "(";
  for (const std::string& argument : call.arguments) {
    if (&argument != &call.arguments.front()) out += ", ";
    out += "'" + argument + "'";
  }
  return out + ")";
}

std::string conditions_text(const Rule& rule) {
  constexpr std::string_view kTargets[] = {"raw", "type", "cleaned", "text", "domain", "host"};
  std::string out;
  for (const rules::UriCondition& condition : rule.conditions) {
    if (!out.empty()) out += ' ';
    out += kTargets[static_cast<std::size_t>(condition.target)];
    out += condition.negated ? " !~ " : " =~ ";
    out += slashed(condition.pattern);
  }
  return out;
}

}  // namespace

Matching matching_of(const Rule& rule) {
  Matching out;
  out.subject = subject_words(rule);
  if (!rule.has_pattern()) {
    out.how = rule.type == RuleType::meta         ? "computed from what other rules hit"
              : rule.type == RuleType::eval       ? "a function of Gatepost's own"
              : rule.type == RuleType::uri_detail ? "PCRE2, condition by condition"
                                                  : "looked up";
    return out;
  }
  rules::PatternInput input{
      rules::expression_of(rule.pattern), is_in_pieces(rule),
      is_in_pieces(rule) && (rule.flags.multiple || has_flag(rule, "nosubject"))};
  const rules::PatternPlan plan = rules::plan_pattern(input);
  const rules::PatternTraits traits = rules::traits_of(input.expression);
  out.route = plan.route;
  switch (plan.route) {
    case rules::Route::exact:
      out.how = rule.flags.multiple ? "Hyperscan, then PCRE2" : "Hyperscan alone";
      out.why = rule.flags.multiple ? "PCRE2 counts the hits (tflags multiple)"
                                    : "what it reports is a match as Perl has it";
      break;
    case rules::Route::confirm:
      out.how = "Hyperscan, then PCRE2";
      out.why = why_confirmed(plan, traits);
      break;
    case rules::Route::counted:
      out.how = "counted in one pass";
      out.why = "it is one octet or a few short sequences, which match often";
      break;
    case rules::Route::spelled:
      out.how = "a scan for its letters, then PCRE2";
      out.why = "its letters are spelt in so many ways that no word can be looked for";
      break;
    case rules::Route::pcre_only:
      out.how = "PCRE2 alone";
      out.why = why_pcre_only(plan, rule, traits);
      break;
    case rules::Route::invalid:
    case rules::Route::unsupported:
      out.how = "not at all";
      out.why = plan.problem;
      break;
  }
  return out;
}

std::vector<Relation> uses_of(const RuleFile& file, const Rule& rule) {
  const Graph graph(file);
  return walk(graph, rule, [&](const Rule& one) { return graph.names_in(one); });
}

std::vector<Relation> users_of(const RuleFile& file, const Rule& rule) {
  Graph graph(file);
  graph.index_users();
  return walk(graph, rule, [&](const Rule& one) { return graph.users(one); });
}

RuleFile part_of(const RuleFile& file, const Rule& rule) {
  std::set<std::string> wanted = {rule.name};
  for (const Relation& relation : uses_of(file, rule)) wanted.insert(relation.name);
  RuleFile out;
  out.files = file.files;
  out.settings = file.settings;
  for (const Rule& one : file.rules) {
    if (wanted.contains(one.name)) out.rules.push_back(one);
  }
  for (const rules::UnsupportedRule& one : file.unsupported) {
    if (wanted.contains(one.name)) out.unsupported.push_back(one);
  }
  for (const rules::RuleTest& test : file.tests) {
    if (test.rule == rule.name) out.tests.push_back(test);
  }
  return out;
}

std::string definition_of(const Rule& rule) {
  const std::string begin =
      std::string(to_string(rule.type == RuleType::eval ? rule.eval.text : rule.type)) + " " +
      rule.name + " ";
  switch (rule.type) {
    case RuleType::meta:
      return begin + rule.meta;
    case RuleType::eval:
      return begin + eval_text(rule.eval);
    case RuleType::uri_detail:
      return begin + conditions_text(rule);
    case RuleType::header:
    case RuleType::mimeheader: {
      const std::string selector = selector_text(rule.header);
      if (rule.header.exists)
        return begin + (rule.header.negated ? "!exists:" : "exists:") + selector;
      return begin + selector + (rule.header.negated ? " !~ " : " =~ ") + slashed(rule.pattern) +
             (rule.header.if_unset ? " [if-unset: " + *rule.header.if_unset + "]" : "");
    }
    case RuleType::connect:
    case RuleType::helo:
    case RuleType::mail:
    case RuleType::rcpt:
      return begin + rule.header.name + (rule.header.negated ? " !~ " : " =~ ") +
             slashed(rule.pattern);
    default:
      return begin + slashed(rule.pattern);
  }
}

}  // namespace gatepost::rule_tools
