#include "filter/session/field_text.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/fields.h"

namespace gatepost {

namespace {

constexpr std::size_t kLine = 76;
constexpr std::size_t kTab = 8;
// RFC 5322 section 2.1.1 allows 998 octets in a line; a word beyond this is broken.
constexpr std::size_t kMaxWord = 900;
// Of a value, where its mark is looked for.
constexpr std::size_t kMaxSearched = 4096;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// printable() with its backslashes and TABs as they are.
std::string clean(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const std::size_t run = std::min(line.find_first_of("\\\t"), line.size());
    out += printable(line.substr(0, run), 4 * run + 4);
    line.remove_prefix(run);
    if (line.empty()) break;
    out += line.front();
    line.remove_prefix(1);
  }
  return out;
}

// Words from the first to the last one that is not ASCII become encoded words.
std::string encoded(std::string_view text, bool blank_behind = false) {
  const auto is_foreign = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  const auto first = std::find_if(text.begin(), text.end(), is_foreign);
  if (first == text.end()) return std::string(text);
  const auto last = std::find_if(text.rbegin(), text.rend(), is_foreign).base() - 1;
  const std::size_t before =
      text.find_last_of(" \t", static_cast<std::size_t>(first - text.begin())) + 1;
  const std::size_t behind = std::min(
      text.find_first_of(" \t", static_cast<std::size_t>(last - text.begin())), text.size());
  std::string words(text.substr(before, behind - before));
  // A reader drops the blank between two encoded words (RFC 2047 section 6.2).
  if (blank_behind && behind == text.size()) words += ' ';
  return std::string(text.substr(0, before)) + mail::encode_words(words) +
         std::string(text.substr(behind));
}

// Appends a line, folded behind blanks and commas.
void fold(std::string_view line, std::size_t column, std::string& out) {
  const std::size_t begin = column;
  while (!line.empty()) {
    std::size_t gap = 0;
    while (gap < line.size() && is_blank(line[gap])) ++gap;
    std::size_t end = gap;
    while (end < line.size() && !is_blank(line[end]) && (end == gap || line[end - 1] != ',')) ++end;
    if (end == gap) return;  // blanks at the end
    std::string_view word = line.substr(gap, end - gap);
    if (column > begin && column + gap + word.size() > kLine) {
      out += "\n\t";
      column = kTab;
    } else {
      out += line.substr(0, gap);
      column += gap;
    }
    for (; word.size() > kMaxWord; word.remove_prefix(kMaxWord)) {
      out += word.substr(0, kMaxWord);
      out += "\n\t";
      column = kTab;
    }
    out += word;
    column += word.size();
    line.remove_prefix(end);
  }
}

// The value behind its leading blanks, on lines that begin with a blank and hold no other control
// that ends a line or a text.
std::string rest_of(std::string_view value) {
  value = trim(value);
  std::string out;
  out.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\r' && i + 2 < value.size() && value[i + 1] == '\n' && is_blank(value[i + 2]))
      continue;
    const bool folds = c == '\n' && i + 1 < value.size() && is_blank(value[i + 1]);
    out += folds ? '\n' : c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  }
  return out;
}

bool stands_there(std::string_view mark, MarkKind kind, std::string_view rest) {
  const std::string shown = mail::decode_encoded_words(mail::unfold(rest.substr(0, kMaxSearched)));
  const std::string wanted = mail::decode_encoded_words(mark);
  if (!istarts_with(shown, wanted)) return false;
  return shown.size() == wanted.size() || kind != MarkKind::text || is_wsp(shown[wanted.size()]);
}

}  // namespace

std::string folded_text(std::string_view text, std::size_t column) {
  std::string out;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (line.empty()) continue;
    if (!out.empty()) {
      out += "\n\t";
      column = kTab;
    }
    fold(encoded(clean(line)), column, out);
    if (out.size() <= kMaxFieldText) continue;
    const std::size_t end = out.rfind("\n\t", kMaxFieldText);
    out.resize(end == out.npos ? kMaxFieldText : end);
    return out + "\n\t...";
  }
  return out;
}

std::string mark_text(std::string_view text) {
  std::string line;
  for (const char c : trim(text)) {
    if (!is_wsp(c)) line += c;
    if (is_wsp(c) && !line.ends_with(' ')) line += ' ';
  }
  std::string out = clean(line);
  if (out.size() <= kMaxMark) return out;
  std::size_t end = kMaxMark;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
  return out.substr(0, end) + "...";
}

std::string comment_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += '\\';
    out += c == '(' ? '[' : c == ')' ? ']' : c;
  }
  return out;
}

std::optional<std::string> with_mark(std::string_view mark, MarkKind kind, std::string_view value,
                                     std::size_t column) {
  const std::string rest = rest_of(value);
  const bool comment = kind != MarkKind::text;
  const std::string inside = comment ? comment_text(mark) : std::string(mark);
  if (stands_there(comment ? "(" + inside + ")" : inside, kind, rest)) return std::nullopt;
  std::string out;
  // An encoded word may stand beside a parenthesis (RFC 2047 section 5).
  fold(comment ? "(" + encoded(inside) + ")" : encoded(inside, rest.starts_with("=?")), column,
       out);
  if (rest.empty()) return out;
  const char blank = kind == MarkKind::comment_in_list ? '\t' : ' ';
  const std::size_t line = out.rfind('\n');
  const std::size_t end = line == out.npos ? column + out.size() : kTab + out.size() - line - 2;
  if (end + 1 + std::min(rest.find('\n'), rest.size()) > kLine) out += '\n';
  return out + blank + rest;
}

}  // namespace gatepost
