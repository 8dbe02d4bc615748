#pragma once
// Charsets that mail of a language is written in.

#include <span>
#include <string>
#include <string_view>

namespace gatepost::rules {

/// Whether text of `charset` is what readers of these languages (ok_locales: "en", "ja", "all"…)
/// get. Charsets of Latin letters and Unicode always are.
bool is_usual_charset(std::string_view charset, std::span<const std::string> locales);

/// Whether letters of that charset may look like capitals when it is not decoded.
bool may_look_like_capitals(std::string_view charset);

}  // namespace gatepost::rules
