#include "core/dns/zone_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/text.h"
#include "core/dns/name.h"

namespace gatepost::dns {

namespace {

constexpr std::array<std::pair<std::string_view, RrType>, 8> kTypes{{{"a", RrType::a},
                                                                     {"aaaa", RrType::aaaa},
                                                                     {"txt", RrType::txt},
                                                                     {"mx", RrType::mx},
                                                                     {"ptr", RrType::ptr},
                                                                     {"ns", RrType::ns},
                                                                     {"cname", RrType::cname},
                                                                     {"soa", RrType::soa}}};

/// Real types that no check asks for.
constexpr std::array<std::string_view, 27> kOtherTypes{
    "afsdb",  "caa", "cdnskey", "cds",   "dname", "dnskey",     "ds",         "hinfo",  "https",
    "key",    "loc", "naptr",   "nsec",  "nsec3", "nsec3param", "openpgpkey", "rp",     "rrsig",
    "smimea", "spf", "srv",     "sshfp", "svcb",  "tlsa",       "uri",        "zonemd", "wks"};

constexpr std::string_view kUnits = "smhdw";
constexpr std::array<std::uint32_t, 5> kSeconds{1, 60, 3600, 86400, 604800};

/// Seconds, or numbers with one of kUnits behind each.
std::optional<std::uint32_t> parse_ttl(std::string_view text) {
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  bool open = false;
  for (const char c : text) {
    if (is_digit(c)) {
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
      open = true;
    } else {
      const auto unit = kUnits.find(ascii_lower(c));
      if (unit == std::string_view::npos || !open) return std::nullopt;
      total += number * kSeconds.at(unit);
      number = 0;
      open = false;
    }
    if (number + total > INT32_MAX) return std::nullopt;  // RFC 2181 section 8
  }
  return static_cast<std::uint32_t>(total + number);
}

bool is_other_type(std::string_view lower) {
  if (std::find(kOtherTypes.begin(), kOtherTypes.end(), lower) != kOtherTypes.end()) return true;
  return lower.size() > 4 && lower.substr(0, 4) == "type" &&  // RFC 3597 section 5
         std::all_of(lower.begin() + 4, lower.end(), is_digit);
}

/// RFC 2181 section 5: a record stands only once in its set.
template <class T>
void add_once(std::vector<T>& list, T value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(std::move(value));
}

bool ends_token(char c) {
  return is_wsp(c) || c == ';' || c == '(' || c == ')' || c == '"';
}

}  // namespace

Error ZoneParser::error(std::size_t line, std::string what) const {
  return config_error(std::move(what), file_ + ":" + std::to_string(line));
}

Result<void> ZoneParser::parse(std::string_view text) {
  std::size_t at = 0;
  for (;;) {
    auto entry = next_entry(text, at);
    if (!entry) return std::move(entry).error();
    if (!*entry) return {};
    if (auto taken = take(**entry); !taken) return taken;
  }
}

Result<std::optional<ZoneParser::Entry>> ZoneParser::next_entry(std::string_view text,
                                                                std::size_t& at) {
  Entry entry;
  int depth = 0;
  bool line_start = true;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\n') {
      ++line_;
      ++at;
      if (depth == 0 && !entry.tokens.empty()) return std::optional(std::move(entry));
      if (depth == 0) line_start = true;
      continue;
    }
    if (entry.tokens.empty() && line_start) {
      entry.line = line_;
      entry.starts_blank = is_wsp(c) || c == '(';
    }
    line_start = false;
    if (is_wsp(c)) {
      ++at;
    } else if (c == ';') {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == '(') {
      ++depth;
      ++at;
    } else if (c == ')') {
      if (--depth < 0) return error(line_, "a ) stands without its (");
      ++at;
    } else {
      auto token = next_token(text, at);
      if (!token) return std::move(token).error();
      entry.tokens.push_back(std::move(*token));
    }
  }
  if (depth != 0) return error(entry.line, "a ( is not closed");
  if (entry.tokens.empty()) return std::optional<Entry>();
  return std::optional(std::move(entry));
}

Result<ZoneParser::Token> ZoneParser::next_token(std::string_view text, std::size_t& at) {
  Token token;
  const std::size_t line = line_;
  const bool quoted = text[at] == '"';
  if (quoted) {
    token.plain = false;
    ++at;
  }
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted ? c == '"' : ends_token(c)) break;
    if (c == '\n') ++line_;
    if (c != '\\') {
      token.text += c;
      continue;
    }
    // RFC 1035 section 5.1: \X is X, \DDD is an octet.
    token.plain = false;
    if (++at == text.size()) return error(line_, "a \\ ends the file");
    if (!is_digit(text[at])) {
      token.odd_dot = token.odd_dot || text[at] == '.';
      token.text += text[at];
      continue;
    }
    unsigned octet = 256;
    if (at + 3 <= text.size()) std::from_chars(&text[at], &text[at] + 3, octet);
    if (octet > 255 || !is_digit(text[at + 1]) || !is_digit(text[at + 2])) {
      return error(line_, "a \\ with digits needs three, from 000 to 255");
    }
    at += 2;
    token.odd_dot = token.odd_dot || octet == '.';
    token.text += static_cast<char>(octet);
  }
  if (quoted) {
    if (at == text.size()) return error(line, "a quoted string is not closed");
    ++at;
  }
  return token;
}

Result<std::string> ZoneParser::name(const Token& token, std::size_t line) const {
  if (token.plain && token.text == "@") return origin_;
  if (token.odd_dot) return error(line, "a dot within a label is not supported");
  std::string full = to_lower(token.text);
  if (full == ".") return std::string();
  if (!full.empty() && full.back() == '.') {
    full.pop_back();
  } else if (!origin_.empty()) {
    full += "." + origin_;
  }
  if (full.empty() || !is_wire_name(full)) {
    return error(line, "\"" + printable(token.text) +
                           "\" is no domain name (labels of 1 to 63 octets, 253 in all)");
  }
  return full;
}

Result<void> ZoneParser::directive(const Entry& entry) {
  const std::string word = to_lower(entry.tokens[0].text);
  if (entry.tokens.size() == 2 && word == "$origin") {
    auto origin = name(entry.tokens[1], entry.line);
    if (!origin) return std::move(origin).error();
    origin_ = std::move(*origin);
    return {};
  }
  if (entry.tokens.size() == 2 && word == "$ttl") {
    const auto ttl = parse_ttl(entry.tokens[1].text);
    if (!ttl) return error(entry.line, "$TTL needs a number of seconds");
    default_ttl_ = ttl_ = *ttl;
    return {};
  }
  if (word == "$origin" || word == "$ttl") return error(entry.line, word + " needs one value");
  return error(entry.line, "\"" + printable(entry.tokens[0].text) +
                               "\" is not supported, only $ORIGIN and $TTL are");
}

Result<void> ZoneParser::take(const Entry& entry) {
  const auto& tokens = entry.tokens;
  std::size_t next = 0;
  if (!entry.starts_blank) {
    if (tokens[0].plain && tokens[0].text.front() == '$') return directive(entry);
    auto owner = name(tokens[next++], entry.line);
    if (!owner) return std::move(owner).error();
    owner_ = std::move(*owner);
  }
  if (!owner_) return error(entry.line, "the first record needs a name at the start of its line");
  ttl_ = default_ttl_;
  // RFC 1035 section 5.1: TTL and class are optional and stand in either order.
  for (; next < tokens.size() && tokens[next].plain; ++next) {
    const auto ttl = parse_ttl(tokens[next].text);
    if (ttl) {
      ttl_ = *ttl;
    } else if (iequals(tokens[next].text, "ch") || iequals(tokens[next].text, "hs")) {
      return error(entry.line, "only records of class IN are supported");
    } else if (!iequals(tokens[next].text, "in")) {
      break;
    }
  }
  if (next == tokens.size()) return error(entry.line, "a record type is missing");
  const std::string type = to_lower(tokens[next].text);
  const std::vector<Token> data(tokens.begin() + static_cast<std::ptrdiff_t>(next) + 1,
                                tokens.end());
  for (const auto& [word, known] : kTypes) {
    if (word == type) return record(known, data, entry.line);
  }
  if (!is_other_type(type)) {
    return error(entry.line, "\"" + printable(tokens[next].text) + "\" is no record type");
  }
  zone_.make_node(*owner_);
  return {};
}

Result<void> ZoneParser::add_soa(const std::vector<Token>& data, std::size_t line, Answer& answer) {
  if (data.size() != 7) {
    return error(line, "SOA needs two names and five numbers");
  }
  auto primary = name(data[0], line);
  if (!primary) return std::move(primary).error();
  const auto minimum = parse_ttl(data[6].text);
  if (!minimum) return error(line, "the last number of SOA (minimum) is no number of seconds");
  answer.names = {std::move(*primary)};
  zone_.make_node(*owner_).minimum = *minimum;
  return {};
}

Result<void> ZoneParser::add_txt(const std::vector<Token>& data, std::size_t line, Answer& answer) {
  if (data.empty()) return error(line, "TXT needs at least one string");
  std::string joined;
  for (const Token& token : data) {
    if (token.text.size() > 255) {  // RFC 1035 section 3.3
      return error(line, "a string of TXT has more than 255 octets, split it");
    }
    joined += token.text;
  }
  add_once(answer.texts, std::move(joined));
  return {};
}

Result<void> ZoneParser::add_mx(const std::vector<Token>& data, std::size_t line, Answer& answer) {
  Mx mx;
  const std::string number = data.empty() ? "" : data[0].text;
  const auto [end, status] =
      std::from_chars(number.data(), number.data() + number.size(), mx.preference);
  if (data.size() != 2 || status != std::errc() || end != number.data() + number.size()) {
    return error(line, "MX needs a preference from 0 to 65535 and a name");
  }
  auto exchange = name(data[1], line);
  if (!exchange) return std::move(exchange).error();
  mx.exchange = std::move(*exchange);
  add_once(answer.mx, std::move(mx));
  return {};
}

Result<void> ZoneParser::add_single(RrType type, const std::vector<Token>& data, std::size_t line,
                                    Answer& answer) {
  if (data.size() != 1) {
    return error(line, to_string(type) + " needs one value, found " + std::to_string(data.size()));
  }
  if (type == RrType::a || type == RrType::aaaa) {
    const auto address = IpAddress::parse(data[0].text);
    const bool has_colon = data[0].text.find(':') != std::string::npos;
    if (!address || has_colon != (type == RrType::aaaa)) {
      return error(line, to_string(type) + " needs an address, not " + printable(data[0].text));
    }
    add_once(answer.addresses, *address);
    return {};
  }
  auto target = name(data[0], line);
  if (!target) return std::move(target).error();
  add_once(answer.names, std::move(*target));
  return {};
}

Result<void> ZoneParser::record(RrType type, const std::vector<Token>& data, std::size_t line) {
  Zone::Node& node = zone_.make_node(*owner_);
  // RFC 1034 section 3.6.2
  if (node.sets.count(RrType::cname) != 0 || (type == RrType::cname && !node.sets.empty())) {
    return error(line, printable(*owner_) + " has a CNAME and another record");
  }
  const bool is_new = node.sets.count(type) == 0;
  Answer& answer = node.sets[type];
  // RFC 2181 section 5.2: a set has one TTL, the smallest.
  answer.ttl = is_new ? ttl_ : std::min(answer.ttl, ttl_);
  answer.status = Status::ok;
  if (type == RrType::soa) return add_soa(data, line, answer);
  if (type == RrType::txt) return add_txt(data, line, answer);
  if (type == RrType::mx) return add_mx(data, line, answer);
  return add_single(type, data, line, answer);
}

}  // namespace gatepost::dns
