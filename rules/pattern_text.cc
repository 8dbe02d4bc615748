#include "rules/pattern_text.h"

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

bool fail(PatternFault& fault, std::string what, std::size_t offset, bool unsupported = false) {
  fault = {std::move(what), offset, unsupported};
  return false;
}

char closing(char open) {
  switch (open) {
    case '{':
      return '}';
    case '(':
      return ')';
    case '[':
      return ']';
    case '<':
      return '>';
    default:
      return open;
  }
}

// The first delimiter inside without a backslash, or npos. Not for brackets: they may stand in
// pairs, and Perl counts them.
std::size_t bare_delimiter(std::string_view expression, char delimiter) {
  for (std::size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] == '\\')
      ++i;
    else if (expression[i] == delimiter)
      return i;
  }
  return std::string_view::npos;
}

bool read_modifier(char modifier, std::size_t offset, Pattern& out, PatternFault& fault) {
  switch (modifier) {
    case 'i':
      out.caseless = true;
      return true;
    case 'm':
      out.multiline = true;
      return true;
    case 's':
      out.dotall = true;
      return true;
    case 'x':
      out.extended = true;
      return true;
    case 'a':  // ASCII classes, which is how octets are matched
    case 'd':
    case 'p':
      return true;
    case 'u':
    case 'l':
    case 'n':
      return fail(fault, std::string("modifier '") + modifier + "' is not supported", offset, true);
    default:
      return fail(fault, std::string("unknown modifier '") + modifier + "', expected i, m, s or x",
                  offset);
  }
}

// %{NAME}: text captured by another rule.
std::size_t captured_tag(std::string_view expression) {
  for (std::size_t at = expression.find("%{"); at != std::string_view::npos;
       at = expression.find("%{", at + 1)) {
    if (at > 0 && expression[at - 1] == '\\') continue;
    if (at + 2 < expression.size() && expression[at + 2] >= 'A' && expression[at + 2] <= 'Z') {
      return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

bool parse_pattern(const Line& line, const std::string& file, std::size_t begin, std::size_t end,
                   std::size_t max_size, Pattern& out, PatternFault& fault) {
  const std::string_view text = std::string_view(line.text).substr(0, end);
  std::size_t at = begin;
  if (at >= end) return fail(fault, "expected a pattern such as /text/i", at);
  if (text[at] != '/') {
    if (text[at] == 'm')
      at += 1;
    else if (text.substr(at).starts_with("qr"))
      at += 2;
    const bool can_delimit =
        at > begin && at < end && !is_alnum(text[at]) && text[at] != '_' && text[at] != '\\';
    if (!can_delimit) {
      return fail(fault,
                  "expected a pattern such as /text/i or m{text}, found '" +
                      printable(text.substr(begin, 20), 40) + "'",
                  begin);
    }
  }
  const char close = closing(text[at]);
  const bool paired = close != text[at];
  ++at;
  std::size_t last = end;
  while (last > at && is_alnum(text[last - 1])) --last;
  if (last <= at || text[last - 1] != close) {
    const std::size_t inside = bare_delimiter(text.substr(at), close);
    if (!paired && inside != std::string_view::npos && inside + at + 1 < end) {
      return fail(fault,
                  "expected the end of the line or modifiers behind the pattern, found '" +
                      printable(text.substr(inside + at + 1), 40) + "'",
                  inside + at + 1);
    }
    return fail(fault, std::string("the pattern is not closed, expected '") + close + "'", begin);
  }
  std::size_t backslashes = 0;
  while (last - 1 > at + backslashes && text[last - 2 - backslashes] == '\\') ++backslashes;
  if (backslashes % 2 == 1) {
    return fail(fault,
                std::string("the pattern is not closed, its last '") + close +
                    "' has a backslash before it",
                last - 1);
  }
  const std::string_view expression = text.substr(at, last - 1 - at);
  if (!paired) {
    const std::size_t inside = bare_delimiter(expression, close);
    if (inside != std::string_view::npos) {
      return fail(fault, std::string("'") + close + "' inside the pattern needs a backslash",
                  at + inside);
    }
  }
  if (expression.size() > max_size) {
    return fail(fault,
                "the pattern has " + std::to_string(expression.size()) + " octets, at most " +
                    std::to_string(max_size) + " are taken",
                at);
  }
  if (expression.empty()) return fail(fault, "the pattern is empty and would always hit", at);
  out = line.slice(file, at, last - 1);
  for (std::size_t i = last; i < end; ++i) {
    if (!read_modifier(text[i], i, out, fault)) return false;
  }
  const std::size_t tag = captured_tag(expression);
  if (tag != std::string_view::npos) {
    return fail(fault, "text captured by another rule (%{NAME}) is not supported", at + tag, true);
  }
  return true;
}

}  // namespace gatepost::rules
