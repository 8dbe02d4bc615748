#pragma once
// Small readers of what stands in HTML, with SpamAssassin's ideas of words and blanks.

#include <optional>
#include <string>
#include <string_view>

namespace gatepost::mail {

/// Perl's \w; without `wide` that of ASCII.
bool is_word(char32_t c, bool wide);

inline bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// White space and no-break spaces at both ends go. Of valid UTF-8.
std::string_view without_outer_space(std::string_view text);

/// What stands behind "name =" in `text`, or nothing: the first one, or with `last` the last one.
std::optional<std::string_view> behind_equals(std::string_view text, std::string_view name,
                                              bool last);

/// Whether a list of font names looks as honest mail writes it.
bool is_usual_face(std::string_view names);

/// What SpamAssassin changes before it parses: no-break spaces are blanks, <br/> is <br>,
/// typographic double quotes are plain ones (they would spoil attributes). Linear.
std::string prepare_html(std::string_view html);

}  // namespace gatepost::mail
