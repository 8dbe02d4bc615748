#pragma once
// Texts of any origin as values of header fields: whatever they hold, the field stays one.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gatepost {

/// Octets of a value that folded_text() makes; what is longer ends with "...".
constexpr std::size_t kMaxFieldText = 8192;
/// Octets of a text in front of a Subject, as UTF-8.
constexpr std::size_t kMaxMark = 300;

/// A text for an unstructured field: each of its lines begins a line of the field, empty ones go;
/// lines are folded below 78 columns behind blanks and commas (RFC 5322 section 2.1.1) and nowhere
/// longer than 998. Words that are not ASCII become encoded words (RFC 2047), controls and octets
/// that are no UTF-8 `\xHH`.
/// @param column  where the value begins in its first line
/// @return        with folds as LF + TAB; empty when there is nothing but blanks
std::string folded_text(std::string_view text, std::size_t column);

/// On one line, with one blank where there were several, at most kMaxMark octets.
std::string mark_text(std::string_view text);

/// As what stands in the parentheses of a comment (RFC 5322 section 3.2.2): parentheses become
/// brackets, as SpamAssassin does it, a backslash a quoted-pair.
std::string comment_text(std::string_view text);

enum class MarkKind {
  text,
  comment,          ///< in parentheses, as comment_text()
  comment_in_list,  ///< the same with a TAB behind it. Sendmail, where no address field of the
                    ///< message has one of ", ( < ;", takes blanks for commas (OldStyleHeaders)
                    ///< and writes one behind the mark: gatepost-rules(5) tells of it.
};

/// Puts a mark and a blank in front of a field's value.
/// @param mark    made by mark_text()
/// @param value   as it stands in the message, with its leading blank and its folds
/// @param column  as of folded_text()
/// @return        the value with folds as LF + blank; nothing when the mark stands there already,
///                in whatever encoding. Line breaks that are no folds become blanks.
std::optional<std::string> with_mark(std::string_view mark, MarkKind kind, std::string_view value,
                                     std::size_t column);

}  // namespace gatepost
