#pragma once
// The first words of lines: ours, SpamAssassin's, and what was meant by others.

#include <string_view>

namespace gatepost::rules {

enum class Directive {
  header,
  body,
  rawbody,
  full,
  meta,
  mimeheader,
  stage,  ///< connect, helo, mail, rcpt
  uri,
  uri_detail,
  score,
  describe,
  tflags,
  test,
  action,
  shadow,
  category,
  include,
  if_begin,
  ifplugin,
  if_else,
  if_end,
  require_version,
  replace_rules,
  replace_part,  ///< replace_tag, replace_pre, replace_inter, replace_post
  enable_compat,
  setting,              ///< rules depend on it (rules/setting_lines.h)
  without_effect,       ///< nothing depends on it here: taken and not told
  unsupported_rule,     ///< defines a rule (its first word) that Gatepost cannot run yet
  unsupported_setting,  ///< of SpamAssassin or one of its plugins
  unknown,
};

/// @param key in lower case, with `_` for `-`.
Directive directive_of(std::string_view key);
/// What an unknown one may have meant, or empty.
std::string_view directive_like(std::string_view key);

}  // namespace gatepost::rules
