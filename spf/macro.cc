#include "spf/macro.h"

#include <algorithm>
#include <vector>

#include "core/base/text.h"

namespace gatepost::spf {
namespace {

constexpr std::size_t kMaxName = 253;  // RFC 7208 section 7.3
constexpr std::size_t kMaxLabel = 63;  // RFC 1035 section 2.3.4
constexpr char kHex[] = "0123456789ABCDEF";
constexpr unsigned kManyLabels = 65535;  // a digit transformer beyond it means "all"

/// A run of literal characters, or one macro-expand.
struct Piece {
  std::string_view literal;  ///< when letter is 0
  char letter = 0;           ///< lower case
  bool escape = false;       ///< the letter was upper case (section 7.3)
  bool reverse = false;
  unsigned keep = kManyLabels;       ///< right-hand parts
  std::string_view delimiters = {};  ///< empty means "."
};

bool is_delimiter(char c) {
  return std::string_view(".-+,/_=").find(c) != std::string_view::npos;
}

/// Reads a macro string piece by piece, from the left: "%%{" can be told in no other way.
class Scanner {
 public:
  Scanner(std::string_view text, MacroContext context) : text_(text), context_(context) {}

  bool at_end() const { return at_ == text_.size(); }
  std::size_t offset() const { return at_; }
  const char* fault() const { return fault_; }

  /// The next piece; on bad syntax fault() is set and offset() is its place.
  Piece next() {
    if (text_[at_] == '%') return macro();
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '%') {
      // macro-literal = %x21-24 / %x26-7E; an explain-string also has spaces (section 7.1)
      const char c = text_[at_];
      if (c < ' ' || c > '~' || (c == ' ' && context_ != MacroContext::explanation)) {
        fault_ = "character that is not allowed";
        return {};
      }
      ++at_;
    }
    return {.literal = text_.substr(begin, at_ - begin)};
  }

 private:
  Piece macro() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("%%")) return fixed("%");
    if (rest.starts_with("%_")) return fixed(" ");
    if (rest.starts_with("%-")) return fixed("%20");
    if (!rest.starts_with("%{")) return bad("% is not followed by {, %, _ or -");
    const std::size_t close = rest.find('}');
    if (close == std::string_view::npos) return bad("macro without }");
    return expand(rest.substr(2, close - 2), close + 1);
  }

  Piece fixed(std::string_view value) {
    at_ += 2;
    return {.literal = value};
  }

  Piece bad(const char* fault) {
    fault_ = fault;
    return {};
  }

  // macro-letter transformers *delimiter
  Piece expand(std::string_view body, std::size_t length) {
    Piece piece;
    piece.letter = body.empty() ? '\0' : ascii_lower(body[0]);
    if (std::string_view("slodiphvcrt").find(piece.letter) == std::string_view::npos) {
      return bad("unknown macro letter");
    }
    // Section 7.2: these only in explanation texts.
    if (context_ == MacroContext::domain_spec &&
        std::string_view("crt").find(piece.letter) != std::string_view::npos) {
      return bad("macro letter that is only allowed in explanations");
    }
    piece.escape = body[0] != piece.letter;
    std::size_t i = 1;
    if (i < body.size() && is_digit(body[i])) {
      piece.keep = 0;
      for (; i < body.size() && is_digit(body[i]); ++i) {
        piece.keep = std::min(kManyLabels, piece.keep * 10 + static_cast<unsigned>(body[i] - '0'));
      }
      if (piece.keep == 0) return bad("macro keeps 0 labels");  // section 7.3: MUST be nonzero
    }
    if (i < body.size() && ascii_lower(body[i]) == 'r') {
      piece.reverse = true;
      ++i;
    }
    piece.delimiters = body.substr(i);
    if (!std::all_of(piece.delimiters.begin(), piece.delimiters.end(), is_delimiter)) {
      return bad("bad macro transformer or delimiter");
    }
    at_ += length;
    return piece;
  }

  std::string_view text_;
  MacroContext context_;
  std::size_t at_ = 0;
  const char* fault_ = nullptr;
};

// toplabel, section 7.1: letters, digits and inner hyphens, not digits only
bool is_top_label(std::string_view label) {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  bool only_digits = true;
  for (const char c : label) {
    if (!is_alnum(c) && c != '-') return false;
    only_digits = only_digits && is_digit(c);
  }
  return !only_digits;
}

// domain-end = ( "." toplabel [ "." ] ) / macro-expand: `tail` is what follows the last macro.
const char* domain_end_fault(std::string_view tail, bool after_macro) {
  if (tail.empty()) return after_macro ? nullptr : "empty domain";
  if (tail.back() == '.') tail.remove_suffix(1);
  const std::size_t dot = tail.rfind('.');
  if (dot == std::string_view::npos) return "domain is not followed by a dot and a top label";
  if (is_top_label(tail.substr(dot + 1))) return nullptr;
  return IpAddress::parse(tail) ? "an address where a domain is expected (ip4: was meant?)"
                                : "domain does not end in a top label";
}

/// Section 7.2. "i" of IPv6 is nibbles; their case is free, upper case is what others print.
std::string letter_value(char letter, const MacroValues& values) {
  switch (letter) {
    case 's':
      return std::string(values.sender);
    case 'l':
      return std::string(values.local_part);
    case 'o':
      return std::string(values.sender_domain);
    case 'd':
      return std::string(values.domain);
    case 'h':
      return std::string(values.helo);
    case 'p':
      return values.validated.empty() ? "unknown" : std::string(values.validated);
    case 'r':
      return values.receiver.empty() ? "unknown" : std::string(values.receiver);
    case 't':
      return std::to_string(values.unix_time);
    case 'c':
      return values.client.text();
    case 'v':
      return values.client.is_v4() ? "in-addr" : "ip6";
    default:
      break;
  }
  if (values.client.is_v4()) return values.client.text();
  std::string nibbles;
  for (const char c : values.client.octets()) {
    const auto octet = static_cast<unsigned char>(c);
    if (!nibbles.empty()) nibbles += '.';
    nibbles += {kHex[octet >> 4], '.', kHex[octet & 15]};
  }
  return nibbles;
}

std::string url_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    // RFC 3986 section 2.3: unreserved
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      out += {'%', kHex[octet >> 4], kHex[octet & 15]};
    }
  }
  return out;
}

std::string expand_piece(const Piece& piece, const MacroValues& values) {
  if (piece.letter == 0) return std::string(piece.literal);
  std::string value = letter_value(piece.letter, values);
  if (piece.reverse || piece.keep != kManyLabels || !piece.delimiters.empty()) {
    // Section 7.3: split at any delimiter, reverse, keep the right-hand parts, join with dots.
    std::string delimiters;  // without repetitions, of which there may be thousands
    for (const char c : piece.delimiters.empty() ? "." : piece.delimiters) {
      if (delimiters.find(c) == std::string::npos) delimiters += c;
    }
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0, i = 0; i <= value.size(); ++i) {
      if (i < value.size() && delimiters.find(value[i]) == std::string::npos) continue;
      parts.push_back(std::string_view(value).substr(begin, i - begin));
      begin = i + 1;
    }
    if (piece.reverse) std::reverse(parts.begin(), parts.end());
    const std::size_t first = parts.size() > piece.keep ? parts.size() - piece.keep : 0;
    std::string joined;
    for (std::size_t i = first; i < parts.size(); ++i) {
      if (i > first) joined += '.';
      joined += parts[i];
    }
    value = std::move(joined);
  }
  return piece.escape ? url_escape(value) : value;
}

// Section 7.3: drop labels from the left until the name fits.
std::string fit_name(std::string_view name) {
  if (name.size() > kMaxName) {
    const std::size_t dot = name.find('.', name.size() - kMaxName - 1);
    if (dot != std::string_view::npos) name.remove_prefix(dot + 1);
  }
  return std::string(name);
}

}  // namespace

MacroCheck check_macro_string(std::string_view text, MacroContext context) {
  MacroCheck check;
  Scanner scanner(text, context);
  std::size_t tail = 0;  // where the literal behind the last macro begins
  while (!scanner.at_end()) {
    const bool is_macro = text[scanner.offset()] == '%';
    const Piece piece = scanner.next();
    if (scanner.fault() != nullptr) {
      check.fault = scanner.fault();
      check.offset = scanner.offset();
      return check;
    }
    if (is_macro) tail = scanner.offset();
    check.uses_validated = check.uses_validated || piece.letter == 'p';
    check.uses_local_part = check.uses_local_part || piece.letter == 's' || piece.letter == 'l';
  }
  if (context == MacroContext::domain_spec) {
    check.fault = domain_end_fault(text.substr(tail), tail > 0);
    check.offset = check.fault != nullptr ? tail : 0;
  }
  return check;
}

std::string expand_domain(std::string_view spec, const MacroValues& values) {
  if (spec.ends_with('.')) spec.remove_suffix(1);
  if (spec.find('%') == std::string_view::npos) return fit_name(spec);
  std::vector<Piece> pieces;
  Scanner scanner(spec, MacroContext::domain_spec);
  while (!scanner.at_end() && scanner.fault() == nullptr) pieces.push_back(scanner.next());
  // From the right: more than a name and its trailing dot is never needed, however long the spec.
  std::vector<std::string> parts;
  std::size_t size = 0;
  for (auto piece = pieces.rbegin(); piece != pieces.rend() && size <= kMaxName + 1; ++piece) {
    parts.push_back(expand_piece(*piece, values));
    size += parts.back().size();
  }
  std::string name;
  name.reserve(size);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) name += *part;
  if (name.ends_with('.')) name.pop_back();
  return fit_name(name);
}

std::optional<std::string> expand_explanation(std::string_view text, const MacroValues& values,
                                              std::size_t limit) {
  std::string out;
  Scanner scanner(text, MacroContext::explanation);
  while (!scanner.at_end()) {
    const Piece piece = scanner.next();
    if (scanner.fault() != nullptr) return std::nullopt;
    out += expand_piece(piece, values);
    if (out.size() > limit) return std::nullopt;
  }
  // Section 6.2: US-ASCII; a control character from the sender's address would break the reply.
  const auto shown = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::all_of(out.begin(), out.end(), shown)) return std::nullopt;
  return out;
}

bool is_queryable(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  std::size_t label = 0;
  for (const char c : name) {
    if (c < ' ' || c > '~') return false;
    if (c != '.') {
      if (++label > kMaxLabel) return false;
      continue;
    }
    if (label == 0) return false;
    label = 0;
  }
  return label > 0;
}

}  // namespace gatepost::spf
