#include "rules/pattern_tree.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

using Octets = std::bitset<256>;
using Kind = PatternNode::Kind;

constexpr int kMostDepth = 100;
constexpr std::size_t kManyStates = 1000000;

struct Options {
  bool caseless = false;
  bool multiline = false;
  bool dotall = false;
};

PatternNode of_octets(const Octets& octets) {
  PatternNode out;
  out.kind = Kind::octets;
  out.octets = octets;
  return out;
}

PatternNode of_mark(std::string_view mark) {
  PatternNode out;
  out.kind = Kind::mark;
  out.mark = mark;
  return out;
}

Octets range(int first, int last) {
  Octets out;
  for (int i = first; i <= last; ++i) out.set(static_cast<std::size_t>(i));
  return out;
}

Octets any_of(std::string_view characters) {
  Octets out;
  for (const char c : characters) out.set(static_cast<unsigned char>(c));
  return out;
}

Octets letters() {
  return range('a', 'z') | range('A', 'Z');
}

// \d and the like; nothing for an escape that is no class.
std::optional<Octets> escape_class(char c) {
  switch (c) {
    case 'd':
      return range('0', '9');
    case 'D':
      return ~range('0', '9');
    case 'w':
      return letters() | range('0', '9') | any_of("_");
    case 'W':
      return ~(letters() | range('0', '9') | any_of("_"));
    case 's':
      return range(9, 13) | any_of(" ");
    case 'S':
      return ~(range(9, 13) | any_of(" "));
    case 'h':
      return any_of(" \t\xa0");
    case 'H':
      return ~any_of(" \t\xa0");
    case 'v':
      return range(10, 13) | any_of("\x85");
    case 'V':
      return ~(range(10, 13) | any_of("\x85"));
    case 'N':
      return ~any_of("\n");
    default:
      return std::nullopt;
  }
}

std::optional<Octets> named_class(std::string_view name) {
  const Octets graph = range(0x21, 0x7e);
  const std::pair<std::string_view, Octets> kClasses[] = {
      {"alpha", letters()},
      {"digit", range('0', '9')},
      {"alnum", letters() | range('0', '9')},
      {"upper", range('A', 'Z')},
      {"lower", range('a', 'z')},
      {"punct", graph & ~(letters() | range('0', '9'))},
      {"graph", graph},
      {"print", graph | any_of(" ")},
      {"space", range(9, 13) | any_of(" ")},
      {"blank", any_of(" \t")},
      {"cntrl", range(0, 31) | range(127, 127)},
      {"xdigit", range('0', '9') | range('a', 'f') | range('A', 'F')},
      {"word", letters() | range('0', '9') | any_of("_")},
      {"ascii", range(0, 127)}};
  const bool negated = name.starts_with('^');
  if (negated) name.remove_prefix(1);
  for (const auto& [known, octets] : kClasses) {
    if (known == name) return negated ? ~octets : octets;
  }
  return std::nullopt;
}

Octets folded(const Octets& octets, bool caseless) {
  if (!caseless) return octets;
  Octets out = octets;
  for (std::size_t i = 'a'; i <= 'z'; ++i) {
    if (octets[i]) out.set(i - 32);
    if (octets[i - 32]) out.set(i);
  }
  return out;
}

int hex_digit(char c) {
  const char lower = ascii_lower(c);
  return is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

class Reader {
 public:
  Reader(const Expression& e, bool in_pieces)
      : text_(e.text),
        in_pieces_(in_pieces),
        multiline_(e.multiline),
        options_{e.caseless, e.multiline, e.dotall} {}

  std::optional<PatternNode> read() {
    PatternNode out = alternatives(0);
    if (failed_ || at_ != text_.size()) return std::nullopt;
    return out;
  }

 private:
  bool at_end() const { return failed_ || at_ >= text_.size(); }
  bool next_is(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  PatternNode fail() {
    failed_ = true;
    return {};
  }

  PatternNode alternatives(int depth) {
    if (depth > kMostDepth) return fail();
    const Options before = options_;
    PatternNode out;
    out.kind = Kind::alternatives;
    do {
      PatternNode sequence;
      while (!at_end() && text_[at_] != '|' && text_[at_] != ')') add_item(sequence, depth);
      out.parts.push_back(std::move(sequence));
    } while (!at_end() && text_[at_] == '|' && ++at_ > 0);
    options_ = before;
    return out.parts.size() == 1 ? std::move(out.parts[0]) : std::move(out);
  }

  void add_item(PatternNode& sequence, int depth) {
    if (next_is("\\Q")) return quoted(sequence);
    PatternNode node = item(depth);
    if (failed_) return;
    for (PatternNode repeat; read_repeat(repeat); repeat = {}) {  // a{2}{3} is (?:a{2}){3}
      repeat.kind = Kind::repeat;
      repeat.parts.push_back(std::move(node));
      node = std::move(repeat);
    }
    sequence.parts.push_back(std::move(node));
  }

  void quoted(PatternNode& sequence) {
    const std::size_t end = text_.find("\\E", at_);
    // What repeats its last character is not followed.
    failed_ = end == text_.npos || (end + 2 < text_.size() &&
                                    std::string_view("?*+{").find(text_[end + 2]) != text_.npos);
    if (failed_) return;
    for (at_ += 2; at_ < end; ++at_) sequence.parts.push_back(literal(text_[at_]));
    at_ = end + 2;
  }

  PatternNode literal(char c) const {
    Octets octets;
    octets.set(static_cast<unsigned char>(c));
    return of_octets(folded(octets, options_.caseless));
  }

  PatternNode item(int depth) {
    const char c = text_[at_++];
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        return char_class();
      case '\\':
        return escape();
      case '.':
        return of_octets(options_.dotall ? ~Octets() : ~any_of("\n"));
      case '^':
        return begin_of_line(options_.multiline);
      case '$':
        return {};
      case '?':
      case '*':
      case '+':
        return fail();
      case '{':  // a count in later versions of PCRE2
        return next_is(",") ? fail() : literal(c);
      default:
        return literal(c);
    }
  }

  // A mark that the flag of the whole does not say is left out.
  PatternNode begin_of_line(bool of_lines) const {
    return in_pieces_ || of_lines == multiline_ ? of_mark("^") : PatternNode();
  }

  PatternNode group(int depth) {
    if (next_is("*")) return fail();
    bool ignored = false;
    const Options before = options_;
    if (next_is("?")) {
      ++at_;
      bool closed = false;
      if (!group_head(ignored, closed)) return fail();
      if (closed) return {};
    }
    PatternNode inside = alternatives(depth + 1);
    options_ = before;
    if (at_end() || text_[at_] != ')') return fail();
    ++at_;
    return ignored ? PatternNode() : std::move(inside);
  }

  // Behind "(?". @param ignored look-around. @param closed "(?i)": options for what follows.
  bool group_head(bool& ignored, bool& closed) {
    if (next_is(":") || next_is(">")) return ++at_ > 0;
    ignored = next_is("=") || next_is("!") || next_is("<=") || next_is("<!");
    if (ignored) {
      at_ += next_is("<") ? 2 : 1;
      return true;
    }
    if (next_is("<") || next_is("P<")) {
      at_ = text_.find('>', at_);
      return at_ != text_.npos && ++at_ > 0;
    }
    bool on = true;
    for (; at_ < text_.size(); ++at_) {
      switch (text_[at_]) {
        case '-':
          on = false;
          break;
        case 'i':
          options_.caseless = on;
          break;
        case 'm':
          options_.multiline = on;
          break;
        case 's':
          options_.dotall = on;
          break;
        case ':':
          ++at_;
          return true;
        case ')':
          ++at_;
          closed = true;
          return true;
        default:
          return false;
      }
    }
    return false;
  }

  PatternNode char_class() {
    Octets octets;
    const bool negated = next_is("^");
    if (negated) ++at_;
    for (bool first = true; at_ < text_.size() && (first || text_[at_] != ']'); first = false) {
      int from = -1;
      octets |= class_item(from);
      if (failed_) return {};
      if (from < 0 || at_ + 1 >= text_.size() || text_[at_] != '-' || text_[at_ + 1] == ']')
        continue;
      ++at_;
      int to = -1;
      const Octets last = class_item(to);
      if (failed_) return {};
      octets |= to < 0 ? last | any_of("-") : range(from, to);
    }
    if (at_ >= text_.size()) return fail();
    ++at_;
    octets = folded(octets, options_.caseless);
    return of_octets(negated ? ~octets : octets);
  }

  // @param single the octet, when it is one.
  Octets class_item(int& single) {
    const char c = text_[at_++];
    if (c == '[' && at_ < text_.size() && text_[at_] == ':') {
      const std::size_t end = text_.find(":]", at_);
      const auto named =
          end == text_.npos ? std::nullopt : named_class(text_.substr(at_ + 1, end - at_ - 1));
      failed_ = !named;
      at_ = end + 2;
      return named.value_or(Octets());
    }
    if (c != '\\') return single = static_cast<unsigned char>(c), range(single, single);
    if (at_ >= text_.size()) return fail(), Octets();
    if (const auto known = escape_class(text_[at_])) return ++at_, *known;
    if (text_[at_] == 'b') return ++at_, single = 8, range(8, 8);
    single = escaped_octet();
    return failed_ ? Octets() : range(single, single);
  }

  // Behind the backslash, of what stands for one octet.
  int escaped_octet() {
    const char c = text_[at_++];
    constexpr std::string_view kNames = "ntrfae";
    constexpr char kValues[] = {'\n', '\t', '\r', '\f', '\a', 27};
    if (const std::size_t known = kNames.find(c); known != kNames.npos) return kValues[known];
    if (c == 'x') return hex();
    if (!is_alnum(c)) return static_cast<unsigned char>(c);
    if (c != '0') return fail(), 0;
    int value = 0;
    for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++i)
      value = value * 8 + (text_[at_++] - '0');
    return value;
  }

  int hex() {
    const bool braces = next_is("{");
    if (braces) ++at_;
    int value = 0;
    for (int i = 0; (i < 2 || braces) && at_ < text_.size() && hex_digit(text_[at_]) >= 0; ++i)
      value = std::min(value * 16 + hex_digit(text_[at_++]), 256);
    if (braces && !next_is("}")) value = 256;
    if (braces) ++at_;
    if (value > 255) return fail(), 0;
    return value;
  }

  PatternNode escape() {
    if (at_ >= text_.size()) return fail();
    const char c = text_[at_];
    if (const auto known = escape_class(c)) return ++at_, of_octets(*known);
    if (c >= '1' && c <= '9') return group_again();
    switch (c) {
      case 'b':
        return ++at_, of_mark("\\b");
      case 'A':
        return ++at_, begin_of_line(false);
      case 'B':
      case 'Z':
      case 'z':
      case 'K':
        return ++at_, PatternNode();
      default:
        break;
    }
    const int octet = escaped_octet();
    return failed_ ? PatternNode() : literal(static_cast<char>(octet));
  }

  // \1, or an octal number: whatever it is.
  PatternNode group_again() {
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    PatternNode out;
    out.kind = Kind::repeat;
    out.least = 0;
    out.most = PatternNode::kUnlimited;
    out.parts.push_back(of_octets(~Octets()));
    return out;
  }

  bool read_repeat(PatternNode& out) {
    if (at_end()) return false;
    const char c = text_[at_];
    if (c == '?') {
      out.least = 0;
    } else if (c == '*' || c == '+') {
      out.least = c == '*' ? 0 : 1;
      out.most = PatternNode::kUnlimited;
    } else if (c != '{' || !counted(out)) {
      return false;
    }
    if (c != '{') ++at_;
    if (!at_end() && (text_[at_] == '?' || text_[at_] == '+')) ++at_;
    return true;
  }

  // "{n}", "{n,}" or "{n,m}"; anything else is a brace.
  bool counted(PatternNode& out) {
    const std::size_t end = text_.find('}', at_);
    if (end == text_.npos) return false;
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    const std::size_t comma = std::min(inside.find(','), inside.size());
    const std::string_view first = inside.substr(0, comma);
    const std::string_view second = comma == inside.size() ? first : inside.substr(comma + 1);
    const auto is_number = [](std::string_view t) {
      return t.size() <= 5 && std::all_of(t.begin(), t.end(), [](char d) { return is_digit(d); });
    };
    if (first.empty() || !is_number(first) || !is_number(second)) return false;
    const auto number = [](std::string_view t) {
      std::size_t value = 0;
      for (const char d : t) value = value * 10 + static_cast<std::size_t>(d - '0');
      return value;
    };
    out.least = number(first);
    out.most = second.empty() ? PatternNode::kUnlimited : number(second);
    at_ = end + 1;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool in_pieces_;
  bool multiline_;
  Options options_;
  bool failed_ = false;
};

void write_octet(std::string& out, std::size_t octet) {
  if (octet < 128 && is_alnum(static_cast<char>(octet))) {
    out += static_cast<char>(octet);
    return;
  }
  constexpr char kDigits[] = "0123456789abcdef";
  out.append("\\x") += kDigits[octet >> 4];
  out += kDigits[octet & 15];
}

void write_octets(std::string& out, const Octets& octets) {
  if (octets.count() == 1) {
    for (std::size_t i = 0; i < 256; ++i) {
      if (octets[i]) write_octet(out, i);
    }
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < 256; ++i) {
    if (!octets[i]) continue;
    std::size_t last = i;
    while (last + 1 < 256 && octets[last + 1]) ++last;
    write_octet(out, i);
    if (last > i) {
      out += '-';
      write_octet(out, last);
    }
    i = last;
  }
  out += ']';
}

void write(std::string& out, const PatternNode& node) {
  switch (node.kind) {
    case Kind::octets:
      write_octets(out, node.octets);
      break;
    case Kind::mark:
      out += node.mark;
      break;
    case Kind::sequence:
      for (const PatternNode& part : node.parts) {
        const bool grouped = part.kind == Kind::alternatives || part.kind == Kind::sequence;
        if (grouped) out += "(?:";
        write(out, part);
        if (grouped) out += ')';
      }
      break;
    case Kind::alternatives:
      for (std::size_t i = 0; i < node.parts.size(); ++i) {
        if (i > 0) out += '|';
        write(out, node.parts[i]);
      }
      break;
    case Kind::repeat: {
      const bool plain = node.parts[0].kind == Kind::octets;
      if (!plain) out += "(?:";
      write(out, node.parts[0]);
      if (!plain) out += ')';
      out += '{' + std::to_string(node.least);
      if (node.most != node.least) out += ',';
      if (node.most != node.least && node.most < PatternNode::kUnlimited)
        out += std::to_string(node.most);
      out += '}';
      break;
    }
  }
}

}  // namespace

std::optional<PatternNode> read_pattern(const Expression& expression, bool in_pieces) {
  if (expression.extended) return std::nullopt;
  return Reader(expression, in_pieces).read();
}

std::string write_pattern(const PatternNode& node) {
  std::string out;
  write(out, node);
  return out;
}

std::size_t states_of(const PatternNode& node) {
  std::size_t sum = node.kind == Kind::octets ? 1 : 0;
  for (const PatternNode& part : node.parts) sum = std::min(sum + states_of(part), kManyStates);
  if (node.kind != Kind::repeat) return sum;
  // Unlimited ones are a loop of one more.
  const std::size_t times =
      node.most < PatternNode::kUnlimited ? node.most : std::max<std::size_t>(node.least + 1, 2);
  return std::min(sum * std::clamp<std::size_t>(times, 1, 1000), kManyStates);
}

bool may_be_empty(const PatternNode& node) {
  switch (node.kind) {
    case Kind::octets:
      return false;
    case Kind::mark:
      return true;
    case Kind::sequence:
      return std::all_of(node.parts.begin(), node.parts.end(), may_be_empty);
    case Kind::alternatives:
      return std::any_of(node.parts.begin(), node.parts.end(), may_be_empty);
    case Kind::repeat:
      return node.least == 0 || may_be_empty(node.parts[0]);
  }
  return true;
}

}  // namespace gatepost::rules
