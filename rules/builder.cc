#include "rules/builder.h"

#include <algorithm>

#include "rules/regex.h"

namespace gatepost::rules {

Builder::Entry* Builder::entry(const std::string& name, const Place& place) {
  const auto known = entries_.find(name);
  if (known != entries_.end()) return &known->second;
  // Lines about rules that nobody defines take room too.
  if (entries_.size() >= 2 * limits_.max_rules) {
    if (!told_too_many_rules_) {
      reporter_.error(place, "more than " + std::to_string(limits_.max_rules) + " rules");
    }
    told_too_many_rules_ = true;
    return nullptr;
  }
  return &entries_[name];
}

Builder::Entry* Builder::mention(std::string_view directive, const std::string& name,
                                 const Place& place) {
  Entry* out = entry(name, place);
  if (out != nullptr && !out->mention) {
    out->mention = Orphan{std::string(directive), name, place};
    mentioned_.push_back(name);
  }
  return out;
}

void Builder::drop(Entry& entry) {
  if (entry.state == State::rule) rules_[entry.index].reset();
  if (entry.state == State::unsupported) unsupported_[entry.index].reset();
  entry.state = State::none;
}

void Builder::define(Rule rule) {
  Entry* known = entry(rule.name, rule.place);
  if (known == nullptr) return;
  if (known->state == State::rule) {
    Rule& before = *rules_[known->index];
    reporter_.warning(rule.place,
                      rule.name + " is defined again; the definition at " + before.place.text() +
                          " has no effect",
                      rule.name);
    before = std::move(rule);
    return;
  }
  drop(*known);
  if (rules_.size() >= limits_.max_rules) {
    if (!told_too_many_rules_) {
      reporter_.error(rule.place, "more than " + std::to_string(limits_.max_rules) + " rules");
    }
    told_too_many_rules_ = true;
    return;
  }
  known->state = State::rule;
  known->index = rules_.size();
  rules_.emplace_back(std::move(rule));
}

void Builder::unsupported(const std::string& name, std::string directive, Place place,
                          const std::string& why) {
  Entry* known = entry(name, place);
  if (known == nullptr || known->state == State::unsupported) return;
  drop(*known);
  known->state = State::unsupported;
  known->index = unsupported_.size();
  reporter_.unsupported(place, name + ": " + why, name);
  unsupported_.push_back(UnsupportedRule{name, std::move(directive), std::move(place)});
}

void Builder::refuse(const std::string& name) {
  Entry* known = entry(name, {});
  if (known == nullptr) return;
  drop(*known);
  known->state = State::refused;
}

void Builder::skipped(const std::string& name, std::string directive, Place place,
                      std::string why) {
  if (skipped_.size() >= 2 * limits_.max_rules) return;  // as many as there can be names
  skipped_.push_back({{name, std::move(directive), std::move(place)}, std::move(why)});
}

void Builder::unreachable(const std::string& name, Place place, std::string condition) {
  if (unreachable_.size() >= 2 * limits_.max_rules) return;  // as many as there can be names
  unreachable_.push_back({name, std::move(place), std::move(condition)});
}

void Builder::unsupported_setting(const std::string& name, Place place) {
  count_setting(name, "'" + name + "' is not supported", std::move(place));
}

void Builder::unsupported_tag(const std::string& name, Place place) {
  count_setting(name, "the tag " + name + " is not supported and stays empty", std::move(place));
}

void Builder::count_setting(const std::string& name, std::string what, Place place) {
  const auto [known, added] = setting_index_.emplace(name, unsupported_settings_.size());
  if (added) unsupported_settings_.push_back({std::move(what), std::move(place), 0});
  ++unsupported_settings_[known->second].lines;
}

void Builder::has_tags(const std::string& name, Place place) {
  Entry* known = mention("replace_rules", name, place);
  if (known != nullptr) known->tags = std::move(place);
}

void Builder::describe(const std::string& name, std::string text, Place place) {
  Entry* known = mention("describe", name, place);
  if (known != nullptr) known->description = std::move(text);
}

void Builder::flags(const std::string& name, RuleFlags flags, Place place) {
  Entry* known = mention("tflags", name, place);
  if (known != nullptr) known->flags = std::move(flags);
}

bool Builder::score(const std::string& name, const std::array<double, 4>& values, bool relative,
                    Place place) {
  Entry* known = mention("score", name, place);
  if (known == nullptr) return true;
  if (!relative) {
    known->scores = values;
    return true;
  }
  if (!known->scores) return false;
  for (std::size_t i = 0; i < values.size(); ++i) (*known->scores)[i] += values[i];
  return true;
}

void Builder::action(const std::string& name, RuleAction action, Place place) {
  Entry* known = mention("action", name, place);
  if (known != nullptr) known->action = action;
}

void Builder::shadow(const std::string& name, Place place) {
  Entry* known = mention("shadow", name, place);
  if (known != nullptr) known->shadow = true;
}

void Builder::category(const std::string& name, std::string word, Place place) {
  Entry* known = mention("category", name, place);
  if (known != nullptr) known->category = std::move(word);
}

void Builder::test(RuleTest test) {
  if (tests_.size() >= limits_.max_tests) {
    if (!told_too_many_tests_) {
      reporter_.error(test.place, "more than " + std::to_string(limits_.max_tests) + " test lines");
    }
    told_too_many_tests_ = true;
    return;
  }
  mention("test", test.rule, test.place);
  tests_.push_back(std::move(test));
}

void Builder::apply(Rule& rule, Entry& entry) {
  if (entry.flags) rule.flags = std::move(*entry.flags);
  if (entry.description) rule.description = std::move(*entry.description);
  rule.action = entry.action;
  rule.shadow = entry.shadow;
  rule.category = std::move(entry.category);
  rule.scored = entry.scores.has_value();
  double standard = rule.name.starts_with("T_") ? 0.01 : 1;
  if (rule.flags.nice) standard = -standard;
  rule.scores = {standard, standard, standard, standard};
  if (entry.scores) rule.scores = *entry.scores;
  if (rule.is_subrule()) rule.scores = {0, 0, 0, 0};
}

void Builder::tell_skipped() {
  for (Skipped& skipped : skipped_) {
    const auto known = entries_.find(skipped.rule.name);
    if (known != entries_.end() && known->second.state != State::none) continue;
    const std::string name = skipped.rule.name;
    unsupported(name, std::move(skipped.rule.directive), std::move(skipped.rule.place),
                skipped.why);
  }
}

void Builder::tell_unreachable() {
  for (Unreachable& one : unreachable_) {
    const auto known = entries_.find(one.name);
    if (known != entries_.end() && known->second.state != State::none) continue;
    reporter_.warning(
        std::move(one.place),
        one.name + " is never read: it stands in " + one.condition + ", and that never holds here",
        one.name);
  }
}

void Builder::tell_settings() {
  for (Setting& setting : unsupported_settings_) {
    std::string what = std::move(setting.what);
    if (setting.lines > 1) {
      what += " (" + std::to_string(setting.lines) + " lines, this is the first)";
    }
    reporter_.unsupported(std::move(setting.first), std::move(what));
  }
}

void Builder::replace_tags() {
  for (const std::string& name : mentioned_) {
    const Entry& known = entries_.find(name)->second;
    if (!known.tags || known.state != State::rule) continue;
    Rule& rule = *rules_[known.index];
    if (!rule.has_pattern()) continue;
    if (tags_.replace(rule.pattern, kMaxExpression)) continue;
    const Place place = rule.place;
    const std::string directive(to_string(rule.type));
    unsupported(name, directive, place,
                "the pattern has more than " + std::to_string(kMaxExpression) +
                    " octets with its tags replaced");
  }
}

RuleFile Builder::finish() {
  replace_tags();
  tell_skipped();
  tell_unreachable();
  tell_settings();

  RuleFile out;
  for (std::optional<Rule>& rule : rules_) {
    if (!rule) continue;
    apply(*rule, entries_.find(rule->name)->second);
    out.rules.push_back(std::move(*rule));
  }
  for (std::optional<UnsupportedRule>& rule : unsupported_) {
    if (rule) out.unsupported.push_back(std::move(*rule));
  }
  for (const std::string& name : mentioned_) {
    Entry& known = entries_.find(name)->second;
    if (known.state == State::none) out.orphans.push_back(std::move(*known.mention));
  }
  for (const auto& [name, known] : entries_) {
    if (known.state == State::refused) out.refused.push_back(name);
  }
  std::sort(out.refused.begin(), out.refused.end());
  out.tests = std::move(tests_);
  out.settings = std::move(settings_);
  return out;
}

}  // namespace gatepost::rules
