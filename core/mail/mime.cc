#include "core/mail/mime.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "core/base/text.h"
#include "core/mail/fields.h"

namespace gatepost::mail {
namespace {

constexpr std::size_t kMaxBoundary = 1000;  // RFC 2046 section 5.1.1 allows 70; this is a line
constexpr std::size_t kMaxContentType = 16384;

// ------------------------------------------------------------------------------- Content-Type

// Everything up to one of `stops`, without comments and white space around; a quoted string may
// hold them.
class ParameterReader {
 public:
  explicit ParameterReader(std::string_view text) : text_(text.substr(0, kMaxContentType)) {}

  bool at_end() const { return at_ >= text_.size(); }

  std::string read_until(std::string_view stops) {
    std::string word;
    std::size_t solid = 0;  // blanks behind this are only kept when something follows
    while (!at_end() && stops.find(text_[at_]) == std::string_view::npos) {
      const char c = text_[at_];
      if (c == '(') {
        skip_comment();
      } else if (c == '"') {
        read_quoted(word);
        solid = word.size();
      } else {
        ++at_;
        if (is_wsp(c)) {
          if (!word.empty()) word += ' ';
        } else {
          word += c;
          solid = word.size();
        }
      }
    }
    word.resize(solid);
    return word;
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

 private:
  void skip_comment() {
    int depth = 0;
    for (; !at_end(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '(') {
        ++depth;
      } else if (text_[at_] == ')' && --depth == 0) {
        ++at_;
        return;
      }
    }
  }
  void read_quoted(std::string& word) {
    for (++at_; !at_end(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return;
      }
      if (c == '\\' && at_ + 1 < text_.size()) c = text_[++at_];
      if (c != '\r' && c != '\n') word += c;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// RFC 2231 section 4: charset'language'octets with %XX.
std::string decode_extended(std::string_view value) {
  const std::size_t second = value.find('\'', std::min(value.size(), value.find('\'')) + 1);
  if (second != std::string_view::npos) value.remove_prefix(second + 1);
  std::string out;
  const auto hex = [](char c) {
    const char lower = ascii_lower(c);
    return is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < value.size(); ++i) {
    const int high = value[i] == '%' && i + 2 < value.size() ? hex(value[i + 1]) : -1;
    const int low = high >= 0 ? hex(value[i + 2]) : -1;
    if (low >= 0) i += 2;
    out += low >= 0 ? static_cast<char>(high * 16 + low) : value[i];
  }
  return out;
}

// A parameter that may come whole or in sections. Sections count in the order in which they stand:
// nobody sends them otherwise.
struct Parameter {
  std::optional<std::string> whole;
  std::string sections;

  void add(std::string_view suffix, std::string value) {
    if (suffix.ends_with('*')) {
      value = decode_extended(value);
      suffix.remove_suffix(1);
    }
    if (!suffix.empty())
      sections += value;
    else if (!whole)
      whole = std::move(value);
  }
  std::string get() const { return whole ? *whole : sections; }
};

// "boundary*0*" of "boundary": "*0*"; nothing when it is another parameter.
std::optional<std::string_view> suffix_of(std::string_view name, std::string_view wanted) {
  if (!istarts_with(name, wanted)) return std::nullopt;
  name.remove_prefix(wanted.size());
  return name.empty() || name[0] == '*' ? std::make_optional(name) : std::nullopt;
}

// ------------------------------------------------------------------------------ transfer codes

constexpr int kSkip = -1;  // belongs to no alphabet
constexpr int kPad = -2;
constexpr int kBlank = -3;

struct Base64Table {
  signed char value[256];
  constexpr Base64Table() : value() {
    for (auto& v : value) v = kSkip;
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < kAlphabet.size(); ++i)
      value[static_cast<unsigned char>(kAlphabet[i])] = static_cast<signed char>(i);
    value[static_cast<unsigned char>('=')] = kPad;
    for (const char c : {' ', '\t', '\r', '\n'}) value[static_cast<unsigned char>(c)] = kBlank;
  }
};
constexpr Base64Table kBase64;

// Foreign characters are skipped (RFC 2045 section 6.8); padding ends a group, not the text: some
// programs join encoded pieces.
bool decode_base64(std::string_view text, std::size_t limit, std::string& out) {
  const std::size_t begin = out.size();
  const std::size_t most = std::min(limit, text.size() / 4 * 3 + 3);
  out.resize(begin + most + 2);  // the last group may go over the end
  char* to = out.data() + begin;
  const char* const end = to + most;
  const auto value_at = [&](std::size_t i) -> int {
    return kBase64.value[static_cast<unsigned char>(text[i])];
  };
  bool good = true;
  std::uint32_t bits = 0;
  int count = 0;
  const auto put_group = [&] {
    *to++ = static_cast<char>(bits >> 16);
    *to++ = static_cast<char>(bits >> 8);
    *to++ = static_cast<char>(bits);
    bits = 0;
    count = 0;
  };
  const auto flush = [&] {  // what an incomplete group holds
    if (count == 1) good = false;
    if (count >= 2) *to++ = static_cast<char>(count == 2 ? bits >> 4 : bits >> 10);
    if (count == 3) *to++ = static_cast<char>(bits >> 2);
    bits = 0;
    count = 0;
  };
  for (std::size_t at = 0; at < text.size() && to < end;) {
    if (count == 0 && text.size() - at >= 4) {  // nearly all of an honest text
      const int a = value_at(at), b = value_at(at + 1), c = value_at(at + 2), d = value_at(at + 3);
      if ((a | b | c | d) >= 0) {
        bits = static_cast<std::uint32_t>(a << 18 | b << 12 | c << 6 | d);
        put_group();
        at += 4;
        continue;
      }
    }
    const int value = value_at(at++);
    if (value >= 0) {
      bits = bits << 6 | static_cast<std::uint32_t>(value);
      if (++count == 4) put_group();
    } else if (value == kPad) {
      flush();
    } else if (value == kSkip) {
      good = false;
    }
  }
  if (count != 0) good = false;  // RFC 4648 section 3.2: padding is missing
  if (to < end) flush();
  out.resize(std::min(begin + most, static_cast<std::size_t>(to - out.data())));
  return good;
}

// The octet that two hexadecimal digits at `at` name, or -1.
int hex_octet(std::string_view line, std::size_t at) {
  int value = 0;
  for (std::size_t i = at; i < at + 2; ++i) {
    if (i >= line.size()) return -1;
    const char c = ascii_lower(line[i]);
    const int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

// One line without its LF. @return whether the line goes on in the next one (soft line break).
bool decode_quoted_line(std::string_view line, std::string& out, bool& good) {
  // RFC 2045 section 6.7 (3): blanks at the end were added on the way.
  while (!line.empty() && is_wsp(line.back())) line.remove_suffix(1);
  const bool soft = line.ends_with('=');
  if (soft) line.remove_suffix(1);
  for (;;) {
    const std::size_t at = line.find('=');
    out += line.substr(0, at);
    if (at == std::string_view::npos) return soft;
    const int octet = hex_octet(line, at + 1);
    if (octet < 0) good = false;
    out += octet < 0 ? '=' : static_cast<char>(octet);
    line.remove_prefix(at + (octet < 0 ? 1 : 3));
  }
}

bool decode_quoted_printable(std::string_view text, std::size_t limit, std::string& out) {
  bool good = true;
  const std::size_t end = out.size() + limit;
  while (!text.empty() && out.size() < end) {
    const std::size_t line_end = text.find('\n');
    const bool soft = decode_quoted_line(text.substr(0, line_end), out, good);
    if (line_end == std::string_view::npos) break;
    if (!soft) out += '\n';
    text.remove_prefix(line_end + 1);
  }
  if (out.size() > end) out.resize(end);
  return good;
}

// ----------------------------------------------------------------------------------- the tree

struct PartHeader {
  std::optional<std::string> content_type;  // the last of each, as most readers of mail do
  std::optional<std::string> transfer_encoding;
  std::optional<std::string> disposition;

  void note(std::string_view name, std::string_view value) {
    name = trim(name);
    if (!istarts_with(name, "Content-")) return;
    name.remove_prefix(8);
    if (iequals(name, "Type"))
      content_type.emplace(value);
    else if (iequals(name, "Transfer-Encoding"))
      transfer_encoding.emplace(value);
    else if (iequals(name, "Disposition"))
      disposition.emplace(value);
  }
};

// Field names hold printable ASCII without the colon (RFC 5322 section 2.2).
std::size_t field_name_end(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ':') return i;
    if (static_cast<unsigned char>(line[i]) < 32 || line[i] == 127) break;
  }
  return std::string_view::npos;
}

// Takes the header off `text`. A line that is no field ends it and belongs to the body.
PartHeader take_header(std::string_view& text) {
  PartHeader header;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (trim(line).empty()) {
      text.remove_prefix(std::min(end + 1, text.size()));
      return header;
    }
    const std::size_t colon = field_name_end(line);
    if (colon == std::string_view::npos || colon == 0) return header;
    while (end + 1 < text.size() && (text[end + 1] == ' ' || text[end + 1] == '\t'))
      end = std::min(text.find('\n', end + 1), text.size());
    header.note(line.substr(0, colon), text.substr(colon + 1, end - colon - 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return header;
}

// A line that delimits the parts of a multipart (RFC 2046 section 5.1.1).
struct Delimiter {
  std::size_t begin;
  std::size_t end;  // behind its LF
  bool closes;
};

std::optional<Delimiter> find_delimiter(std::string_view text, std::size_t from,
                                        const std::string& dashed) {
  while (from < text.size()) {
    // memmem is linear whatever text and needle are.
    const void* found =
        ::memmem(text.data() + from, text.size() - from, dashed.data(), dashed.size());
    if (found == nullptr) return std::nullopt;
    const auto begin = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    from = begin + 1;
    if (begin != 0 && text[begin - 1] != '\n') continue;
    std::size_t at = begin + dashed.size();
    const bool closes = text.substr(at, 2) == "--";
    if (closes) at += 2;
    while (at < text.size() && text[at] != '\n' && is_wsp(text[at])) ++at;
    if (at < text.size() && text[at] != '\n') continue;
    return Delimiter{begin, std::min(at + 1, text.size()), closes};
  }
  return std::nullopt;
}

class Walker {
 public:
  Walker(const MimeLimits& limits, const std::function<void(const MimeLeaf&)>& visit)
      : limits_(limits), visit_(visit) {}

  void part(const PartHeader& header, std::string_view body, int depth, bool in_digest) {
    if (++parts_ > limits_.max_parts) {
      defects_.too_many_parts = true;
      return;
    }
    ContentType type;
    if (header.content_type)
      type = parse_content_type(*header.content_type);
    else if (in_digest)
      type.type = "message/rfc822";  // RFC 2046 section 5.1.5
    const TransferEncoding encoding = header.transfer_encoding
                                          ? parse_transfer_encoding(*header.transfer_encoding)
                                          : TransferEncoding::identity;
    if (header.disposition) {
      std::string name = parse_content_type(*header.disposition).name;
      if (!name.empty()) type.name = std::move(name);
    }
    const bool message = type.type == "message/rfc822" || type.type == "message/global";
    if (!message && !type.is_multipart()) return visit_({type, encoding, body});
    if (depth >= limits_.max_depth) {
      defects_.too_deep = true;
      return;
    }
    if (message)
      enclosed(encoding, body, depth);
    else
      multipart(type, body, depth);
  }
  const MimeDefects& defects() const { return defects_; }

 private:
  void multipart(const ContentType& type, std::string_view body, int depth) {
    const std::string dashed = "--" + type.boundary;
    auto delimiter = type.boundary.empty() ? std::nullopt : find_delimiter(body, 0, dashed);
    if (!delimiter) return visit_({ContentType{}, TransferEncoding::identity, body});
    const auto first = delimiter;
    while (delimiter && delimiter->closes) delimiter = find_delimiter(body, delimiter->end, dashed);
    if (!delimiter) {  // nothing opens a part: what stands before the end is one
      std::string_view text = body.substr(0, first->begin == 0 ? 0 : first->begin - 1);
      const PartHeader header = take_header(text);
      return part(header, text, depth + 1, false);
    }
    const bool digest = type.type == "multipart/digest";
    while (delimiter && !delimiter->closes && !defects_.too_many_parts) {
      const std::size_t begin = delimiter->end;
      delimiter = find_delimiter(body, begin, dashed);
      // The line break before a delimiter belongs to it; between two in a row there is none.
      const std::size_t end = delimiter ? std::max(begin, delimiter->begin - 1) : body.size();
      std::string_view text = body.substr(begin, end - begin);
      const PartHeader header = take_header(text);
      part(header, text, depth + 1, digest);
    }
  }

  void enclosed(TransferEncoding encoding, std::string_view body, int depth) {
    std::string decoded;
    if (encoding != TransferEncoding::identity) {
      decode_transfer(body, encoding, limits_.max_decoded, decoded);
      std::erase(decoded, '\r');
      body = decoded;
    }
    const PartHeader header = take_header(body);
    part(header, body, depth + 1, false);
  }

  const MimeLimits& limits_;
  const std::function<void(const MimeLeaf&)>& visit_;
  MimeDefects defects_;
  int parts_ = 0;
};

}  // namespace

ContentType parse_content_type(std::string_view value) {
  ParameterReader reader(value);
  ContentType result;
  const std::string type = to_lower(reader.read_until(";"));
  const std::size_t slash = type.find('/');
  if (slash == std::string::npos && !type.empty() && type != "text" && !type.starts_with("text ")) {
    result.type = type.substr(0, type.find(' '));
  } else if (slash != std::string::npos && slash != 0) {
    // "text / plain" and what follows a blank behind the type is seen in the wild.
    std::string joined;
    for (const char c : type) {
      if (c == ' ' && joined.find('/') != std::string::npos && joined.back() != '/') break;
      if (c != ' ') joined += c;
    }
    result.type = std::move(joined);
    if (result.type.starts_with("text/") && result.type != "text/html" &&
        result.type != "text/calendar" && result.type != "text/x-vcard")
      result.type = "text/plain";
  }
  Parameter boundary;
  Parameter charset;
  Parameter file;
  while (reader.take(';')) {
    const std::string name = reader.read_until("=;");
    if (!reader.take('=')) continue;
    std::string content = reader.read_until(";");
    if (const auto suffix = suffix_of(name, "boundary")) {
      boundary.add(*suffix, std::move(content));
    } else if (const auto part = suffix_of(name, "charset")) {
      charset.add(*part, std::move(content));
    } else if (const auto whole = suffix_of(name, "filename")) {
      file.add(*whole, std::move(content));
    } else if (const auto short_name = suffix_of(name, "name")) {
      file.add(*short_name, std::move(content));
    }
  }
  result.boundary = boundary.get();
  while (result.boundary.ends_with(' ')) result.boundary.pop_back();
  if (result.boundary.size() > kMaxBoundary) result.boundary.clear();
  result.name = file.get();
  const std::string name = charset.get();
  result.charset = trim(name).substr(0, trim(name).find_first_of(" ;,"));
  return result;
}

TransferEncoding parse_transfer_encoding(std::string_view value) {
  const std::string word = to_lower(ParameterReader(value).read_until(";"));
  if (word == "base64") return TransferEncoding::base64;
  if (word == "quoted-printable") return TransferEncoding::quoted_printable;
  return TransferEncoding::identity;
}

bool decode_transfer(std::string_view text, TransferEncoding encoding, std::size_t limit,
                     std::string& out) {
  switch (encoding) {
    case TransferEncoding::base64:
      return decode_base64(text, limit, out);
    case TransferEncoding::quoted_printable:
      return decode_quoted_printable(text, limit, out);
    case TransferEncoding::identity:
      break;
  }
  out += text.substr(0, limit);
  return true;
}

MimeDefects walk_mime(std::span<const HeaderField> fields, std::string_view body,
                      const MimeLimits& limits, const std::function<void(const MimeLeaf&)>& visit) {
  PartHeader header;
  for (const HeaderField& field : fields) header.note(field.name, field.value);
  Walker walker(limits, visit);
  walker.part(header, body, 0, false);
  return walker.defects();
}

}  // namespace gatepost::mail
