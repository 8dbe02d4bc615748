#include "core/mail/lexical.h"

#include <algorithm>

namespace gatepost::mail {

bool Lexer::take(char c) {
  if (!next_is(c)) return false;
  ++position_;
  return true;
}

// One CR or LF is next. Strict: CRLF and a blank behind it, of which the CRLF is removed (RFC 5322
// section 2.2.3). Tolerant: all line breaks and blanks here count as one blank.
Result<void> Lexer::skip_fold(std::string* content) {
  if (folds_ == Folds::strict) {
    const std::string_view fold = rest().substr(0, 3);
    if (fold != "\r\n " && fold != "\r\n\t") {
      return permanent_error("a CR or LF that is no fold stands in it");
    }
    position_ += 2;
    return {};
  }
  while (!at_end() && is_wsp(peek())) ++position_;
  if (content != nullptr) *content += ' ';
  return {};
}

Result<void> Lexer::skip_white_space() {
  while (!at_end() && is_wsp(peek())) {
    if (peek() == ' ' || peek() == '\t') {
      ++position_;
    } else if (auto fold = skip_fold(nullptr); !fold) {
      return fold;
    }
  }
  return {};
}

Result<void> Lexer::skip_comment(std::string& content) {
  std::size_t depth = 0;
  do {
    if (at_end()) return permanent_error("a comment is not closed");
    const char c = peek();
    if (c == '\r' || c == '\n') {
      if (auto fold = skip_fold(&content); !fold) return fold;
      continue;
    }
    if (c == 0) return permanent_error("a NUL stands in a comment");
    ++position_;
    if (c == '(') {
      if (++depth > kMaxCommentDepth) return permanent_error("comments are nested too deeply");
      if (depth > 1) content += c;
    } else if (c == ')') {
      if (--depth > 0) content += c;
    } else if (c == '\\') {
      if (at_end()) return permanent_error("a comment is not closed");
      if (is_control(peek()) || peek() == '\r' || peek() == '\n') {
        return permanent_error("a backslash stands before a control character");
      }
      content += text_[position_++];
    } else {
      content += c;
    }
  } while (depth > 0);
  return {};
}

Result<void> Lexer::skip_cfws(std::string* comment) {
  for (;;) {
    if (auto space = skip_white_space(); !space) return space;
    if (!next_is('(')) return {};
    std::string content;
    if (auto skipped = skip_comment(content); !skipped) return skipped;
    if (comment != nullptr && comment->empty()) *comment = std::move(content);
  }
}

std::string_view Lexer::atom() {
  const std::size_t start = position_;
  while (!at_end() && is_atext(text_[position_])) ++position_;
  return text_.substr(start, position_ - start);
}

Result<std::string> Lexer::quoted_string() {
  std::string content;
  ++position_;  // the opening quote
  while (!at_end()) {
    const char c = peek();
    if (c == '\r' || c == '\n') {
      if (auto fold = skip_fold(&content); !fold) return fold.error();
      continue;
    }
    ++position_;
    if (c == '"') return content;
    if (c == '\\') {
      if (at_end()) break;
      // RFC 5322 section 3.2.1: a quoted pair holds VCHAR or WSP; the obsolete controls are
      // refused.
      if (is_control(peek()) || peek() == '\r' || peek() == '\n') {
        return permanent_error("a backslash stands before a control character");
      }
      content += text_[position_++];
    } else if (is_control(c)) {
      return permanent_error("a control character stands in a quoted string");
    } else {
      content += c;
    }
  }
  return permanent_error("a quoted string is not closed");
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

bool is_dot_atom(std::string_view text) {
  const auto atoms = split(text, '.');
  return std::all_of(atoms.begin(), atoms.end(), [](std::string_view atom) {
    return !atom.empty() && std::all_of(atom.begin(), atom.end(), is_atext);
  });
}

bool holds_encoded_word(std::string_view text) {
  const auto start = text.find("=?");
  return start != std::string_view::npos && text.find("?=", start + 2) != std::string_view::npos;
}

}  // namespace gatepost::mail
