#include "core/mail/header_block.h"

#include <algorithm>
#include <cstddef>

#include "core/base/text.h"

namespace gatepost::mail {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// A line without its end; `end` tells which one it had.
struct Line {
  enum class End { crlf, lf, none };
  std::string_view text;
  End end = End::none;
};

Line take_line(std::string_view& rest) {
  const std::size_t at = rest.find('\n');
  Line line{.text = rest.substr(0, at), .end = Line::End::lf};
  if (at == std::string_view::npos) {
    line.end = Line::End::none;
    rest = {};
    return line;
  }
  rest.remove_prefix(at + 1);
  if (line.text.ends_with('\r')) {
    line.text.remove_suffix(1);
    line.end = Line::End::crlf;
  }
  return line;
}

// Where the colon of a field stands, or npos: the name is printable ASCII, blanks may stand before
// the colon (RFC 5322 sections 2.2 and 4.5.8).
std::size_t colon_of(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return colon;
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  const bool clean = !name.empty() && std::all_of(name.begin(), name.end(),
                                                  [](char c) { return c > 32 && c < 127; });
  return clean ? colon : std::string_view::npos;
}

// Notes line ends to tell a file of LF lines from a mixture.
struct LineEnds {
  bool crlf = false;
  bool lf = false;

  void note(Line::End end) {
    if (end == Line::End::crlf) crlf = true;
    if (end == Line::End::lf) lf = true;
  }
};

// Reads the header; `rest` is behind it when done.
class HeaderReader {
 public:
  HeaderReader(ParsedMessage& message, const MessageLimits& limits)
      : message_(message), limits_(limits) {}

  LineEnds read(std::string_view& rest) {
    LineEnds ends;
    while (!rest.empty()) {
      std::string_view behind = rest;
      const Line line = take_line(behind);
      if (!line.text.empty() && !add_line(line.text)) {
        message_.defects.header_without_colon = true;
        break;
      }
      ends.note(line.end);
      rest = behind;
      if (line.text.empty()) break;
    }
    finish_field();
    return ends;
  }

 private:
  bool add_line(std::string_view line) {
    if (is_blank(line.front())) {
      if (!open_) return false;
      append("\r\n", line);
      return true;
    }
    const std::size_t colon = colon_of(line);
    if (colon == std::string_view::npos) return false;
    finish_field();
    open_ = true;
    field_.name = line.substr(0, colon);
    bytes_ += field_.name.size();
    append("", line.substr(colon + 1));
    return true;
  }

  // What is beyond the limit is not even collected.
  void append(std::string_view line_break, std::string_view text) {
    bytes_ += line_break.size() + text.size();
    if (bytes_ > limits_.max_header_bytes) message_.defects.header_limit = true;
    if (message_.defects.header_limit) return;
    field_.value += line_break;
    field_.value += text;
  }

  void finish_field() {
    if (!open_) return;
    open_ = false;
    if (message_.fields.size() >= limits_.max_header_fields) message_.defects.header_limit = true;
    if (!message_.defects.header_limit) {
      note_field_defects(field_, message_.defects);
      message_.fields.push_back(std::move(field_));
    }
    field_ = {};
  }

  ParsedMessage& message_;
  const MessageLimits& limits_;
  HeaderField field_;
  std::size_t bytes_ = 0;
  bool open_ = false;
};

void normalize_body(std::string_view rest, ParsedMessage& message, LineEnds& ends) {
  message.body.reserve(rest.size() + rest.size() / 32);
  while (!rest.empty()) {
    const Line line = take_line(rest);
    ends.note(line.end);
    message.body += line.text;
    if (line.text.find('\r') != std::string_view::npos) message.defects.body_bare_cr = true;
    if (line.end != Line::End::none) message.body += "\r\n";
  }
  if (message.body.find('\0') != std::string::npos) message.defects.body_nul = true;
}

}  // namespace

ParsedMessage parse_message(std::string_view raw, const MessageLimits& limits) {
  ParsedMessage message;
  std::string_view rest = raw;
  if (raw.starts_with("From ")) {
    // An mbox line, unless it is the field "From : a@b.example" (RFC 5322 section 4.5.8).
    const Line line = take_line(rest);
    if (colon_of(line.text) != std::string_view::npos) rest = raw;
  }
  const LineEnds header = HeaderReader(message, limits).read(rest);
  LineEnds body;
  normalize_body(rest, message, body);
  // Where both styles occur, each LF alone is one that some reader does not take for a line end.
  const bool crlf = header.crlf || body.crlf;
  if (header.lf && crlf) message.defects.header_bare_line_break = true;
  if (body.lf && crlf) message.defects.body_bare_lf = true;
  return message;
}

HeaderField from_milter(std::string_view name, std::string_view value) {
  HeaderField field{.name = std::string(name), .value = {}};
  field.value.reserve(value.size() + 16);
  std::size_t done = 0;
  for (std::size_t i = value.find('\n'); i != std::string_view::npos; i = value.find('\n', i + 1)) {
    const bool fold =
        i + 1 < value.size() && is_blank(value[i + 1]) && (i == 0 || value[i - 1] != '\r');
    if (!fold) continue;
    field.value += value.substr(done, i - done);
    field.value += '\r';
    done = i;
  }
  field.value += value.substr(done);
  return field;
}

void note_field_defects(const HeaderField& field, MessageDefects& defects) {
  if (field.name.find('\0') != std::string::npos || field.value.find('\0') != std::string::npos) {
    defects.header_nul = true;
  }
  // Not find_first_of(): it looks each octet up by a call.
  const auto line_break = [](std::string_view text, std::size_t from) {
    while (from < text.size() && text[from] != '\r' && text[from] != '\n') ++from;
    return from;
  };
  if (line_break(field.name, 0) != field.name.size()) defects.header_bare_line_break = true;
  const std::string_view value = field.value;
  for (std::size_t at = line_break(value, 0); at < value.size(); at = line_break(value, at)) {
    const bool fold =
        value.substr(at, 2) == "\r\n" && at + 2 < value.size() && is_blank(value[at + 2]);
    if (!fold) {
      defects.header_bare_line_break = true;
      return;
    }
    at += 3;
  }
}

}  // namespace gatepost::mail
