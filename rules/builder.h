#pragma once
// Rules while their lines arrive: definitions, and what other lines say about them.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/parse.h"
#include "rules/replace_tags.h"
#include "rules/reporter.h"

namespace gatepost::rules {

class Builder {
 public:
  Builder(const ParseLimits& limits, Reporter& reporter) : limits_(limits), reporter_(reporter) {}

  /// Sets or replaces the rule of this name.
  void define(Rule rule);
  /// The rule exists and cannot be run: a reason is told once.
  void unsupported(const std::string& name, std::string directive, Place place,
                   const std::string& why);
  /// The definition has an error, which the caller told.
  void refuse(const std::string& name);
  /// A definition in a block that is skipped: unsupported unless another line defines the rule.
  void skipped(const std::string& name, std::string directive, Place place, std::string why);
  /// A definition in a block whose condition never holds here: told unless another line defines the
  /// rule.
  void unreachable(const std::string& name, Place place, std::string condition);
  /// A setting that is not supported: told once for each name, with the number of lines.
  void unsupported_setting(const std::string& name, Place place);
  /// A tag in the text of a header field, "_BAYES_": told as settings are.
  void unsupported_tag(const std::string& name, Place place);
  RuleSettings& settings() { return settings_; }
  ReplaceTags& tags() { return tags_; }
  /// `replace_rules`: its pattern holds tags, replaced when all of them are known.
  void has_tags(const std::string& name, Place place);

  void describe(const std::string& name, std::string text, Place place);
  void flags(const std::string& name, RuleFlags flags, Place place);
  /// @return false for a relative score without one before.
  bool score(const std::string& name, const std::array<double, 4>& values, bool relative,
             Place place);
  void action(const std::string& name, RuleAction action, Place place);
  void shadow(const std::string& name, Place place);
  void category(const std::string& name, std::string word, Place place);
  void test(RuleTest test);

  /// Once, at the end. Diagnostics are the reporter's.
  RuleFile finish();

 private:
  enum class State { none, rule, unsupported, refused };
  struct Entry {
    State state = State::none;
    std::size_t index = 0;  // into rules_ or unsupported_
    std::optional<std::array<double, 4>> scores;
    std::optional<RuleFlags> flags;
    std::optional<std::string> description;
    RuleAction action = RuleAction::none;
    bool shadow = false;
    std::string category;
    std::optional<Orphan> mention;  // the first line about it
    std::optional<Place> tags;
  };
  Entry* entry(const std::string& name, const Place& place);
  Entry* mention(std::string_view directive, const std::string& name, const Place& place);
  void drop(Entry& entry);
  void apply(Rule& rule, Entry& entry);
  void replace_tags();
  void tell_skipped();
  void tell_unreachable();
  void tell_settings();

  const ParseLimits& limits_;
  Reporter& reporter_;
  std::unordered_map<std::string, Entry> entries_;
  std::vector<std::string> mentioned_;  // in the order of the lines
  std::vector<std::optional<Rule>> rules_;
  std::vector<std::optional<UnsupportedRule>> unsupported_;
  std::vector<RuleTest> tests_;
  RuleSettings settings_;
  ReplaceTags tags_;
  struct Skipped {
    UnsupportedRule rule;
    std::string why;
  };
  std::vector<Skipped> skipped_;
  struct Unreachable {
    std::string name;
    Place place;
    std::string condition;
  };
  std::vector<Unreachable> unreachable_;
  struct Setting {
    std::string what;  // "'name' is not supported"
    Place first;
    std::size_t lines = 0;
  };
  void count_setting(const std::string& name, std::string what, Place place);
  std::vector<Setting> unsupported_settings_;
  std::unordered_map<std::string, std::size_t> setting_index_;
  bool told_too_many_rules_ = false;
  bool told_too_many_tests_ = false;
};

}  // namespace gatepost::rules
