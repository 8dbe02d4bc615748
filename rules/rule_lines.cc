#include "rules/rule_lines.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/base/text.h"
#include "rules/eval.h"
#include "rules/eval_text.h"
#include "rules/header_selector.h"
#include "rules/meta.h"
#include "rules/pattern_text.h"
#include "rules/stage_fields.h"

namespace gatepost::rules {
namespace {

constexpr std::size_t kMaxName = 100;

std::string shown(std::string_view text) {
  return "'" + printable(text, 120) + "'";
}

class RuleLine {
 public:
  RuleLine(const LineContext& context, std::string_view key, Words words)
      : context_(context), key_(key), words_(words) {}

  void read(Directive directive) {
    const Words::Word name = words_.next();
    if (name.text.empty()) {
      return error(context_.line.text.size(), "expected a rule name behind '" + key_ + "'");
    }
    if (!is_rule_name(name.text)) {
      return error(name.offset, shown(name.text) +
                                    " is no rule name, expected letters, digits and '_', no digit "
                                    "first, at most 100");
    }
    name_ = name.text;
    name_at_ = name.offset;
    place_ = context_.place_at(name.offset);
    switch (directive) {
      case Directive::header:
        return header(RuleType::header);
      case Directive::mimeheader:
        return header(RuleType::mimeheader);
      case Directive::uri:
        return pattern_rule(RuleType::uri);
      case Directive::uri_detail:
        return uri_detail();
      case Directive::body:
        return pattern_rule(RuleType::body);
      case Directive::rawbody:
        return pattern_rule(RuleType::rawbody);
      case Directive::full:
        return pattern_rule(RuleType::full);
      case Directive::meta:
        return meta();
      case Directive::score:
        return score();
      case Directive::describe:
        return describe();
      case Directive::tflags:
        return flags();
      case Directive::test:
        return test();
      case Directive::stage:
        return stage();
      case Directive::action:
        return action();
      case Directive::shadow:
        return shadow();
      case Directive::category:
        return category();
      case Directive::replace_rules:
        return replace_rules();
      default:
        return context_.builder.unsupported(name_, key_, place_,
                                            "rule type '" + key_ + "' is not supported");
    }
  }

 private:
  void error(std::size_t offset, std::string what) {
    context_.reporter.error(context_.place_at(offset),
                            name_.empty() ? std::move(what) : name_ + ": " + what, name_);
  }
  void refuse(std::size_t offset, std::string what) {
    error(offset, std::move(what));
    context_.builder.refuse(name_);
  }
  void unsupported(const std::string& what) {
    context_.builder.unsupported(name_, key_, place_, what);
  }

  Rule start(RuleType type) {
    Rule rule;
    rule.name = name_;
    rule.type = type;
    rule.place = place_;
    return rule;
  }

  // eval:function(…) of any rule type.
  bool is_eval(RuleType text) {
    const std::string_view rest = words_.rest();
    if (!rest.starts_with("eval:") && !rest.starts_with("rbleval:")) return false;
    const std::size_t skip = rest.find(':') + 1;
    Rule rule = start(RuleType::eval);
    EvalTextFault fault;
    if (!parse_eval(rest.substr(skip), rule.eval, fault)) {
      refuse(words_.at() + skip + fault.offset, fault.what);
      return true;
    }
    rule.eval.text = text;
    rule.pattern = context_.line.slice(context_.file, words_.at(), context_.line.text.size());
    rule.pattern.expression.clear();
    const EvalFunction* function = find_eval(rule.eval.function);
    if (function == nullptr) {
      const std::string_view meant = eval_like(rule.eval.function);
      unsupported("eval:" + printable(rule.eval.function, 80) + "() is not supported" +
                  (meant.empty() ? "" : ", did you mean '" + std::string(meant) + "'?"));
    } else if (const std::string problem = check_arguments(*function, rule.eval);
               !problem.empty()) {
      refuse(words_.at(), problem);
    } else {
      context_.builder.define(std::move(rule));
    }
    return true;
  }

  bool read_pattern(std::size_t begin, std::size_t end, Pattern& out) {
    PatternFault fault;
    if (parse_pattern(context_.line, context_.file, begin, end, context_.limits.max_pattern, out,
                      fault)) {
      return true;
    }
    if (fault.unsupported)
      unsupported(fault.what);
    else
      refuse(fault.offset, fault.what);
    return false;
  }

  void pattern_rule(RuleType type) {
    if (type != RuleType::uri && is_eval(type)) return;
    Rule rule = start(type);
    if (read_pattern(words_.at(), context_.line.text.size(), rule.pattern)) {
      context_.builder.define(std::move(rule));
    }
  }

  void header(RuleType type) {
    if (type == RuleType::header && is_eval(type)) return;
    Rule rule = start(type);
    SelectorFault fault;
    std::size_t begin = 0;
    std::size_t end = 0;
    if (!parse_selector(context_.line.text, words_.at(), rule.header, begin, end, fault)) {
      if (fault.unsupported)
        unsupported(fault.what);
      else
        refuse(fault.offset, fault.what);
      return;
    }
    if (type == RuleType::mimeheader &&
        (rule.header.exists || rule.header.pick != HeaderSelector::Pick::all ||
         rule.header.extract != HeaderSelector::Extract::none ||
         (rule.header.part != HeaderSelector::Part::decoded &&
          rule.header.part != HeaderSelector::Part::raw))) {
      return refuse(words_.at(), "expected a field such as Content-Type or Content-Type:raw");
    }
    if (rule.header.exists || read_pattern(begin, end, rule.pattern)) {
      context_.builder.define(std::move(rule));
    }
  }

  void stage() {
    constexpr std::pair<std::string_view, RuleType> kStages[] = {{"connect", RuleType::connect},
                                                                 {"helo", RuleType::helo},
                                                                 {"mail", RuleType::mail},
                                                                 {"rcpt", RuleType::rcpt}};
    RuleType type = RuleType::connect;
    for (const auto& [name, of_name] : kStages) {
      if (name == key_) type = of_name;
    }
    Rule rule = start(type);
    SelectorFault fault;
    std::size_t begin = 0;
    std::size_t end = 0;
    if (!parse_stage_selector(type, context_.line.text, words_.at(), rule.header, begin, end,
                              fault)) {
      return refuse(fault.offset, fault.what);
    }
    if (read_pattern(begin, end, rule.pattern)) context_.builder.define(std::move(rule));
  }

  // Subrules are there for metas alone.
  bool is_shown(const std::string& name, std::size_t offset) {
    if (!name.starts_with("__")) return true;
    error(offset,
          "a subrule has no score and does nothing by itself, expected a rule whose name "
          "does not begin with __");
    return false;
  }
  bool ends_here() {
    if (words_.rest().empty()) return true;
    error(words_.at(), "expected the end of the line, found " + shown(words_.rest()));
    return false;
  }

  void action() {
    if (!is_shown(name_, name_at_)) return;
    const Words::Word word = words_.next();
    const auto action = parse_rule_action(word.text);
    if (!action) {
      std::vector<std::string_view> words;
      for (int i = 0; i <= static_cast<int>(RuleAction::reject); ++i)
        words.push_back(to_string(static_cast<RuleAction>(i)));
      const std::string_view meant = did_you_mean(word.text, words);
      return error(word.offset,
                   "expected none, tag, hold, store, quarantine, tempfail or reject" +
                       (word.text.empty() ? "" : ", found " + shown(word.text)) +
                       (meant.empty() ? "" : ", did you mean '" + std::string(meant) + "'?"));
    }
    if (ends_here()) context_.builder.action(name_, *action, place_);
  }

  void shadow() {
    if (!is_shown(name_, name_at_)) return;
    context_.builder.shadow(name_, place_);
    for (Words::Word word = words_.next(); !word.text.empty(); word = words_.next()) {
      if (!is_rule_name(word.text))
        return error(word.offset, shown(word.text) + " is no rule name");
      const std::string name(word.text);
      if (!is_shown(name, word.offset)) return;
      context_.builder.shadow(name, context_.place_at(word.offset));
    }
  }

  void category() {
    constexpr std::size_t kMaxCategory = 40;
    if (!is_shown(name_, name_at_)) return;
    const Words::Word word = words_.next();
    const bool good = !word.text.empty() && word.text.size() <= kMaxCategory &&
                      std::all_of(word.text.begin(), word.text.end(), [](char c) {
                        return is_alnum(c) || c == '_' || c == '-' || c == '.';
                      });
    if (!good) {
      return error(word.offset, "expected a word of letters, digits, '_', '-' and '.', at most 40" +
                                    (word.text.empty() ? "" : ", found " + shown(word.text)));
    }
    if (ends_here()) context_.builder.category(name_, std::string(word.text), place_);
  }

  // NAME key =~ /pattern/ key !~ m{pattern} …; a pattern ends where white space follows.
  void uri_detail() {
    Rule rule = start(RuleType::uri_detail);
    rule.pattern = context_.line.slice(context_.file, words_.at(), context_.line.text.size());
    rule.pattern.expression.clear();
    while (!words_.rest().empty()) {
      constexpr std::string_view kTargets[] = {"raw", "type", "cleaned", "text", "domain", "host"};
      const Words::Word key = words_.next();
      const auto target = std::find(std::begin(kTargets), std::end(kTargets), key.text);
      if (target == std::end(kTargets)) {
        return refuse(key.offset, "expected raw, type, cleaned, text, domain or host, found " +
                                      shown(key.text));
      }
      const Words::Word op = words_.next();
      if (op.text != "=~" && op.text != "!~") {
        return refuse(op.offset, "expected =~ or !~ behind '" + std::string(key.text) + "'");
      }
      UriCondition condition;
      condition.target = static_cast<UriCondition::Target>(target - std::begin(kTargets));
      condition.negated = op.text == "!~";
      const std::size_t begin = words_.at();
      const std::size_t end = pattern_end(begin);
      if (!read_pattern(begin, end, condition.pattern)) return;
      rule.conditions.push_back(std::move(condition));
      words_ = Words(context_.line, end);
    }
    if (rule.conditions.empty()) {
      return refuse(words_.at(), "expected conditions such as text =~ /pattern/");
    }
    context_.builder.define(std::move(rule));
  }

  // Where a pattern that begins at `begin` and its modifiers end.
  std::size_t pattern_end(std::size_t begin) const {
    const std::string_view text = context_.line.text;
    std::size_t at = begin;
    while (at < text.size() && is_alnum(text[at])) ++at;  // m, qr
    if (at >= text.size()) return text.size();
    constexpr std::string_view kOpen = "{([<";
    constexpr std::string_view kClose = "})]>";
    const std::size_t pair = kOpen.find(text[at]);
    const char close = pair == kOpen.npos ? text[at] : kClose[pair];
    for (++at; at < text.size(); ++at) {
      if (text[at] == '\\') {
        ++at;
      } else if (text[at] == close) {
        std::size_t end = at + 1;
        while (end < text.size() && is_alnum(text[end])) ++end;
        if (end == text.size() || is_wsp(text[end]) || pair == kOpen.npos) return end;
      }
    }
    return text.size();
  }

  void meta() {
    Rule rule = start(RuleType::meta);
    const std::size_t begin = words_.at();
    const std::size_t end = context_.line.text.size();
    if (begin >= end) return refuse(end, "expected an expression such as A && (B || C)");
    rule.pattern = context_.line.slice(context_.file, begin, end);
    rule.meta = std::exchange(rule.pattern.expression, {});
    MetaExpression expression;
    MetaFault fault;
    if (parse_meta(rule.meta, expression, fault)) {
      context_.builder.define(std::move(rule));
    } else if (fault.unsupported) {
      unsupported(fault.what);
    } else {
      refuse(begin + fault.offset, fault.what);
    }
  }

  static bool read_score(std::string_view text, double& value, bool& relative) {
    if (text.starts_with('(') && text.ends_with(')')) {
      relative = true;
      text = text.substr(1, text.size() - 2);
    }
    // from_chars takes no plus sign, and "inf" and "nan".
    if (text.starts_with('+') && text.size() > 1 && is_digit(text[1])) text.remove_prefix(1);
    const char* end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    return fault == std::errc() && stop == end && std::abs(value) <= 10000;
  }

  void score() {
    std::array<double, 4> values{};
    bool relative = false;
    std::size_t count = 0;
    for (Words::Word word = words_.next(); !word.text.empty(); word = words_.next(), ++count) {
      double value = 0;
      if (count == values.size()) return error(word.offset, "expected 1 or 4 scores, found more");
      if (!read_score(word.text, value, relative)) {
        return error(word.offset,
                     "expected a score such as 2.5, -1 or (0.5), found " + shown(word.text));
      }
      values[count] = value;
    }
    if (count != 1 && count != values.size()) {
      return error(words_.at(), "expected 1 or 4 scores");
    }
    if (count == 1) values.fill(values[0]);
    if (!context_.builder.score(name_, values, relative, place_)) {
      error(words_.at(), "a relative score needs a score line before it");
    }
  }

  void describe() {
    if (words_.rest().empty()) return error(words_.at(), "expected a description");
    context_.builder.describe(name_, std::string(words_.rest()), place_);
  }

  void flags() {
    RuleFlags flags;
    const std::size_t begin = words_.at();
    for (Words::Word word = words_.next(); !word.text.empty(); word = words_.next()) {
      constexpr std::string_view kMaxHits = "maxhits=";
      if (word.text == "nice") {
        flags.nice = true;
      } else if (word.text == "multiple") {
        flags.multiple = true;
      } else if (word.text.starts_with(kMaxHits)) {
        const std::string_view number = word.text.substr(kMaxHits.size());
        const auto [stop, fault] =
            std::from_chars(number.data(), number.data() + number.size(), flags.max_hits);
        if (fault != std::errc() || stop != number.data() + number.size() || flags.max_hits < 1) {
          return error(word.offset, "expected maxhits=N with N from 1");
        }
      } else {
        flags.others.emplace_back(word.text);
      }
    }
    if (words_.at() == begin) return error(begin, "expected flags such as nice or multiple");
    context_.builder.flags(name_, std::move(flags), place_);
  }

  void test() {
    const Words::Word word = words_.next();
    if (word.text != "ok" && word.text != "fail") {
      return error(word.offset, "expected 'ok' or 'fail' and a text, found " + shown(word.text));
    }
    if (words_.rest().empty())
      return error(words_.at(), "expected a text behind '" + std::string(word.text) + "'");
    context_.builder.test({name_, word.text == "ok", std::string(words_.rest()), place_});
  }

  void replace_rules() {
    context_.builder.has_tags(name_, place_);
    for (Words::Word word = words_.next(); !word.text.empty(); word = words_.next()) {
      if (!is_rule_name(word.text)) {
        return error(word.offset, shown(word.text) + " is no rule name");
      }
      context_.builder.has_tags(std::string(word.text), context_.place_at(word.offset));
    }
  }

  const LineContext& context_;
  std::string key_;
  Words words_;
  std::string name_;
  std::size_t name_at_ = 0;
  Place place_;
};

}  // namespace

bool is_rule_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || is_digit(name[0])) return false;
  for (const char c : name) {
    if (!is_alnum(c) && c != '_') return false;
  }
  return true;
}

void read_rule_line(const LineContext& context, Directive directive, std::string_view key,
                    Words words) {
  RuleLine(context, key, words).read(directive);
}

}  // namespace gatepost::rules
