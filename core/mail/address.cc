#include "core/mail/address.h"

#include <algorithm>
#include <memory>

#include <idn2.h>

#include "core/base/ip.h"
#include "core/base/text.h"
#include "core/mail/lexical.h"

namespace gatepost::mail {
namespace {

// A domain of kMaxDomain octets never needs more as U-labels; libidn2 sees nothing longer.
constexpr std::size_t kMaxUnicodeDomain = 1024;

// The ASCII form of a domain with U-labels (RFC 5890 section 2.3.2.1).
Result<std::string> to_a_labels(std::string_view domain) {
  if (domain.size() > kMaxUnicodeDomain) return permanent_error("the domain is too long");
  if (!is_valid_utf8(domain)) return permanent_error("the domain is not valid UTF-8");
  const std::string input(domain);
  char* raw = nullptr;
  // Non-transitional: ß stays ß, as DNS registries and browsers have it today.
  const int status = idn2_to_ascii_8z(input.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> output(raw, idn2_free);
  if (status != IDN2_OK) {
    return permanent_error(std::string("the domain is no internationalized domain name: ") +
                           idn2_strerror(status));
  }
  return std::string(output.get());
}

bool is_domain_octet(char c) {
  return is_alnum(c) || c == '-' || c == '_';
}

// local-part of RFC 5321 section 4.1.2 up to its '@' or the end, quoted or not.
Result<std::string> read_local_part(Lexer& lexer) {
  std::string local_part;
  if (lexer.next_is('"')) {
    auto quoted = lexer.quoted_string();
    if (!quoted) return quoted;
    local_part = *std::move(quoted);
    if (local_part.find_first_of("\t\r\n") != std::string::npos) {
      return permanent_error("a control character stands in the local part");
    }
  } else {
    do {
      local_part += lexer.atom();
    } while (lexer.take('.') && (local_part += '.', true));
    if (local_part.empty()) return permanent_error("the local part is missing");
  }
  if (local_part.size() > kMaxLocalPart) return permanent_error("the local part is too long");
  if (!is_valid_utf8(local_part)) return permanent_error("the local part is not valid UTF-8");
  return local_part;
}

Result<std::string> read_domain(std::string_view domain) {
  return domain.starts_with('[') ? normalize_literal(domain) : normalize_domain(domain);
}

// "@a,@b:" in front of the mailbox: each host is checked, none is kept (RFC 5321 appendix F.2).
Result<void> skip_source_route(Lexer& lexer) {
  while (lexer.take('@')) {
    const std::size_t end = lexer.rest().find_first_of(",:");
    if (end == std::string_view::npos) {
      return permanent_error("the source route has no end, ':' was expected");
    }
    const auto host = read_domain(lexer.rest().substr(0, end));
    if (!host) return permanent_error("in the source route, " + host.error().what);
    lexer.advance(end);
    if (lexer.take(':')) return {};
    lexer.take(',');
  }
  return permanent_error("the source route is malformed, '@' was expected");
}

Result<Address> read_mailbox(std::string_view text, bool domain_needed) {
  Lexer lexer(text, Lexer::Folds::strict);
  if (lexer.next_is('@')) {
    if (auto route = skip_source_route(lexer); !route) return route.error();
  }
  auto local_part = read_local_part(lexer);
  if (!local_part) return local_part.error();
  Address address{.local_part = *std::move(local_part), .domain = {}};
  if (lexer.at_end() && !domain_needed && iequals(address.local_part, "postmaster")) {
    return address;
  }
  if (!lexer.take('@')) {
    return permanent_error(lexer.at_end() ? "the address has no domain"
                                          : "the local part holds a character that needs quotes");
  }
  auto domain = read_domain(lexer.rest());
  if (!domain) return domain.error();
  address.domain = *std::move(domain);
  return address;
}

// Without its angle brackets.
Result<std::string_view> bare_path(std::string_view path) {
  if (path.size() > kMaxPath) return permanent_error("the path is too long");
  if (std::any_of(path.begin(), path.end(), [](char c) { return is_control(c) || c == '\t'; })) {
    return permanent_error("a control character stands in the path");
  }
  path = trim(path);
  if (!path.starts_with('<')) return path;
  if (path.size() < 2 || !path.ends_with('>')) {
    return permanent_error("the path has no closing angle bracket");
  }
  return path.substr(1, path.size() - 2);
}

}  // namespace

std::string Address::text() const {
  const std::string local = is_dot_atom(local_part) ? local_part : quote(local_part);
  return domain.empty() ? local : local + '@' + domain;
}

Result<std::string> normalize_domain(std::string_view domain) {
  std::string ascii;
  if (is_ascii(domain)) {
    ascii = to_lower(domain.substr(0, kMaxDomain + 1));
  } else {
    auto converted = to_a_labels(domain);
    if (!converted) return converted;
    ascii = to_lower(*converted);
  }
  if (ascii.empty()) return permanent_error("the domain is missing");
  if (ascii.size() > kMaxDomain) return permanent_error("the domain is too long");
  for (const std::string_view label : split(ascii, '.')) {
    if (label.empty()) return permanent_error("the domain has an empty label");
    if (label.size() > kMaxLabel) return permanent_error("the domain has a label that is too long");
    if (!std::all_of(label.begin(), label.end(), is_domain_octet)) {
      return permanent_error("the domain holds a character that no domain has");
    }
  }
  return ascii;
}

Result<std::string> normalize_literal(std::string_view literal) {
  if (literal.size() < 3 || !literal.starts_with('[') || !literal.ends_with(']')) {
    return permanent_error("the domain literal is not closed");
  }
  if (literal.size() > kMaxDomain) return permanent_error("the domain literal is too long");
  const std::string_view inner = literal.substr(1, literal.size() - 2);
  // RFC 5321 section 4.1.3: dcontent is printable ASCII without brackets and backslash.
  const bool clean = std::all_of(inner.begin(), inner.end(), [](char c) {
    return c > 32 && c < 127 && c != '[' && c != ']' && c != '\\';
  });
  if (!clean) return permanent_error("the domain literal holds a character that none may hold");
  const std::string lower = to_lower(literal);
  const std::size_t colon = inner.find(':');
  const bool tagged = colon != std::string_view::npos;
  const bool six = tagged && iequals(inner.substr(0, colon), "IPv6");
  if (tagged && !six && colon > 0 && colon + 1 < inner.size() && !IpAddress::parse(inner)) {
    return lower;
  }
  const std::string_view number = six ? inner.substr(colon + 1) : inner;
  // IpAddress reads "IPv6:" and the untagged form too; here the tag stands exactly once.
  const bool shape =
      six ? number.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
                number.find(':') != std::string_view::npos
          : !tagged;
  if (!shape || !IpAddress::parse(number)) {
    return permanent_error("the domain literal is no IP address");
  }
  return lower;
}

Result<std::optional<Address>> parse_reverse_path(std::string_view path) {
  const auto bare = bare_path(path);
  if (!bare) return bare.error();
  if (bare->empty()) return std::optional<Address>();
  auto address = read_mailbox(*bare, true);
  if (!address) return address.error();
  return std::optional<Address>(*std::move(address));
}

Result<Address> parse_forward_path(std::string_view path) {
  const auto bare = bare_path(path);
  if (!bare) return bare.error();
  return read_mailbox(*bare, false);
}

}  // namespace gatepost::mail
