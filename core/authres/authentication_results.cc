#include "core/authres/authentication_results.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/lexical.h"

namespace gatepost::authres {
namespace {

constexpr std::size_t kFirstColumn = sizeof "Authentication-Results: " - 1;
constexpr std::size_t kMaxKeyword = 64;
constexpr std::size_t kLastColumn = 76;  // one is left for a semicolon

bool is_eight_bit(char c) {
  return static_cast<unsigned char>(c) >= 128;
}

// token of RFC 2045 section 5.1, with UTF-8 (RFC 8601 section 5).
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_eight_bit(c) ||
           (c > 32 && c < 127 &&
            std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos);
  });
}

// [ [ local-part ] "@" ] domain-name (pvalue of RFC 8601 section 2.2).
bool is_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at + 1 == text.size()) return false;
  const std::string_view domain = text.substr(at + 1);
  return (at == 0 || mail::is_dot_atom(text.substr(0, at))) && mail::is_dot_atom(domain) &&
         std::all_of(domain.begin(), domain.end(), [](char c) {
           return is_alnum(c) || is_eight_bit(c) || c == '-' || c == '_' || c == '.';
         });
}

// Valid UTF-8 without controls (C0, DEL, C1), at most kMaxText octets. With `prose` runs of white
// space become one blank, none at the ends.
std::string clean(std::string_view text, bool prose) {
  std::string out;
  if (prose) text = trim(text);
  while (!text.empty() && out.size() < kMaxText) {
    std::size_t length = 1;
    while (length < 4 && length < text.size() && (text[length] & 0xC0) == 0x80) ++length;
    // The shortest valid sequence: continuation octets may be too many.
    while (length > 1 && !is_valid_utf8(text.substr(0, length))) --length;
    const std::string_view character = text.substr(0, length);
    text.remove_prefix(length);
    if (prose && is_wsp(character[0])) {
      if (!out.empty() && !out.ends_with(' ')) out += ' ';
      continue;
    }
    const bool c1 =
        length == 2 && character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xA0;
    const bool control = static_cast<unsigned char>(character[0]) < 32 || character[0] == 127 || c1;
    if (control || !is_valid_utf8(character) || out.size() + length > kMaxText) continue;
    out += character;
  }
  if (prose && out.ends_with(' ')) out.pop_back();
  return out;
}

// Keyword (RFC 5321 section 4.1.2) in lower case, '_' tolerated.
std::string keyword(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxKeyword)) {
    if (is_alnum(c) || c == '-' || c == '_') out += ascii_lower(c);
  }
  return out;
}

std::string digits(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxKeyword)) {
    if (is_digit(c)) out += c;
  }
  return out;
}

std::string value_text(std::string_view text) {
  const std::string value = clean(text, false);
  return is_token(value) || is_address(value) ? value : mail::quote(value);
}

std::string comment_text(std::string_view text) {
  std::string out = "(";
  for (const char c : text) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c;
  }
  return out += ')';
}

// Puts words into lines.
class Writer {
 public:
  explicit Writer(std::string_view fold) : fold_(fold) {}

  // Behind what stands there, without a blank.
  void glue(std::string_view text) {
    out_ += text;
    column_ += text.size();
  }
  void word(std::string_view text) {
    if (column_ + 1 + text.size() > kLastColumn) {
      new_line();
    } else {
      glue(" ");
    }
    glue(text);
  }
  void new_line() {
    out_ += fold_;
    const std::size_t line = fold_.rfind('\n');
    if (line == std::string_view::npos) {
      column_ += fold_.size();
      return;
    }
    column_ = 0;
    for (const char c : fold_.substr(line + 1)) column_ += c == '\t' ? 8 : 1;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string_view fold_;
  std::string out_;
  std::size_t column_ = kFirstColumn;
};

// resinfo without its semicolon (RFC 8601 section 2.2).
void write_result(const AuthResult& result, Writer& writer) {
  const std::string version = digits(result.version);
  writer.new_line();
  writer.glue(keyword(result.method) + (version.empty() ? "" : "/" + version) + "=" +
              keyword(result.result));
  const std::string comment = clean(result.comment, true);
  if (!comment.empty()) {
    const std::string text = comment_text(comment);
    for (const std::string_view piece : split(text, ' ')) writer.word(piece);
  }
  const std::string reason = clean(result.reason, true);
  if (!reason.empty()) writer.word("reason=" + (is_token(reason) ? reason : mail::quote(reason)));
  for (const Property& property : result.properties) {
    const std::string ptype = keyword(property.ptype);
    const std::string name = keyword(property.property);
    if (ptype.empty() || name.empty()) continue;
    std::string word = ptype;
    word.append(".").append(name).append("=").append(value_text(property.value));
    writer.word(word);
  }
}

}  // namespace

std::string format(const AuthenticationResults& results, std::string_view fold) {
  Writer writer(fold);
  const std::string id = clean(results.authserv_id, false);
  writer.glue(is_token(id) ? id : mail::quote(id));
  const std::string version = digits(results.version);
  if (!version.empty()) writer.word(version);
  bool any = false;
  for (const AuthResult& result : results.results) {
    if (keyword(result.method).empty() || keyword(result.result).empty()) continue;
    writer.glue(";");
    write_result(result, writer);
    any = true;
  }
  if (!any) {
    writer.glue(";");
    writer.word("none");
  }
  return writer.take();
}

}  // namespace gatepost::authres
