#pragma once
// Tags in patterns of rules that `replace_rules` names: <NAME> stands for the text of `replace_tag
// NAME text`.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "rules/place.h"

namespace gatepost::rules {

/// All tags of the rule files; the last text of a name counts.
class ReplaceTags {
 public:
  /// `kind` is replace_tag, replace_pre, replace_inter or replace_post.
  void set(std::string_view kind, std::string name, std::string text);

  /// Replaces, also tags inside of texts, at most six levels deep:
  ///
  /// - <pre NAME>, <post NAME>, <inter NAME> in the pattern go; the text of `replace_pre NAME`
  ///   stands before each tag then, that of `replace_post NAME` behind each, that of
  ///   `replace_inter NAME` between each two that touch;
  /// - <NAME> becomes its text. What is no tag stays.
  ///
  /// Places inside a text that was put in are those of its tag.
  /// @return false when the pattern would be longer than `max_size`; it is not changed then.
  bool replace(Pattern& pattern, std::size_t max_size) const;

 private:
  using Texts = std::map<std::string, std::string, std::less<>>;
  Texts tags_, pre_, inter_, post_;
};

}  // namespace gatepost::rules
