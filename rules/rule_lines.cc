#include "rules/rule_lines.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "core/base/text.h"
#include "rules/header_selector.h"
#include "rules/meta.h"
#include "rules/pattern_text.h"

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
    place_ = context_.place_at(name.offset);
    switch (directive) {
      case Directive::header:
        return header();
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
  bool is_eval() {
    const std::string_view rest = words_.rest();
    if (!rest.starts_with("eval:") && !rest.starts_with("rbleval:")) return false;
    const std::string_view call = rest.substr(rest.find(':') + 1);
    const std::size_t open = call.find('(');
    if (open == std::string_view::npos || open == 0 || !call.ends_with(')')) {
      refuse(words_.at(), "expected eval:function(arguments)");
    } else {
      unsupported("eval:" + printable(call.substr(0, open), 80) + "() is not supported");
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
    if (is_eval()) return;
    Rule rule = start(type);
    if (read_pattern(words_.at(), context_.line.text.size(), rule.pattern)) {
      context_.builder.define(std::move(rule));
    }
  }

  void header() {
    if (is_eval()) return;
    Rule rule = start(RuleType::header);
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
    if (rule.header.exists || read_pattern(begin, end, rule.pattern)) {
      context_.builder.define(std::move(rule));
    }
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
