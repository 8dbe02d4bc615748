#include "rules/mime_tree.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/text.h"
#include "core/mail/fields.h"
#include "core/mail/mime.h"

namespace gatepost::rules {
namespace {

bool is_field_char(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet > 0x20 && octet < 0x7f && c != ':';
}

// Where the name of a field ends that `line` begins with, or npos. With `blanks` also "Name :".
std::size_t field_name_end(std::string_view line, bool blanks) {
  std::size_t at = 0;
  while (at < line.size() && is_field_char(line[at])) ++at;
  if (at == 0) return std::string_view::npos;
  const std::size_t end = at;
  while (blanks && at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
  return at < line.size() && line[at] == ':' ? end : std::string_view::npos;
}

// Lines with their LF.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  bool next(std::string_view& line) {
    if (at_ >= text_.size()) return false;
    const std::size_t lf = text_.find('\n', at_);
    const std::size_t end = lf == std::string_view::npos ? text_.size() : lf + 1;
    line = text_.substr(at_, end - at_);
    begin_ = at_;
    at_ = end;
    return true;
  }
  std::size_t begin() const { return begin_; }  // of the last line
  std::size_t end() const { return at_; }
  std::string_view peek() const {
    Lines ahead = *this;
    std::string_view line;
    return ahead.next(line) ? line : std::string_view();
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
};

enum class Delimiter { none, next, last };
Delimiter delimiter_of(std::string_view line, std::string_view boundary) {
  if (boundary.empty() || !line.starts_with("--") || !line.substr(2).starts_with(boundary))
    return Delimiter::none;
  std::string_view rest = line.substr(2 + boundary.size());
  const bool last = rest.starts_with("--");
  if (last) rest.remove_prefix(2);
  if (!trim(rest).empty()) return Delimiter::none;
  return last ? Delimiter::last : Delimiter::next;
}

// Where the word of a parameter stands: behind `name` (lower case) that no word character is before
// and '=' is behind; npos when there is none.
std::size_t parameter_at(std::string_view value, std::string_view name) {
  for (std::size_t at = 0; at + name.size() <= value.size(); ++at) {
    if (ascii_lower(value[at]) != name[0] || !istarts_with(value.substr(at), name)) continue;
    if (at > 0 && (is_alnum(value[at - 1]) || value[at - 1] == '_')) continue;
    std::size_t next = at + name.size();
    while (next < value.size() && is_wsp(value[next])) ++next;
    if (next < value.size() && value[next] == '=') {
      ++next;
      while (next < value.size() && is_wsp(value[next])) ++next;
      return next;
    }
  }
  return std::string_view::npos;
}

std::string boundary_in(std::string_view value) {
  const std::size_t at = parameter_at(value, "boundary");
  if (at == value.npos) return {};
  if (at < value.size() && value[at] == '"') {
    return std::string(value.substr(at + 1, value.find('"', at + 1) - at - 1));
  }
  std::size_t end = at;
  while (end < value.size() && !is_wsp(value[end]) && value[end] != '"' && value[end] != ';') ++end;
  if (end < value.size() && value[end] == '"') return {};
  return std::string(value.substr(at, end - at));
}

// Up to ';' or the end of the line, without one quote at each end.
bool parameter_in(std::string_view value, std::string_view name, std::string& out) {
  std::size_t at = parameter_at(value, name);
  if (at == value.npos) return false;
  if (at < value.size() && (value[at] == '"' || value[at] == '\'')) ++at;
  std::string_view text = value.substr(at, value.find_first_of(";\n", at) - at);
  if (!text.empty() && (text.back() == '"' || text.back() == '\'')) text.remove_suffix(1);
  out = text;
  return true;
}

// The fields that SpamAssassin reads of Content-Type.
struct TypeFacts {
  std::string type = "text/plain";
  bool missing = false;
};

TypeFacts type_of(std::string_view value) {
  TypeFacts out;
  std::string_view text = trim(value);
  text = text.substr(0, text.find(';'));
  const std::size_t slash = text.find('/');
  if (slash != text.npos) {
    std::size_t end = slash + 1;
    while (end < text.size() && text[end] != '/' && !is_wsp(text[end])) ++end;
    text = text.substr(0, slash == 0 ? 0 : end);
  }
  std::string type = to_lower(text);
  const bool is_text = type.starts_with("text") && (type.size() == 4 || !is_alnum(type[4]));
  const bool kept = type == "text/x-vcard" || type == "text/calendar" || type == "text/html";
  out.missing = type.empty();
  if (type.empty() || (is_text && !kept)) return out;
  std::erase_if(type, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet <= 0x20 || octet >= 0x7f ||
           std::string_view("\"(),:;<=>?@[\\]").find(c) != std::string_view::npos;
  });
  out.type = std::move(type);
  return out;
}

std::string one_line_lower(const mail::HeaderField* field) {
  return field == nullptr ? std::string() : to_lower(trim(mail::unfold(field->value)));
}

class Reader {
 public:
  Reader(MimeTree& tree, const MimeTreeLimits& limits) : tree_(tree), limits_(limits) {}

  void message(std::size_t part, std::string_view body) { read(part, body, {}); }

  bool balanced() const {
    return std::all_of(open_.begin(), open_.end(), [](const auto& one) { return one.second == 0; });
  }

 private:
  // Sets what the fields say. @return whether Content-Type is missing.
  static bool describe(MimePart& part) {
    const mail::HeaderField* field = part.field("Content-Type");
    const std::string value =
        field == nullptr ? std::string() : std::string(trim(mail::unfold(field->value)));
    bool missing = value.empty();
    if (missing) {
      part.has_charset = true;
      part.charset = "us-ascii";
    } else {
      const TypeFacts facts = type_of(value);
      missing = facts.missing;
      part.type = facts.type;
      part.boundary = boundary_in(value);
      part.has_charset = parameter_in(value, "charset", part.charset);
      part.charset = to_lower(part.charset);
    }
    part.encoding = one_line_lower(part.field("Content-Transfer-Encoding"));
    part.disposition = one_line_lower(part.field("Content-Disposition"));
    if (const mail::HeaderField* disposition = part.field("Content-Disposition")) {
      const std::string text = mail::unfold(disposition->value);
      const std::string lower = to_lower(text);
      if (std::size_t at = lower.find("name="); at != lower.npos) {
        at += 5;
        while (at < text.size() && is_wsp(text[at])) ++at;
        if (at < text.size() && text[at] == '"') ++at;
        part.name = text.substr(at, text.find_first_of("\";", at) - at);
      }
    }
    if (part.name.empty() && !parameter_in(value, "filename", part.name))
      parameter_in(value, "name", part.name);
    return missing;
  }

  void read(std::size_t index, std::string_view body, std::string_view outer_boundary) {
    const bool missing = describe(tree_.parts[index]);
    MimePart& part = tree_.parts[index];
    if (missing && index != 0) {
      const bool digest = tree_.parts[part.parent].type == "multipart/digest" && part.depth > 0;
      part.type = digest ? "message/rfc822" : "text/plain";
    }
    const std::string boundary =
        part.boundary.empty() ? std::string(outer_boundary) : part.boundary;
    const bool deeper = part.depth < limits_.max_depth;
    if (part.type.starts_with("multipart/")) {
      if (!boundary.empty() && deeper) return multipart(index, body, boundary);
      if (boundary.empty()) part.type = "text/plain";
    }
    part.raw = body;
    const bool enclosed = part.type == "message/rfc822" || part.type == "message/global";
    if (enclosed && deeper && !body.empty()) enclosed_message(index, body);
  }

  std::size_t add(std::size_t parent, std::vector<mail::HeaderField> fields) {
    MimePart part;
    part.type = "text/plain";
    part.parent = parent;
    part.depth = tree_.parts[parent].depth + 1;
    part.own_fields = std::move(fields);
    part.fields = part.own_fields;  // which moves with the part
    tree_.parts[parent].leaf = false;
    tree_.parts.push_back(std::move(part));
    return tree_.parts.size() - 1;
  }

  bool full() {
    if (tree_.parts.size() < limits_.max_parts) return false;
    tree_.too_many_parts = true;
    return true;
  }

  void enclosed_message(std::size_t index, std::string_view body) {
    if (full()) return;
    const auto encoding = mail::parse_transfer_encoding(tree_.parts[index].encoding);
    if (encoding != mail::TransferEncoding::identity) {
      std::string& text = tree_.decoded.emplace_back();
      mail::decode_transfer(body, encoding, limits_.max_decoded, text);
      body = text;
    }
    std::vector<mail::HeaderField> fields;
    std::string_view rest = message_fields(body, fields);
    read(add(index, std::move(fields)), rest, {});
  }

  // The fields that a message begins with. @return what is behind them.
  static std::string_view message_fields(std::string_view text,
                                         std::vector<mail::HeaderField>& fields) {
    Lines lines(text);
    std::string_view line;
    int errors = 0;
    bool first = true;
    while (lines.next(line)) {
      if (std::exchange(first, false) && line.starts_with("From ")) continue;
      if (line == "\n") return text.substr(lines.end());
      if (line[0] == ' ' || line[0] == '\t') {
        if (!fields.empty()) fields.back().value += line;
        continue;
      }
      if (line.starts_with("--")) return text.substr(lines.begin());
      const std::size_t end = field_name_end(line, true);
      if (end == line.npos) {
        if (++errors > 3) return text.substr(lines.begin());
        continue;
      }
      fields.push_back(
          {std::string(line.substr(0, end)), std::string(line.substr(line.find(':', end) + 1))});
    }
    return {};
  }

  // Fields of a part. @return where its body begins in `text`.
  std::size_t part_fields(std::string_view text, std::vector<mail::HeaderField>& fields) {
    Lines lines(text);
    std::string_view line;
    while (lines.next(line)) {
      const std::size_t end = field_name_end(line, true);
      if (end != line.npos) {
        std::string_view value = line.substr(line.find(':', end) + 1);
        while (!value.empty() && is_wsp(value.front())) value.remove_prefix(1);
        fields.push_back({std::string(line.substr(0, end)), std::string(value)});
      } else if ((line[0] == ' ' || line[0] == '\t') && !fields.empty()) {
        fields.back().value += line;
      } else {
        if (line == "\n" || line == "\r\n") return lines.end();
        tree_.missing_separator = true;
        return lines.begin();
      }
    }
    return text.size();
  }

  void multipart(std::size_t index, std::string_view body, const std::string& boundary) {
    tree_.parts[index].leaf = false;
    Lines lines(body);
    std::string_view line;
    std::size_t begin = 0;
    bool found = false;
    while (!found && lines.next(line)) found = delimiter_of(line, boundary) == Delimiter::next;
    if (found) {
      begin = lines.end();
      open_[boundary] = 1;
      note_first_line(lines.peek());
    } else {
      lines = Lines(body);
    }
    bool nested = false;  // a part inside has the same boundary
    while (lines.next(line)) {
      Delimiter delimiter = delimiter_of(line, boundary);
      if (nested && delimiter != Delimiter::none) {
        nested = delimiter != Delimiter::last;
        delimiter = Delimiter::none;
      }
      const bool at_end = lines.end() == body.size();
      if (delimiter == Delimiter::none && !at_end) {
        if (!nested && !line.empty() && begin == lines.begin())
          nested = has_same_boundary(body.substr(begin), boundary);
        continue;
      }
      std::size_t end = delimiter == Delimiter::none ? lines.end() : lines.begin();
      if (delimiter != Delimiter::none && end > begin) --end;  // its LF is the delimiter's
      if (full()) return;
      part(index, body.substr(begin, end - begin), boundary);
      begin = lines.end();
      nested = false;
      if (delimiter == Delimiter::last) {
        --open_[boundary];
        break;
      }
      if (delimiter == Delimiter::next && !at_end) note_first_line(lines.peek());
    }
    const std::string_view behind = body.substr(lines.end());
    if (std::any_of(behind.begin(), behind.end(),
                    [](char c) { return !is_wsp(c) && c != '.' && c != '\f' && c != '\v'; })) {
      tree_.text_behind_end = true;
    }
  }

  void note_first_line(std::string_view line) {
    if (!line.empty() && field_name_end(line, false) == line.npos) tree_.missing_headers = true;
  }

  bool has_same_boundary(std::string_view text, std::string_view boundary) {
    std::vector<mail::HeaderField> fields;
    const bool separator = std::exchange(tree_.missing_separator, false);
    part_fields(text, fields);
    tree_.missing_separator = separator;
    MimePart probe;
    probe.fields = fields;
    const mail::HeaderField* type = probe.field("Content-Type");
    return type != nullptr && boundary_in(mail::unfold(type->value)) == boundary;
  }

  void part(std::size_t parent, std::string_view text, const std::string& boundary) {
    std::vector<mail::HeaderField> fields;
    const std::size_t body = part_fields(text, fields);
    read(add(parent, std::move(fields)), text.substr(std::min(body, text.size())), boundary);
  }

  MimeTree& tree_;
  const MimeTreeLimits& limits_;
  std::map<std::string, int> open_;
};

}  // namespace

const mail::HeaderField* MimePart::field(std::string_view field_name) const {
  const mail::HeaderField* out = nullptr;
  for (const mail::HeaderField& one : fields) {
    if (mail::is_named(one, field_name)) out = &one;
  }
  return out;
}

MimeTree read_mime_tree(std::span<const mail::HeaderField> fields, std::string_view body,
                        const MimeTreeLimits& limits) {
  MimeTree tree;
  MimePart& root = tree.parts.emplace_back();
  root.type = "text/plain";
  root.fields = fields;
  Reader reader(tree, limits);
  reader.message(0, body);
  tree.unbalanced_boundary = !reader.balanced();
  return tree;
}

}  // namespace gatepost::rules
