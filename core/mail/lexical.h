#pragma once
// The words that addresses and structured header fields are made of (RFC 5322 section 3.2).

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/text.h"

namespace gatepost::mail {

/// RFC 5322 section 3.2.3 atext; octets above 127 belong to it (RFC 6532 section 3.2), whether they
/// are valid UTF-8 is for the caller to check.
constexpr bool is_atext(char c) {
  return is_alnum(c) || static_cast<unsigned char>(c) >= 128 ||
         (c != 0 && std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos);
}
/// A control character that may stand nowhere in an address: C0 without TAB, CR, LF; DEL.
constexpr bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 32 && !is_wsp(c)) || c == 127;
}

/// Reads one field value from left to right. Nothing is copied but what quoted strings and comments
/// say. All members that can fail give a permanent error that names what was wrong, and leave the
/// position where it happened. `text` must outlive the lexer.
class Lexer {
 public:
  /// Comments may nest this deep; deeper is an error (RFC 5322 sets no limit, a stack does).
  static constexpr std::size_t kMaxCommentDepth = 32;

  enum class Folds {
    strict,    ///< a line break only as CRLF before a blank (RFC 5322 section 2.2.3)
    tolerant,  ///< any CR or LF is white space
  };

  Lexer(std::string_view text, Folds folds) : text_(text), folds_(folds) {}

  bool at_end() const { return position_ == text_.size(); }
  /// The next octet, NUL at the end (a NUL in the text is told apart by at_end()).
  char peek() const { return at_end() ? '\0' : text_[position_]; }
  bool next_is(char c) const { return !at_end() && text_[position_] == c; }
  /// Steps over `c` when it is next.
  bool take(char c);
  std::size_t position() const { return position_; }
  std::string_view rest() const { return text_.substr(position_); }
  void advance(std::size_t octets) { position_ += octets; }

  /// Steps over comments and folding white space (RFC 5322 section 3.2.2). When `comment` is given
  /// and empty, the text of the first comment is put there: quoted pairs resolved, nested
  /// parentheses kept, line breaks as one blank.
  Result<void> skip_cfws(std::string* comment = nullptr);
  /// The octets of the next atom; empty when there is none.
  std::string_view atom();
  /// At '"': what the quoted string says, quoted pairs resolved and folds removed.
  Result<std::string> quoted_string();

 private:
  Result<void> skip_white_space();
  Result<void> skip_comment(std::string& content);
  Result<void> skip_fold(std::string* content);

  std::string_view text_;
  Folds folds_;
  std::size_t position_ = 0;
};

/// `text` in double quotes, with `"` and `\` escaped (RFC 5322 section 3.2.4).
std::string quote(std::string_view text);
/// One or more atoms with single dots between (RFC 5322 section 3.2.3).
bool is_dot_atom(std::string_view text);
/// True when `text` holds something of the shape =?...?= (RFC 2047 section 2).
bool holds_encoded_word(std::string_view text);

}  // namespace gatepost::mail
