#include "spf/record.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

#include "core/base/text.h"
#include "spf/macro.h"

namespace gatepost::spf {
namespace {

constexpr std::string_view kVersion = "v=spf1";

struct MechanismName {
  std::string_view name;
  MechanismKind kind;
};

// The frequent ones first.
constexpr MechanismName kMechanismNames[] = {
    {"ip4", MechanismKind::ip4},         {"ip6", MechanismKind::ip6},
    {"include", MechanismKind::include}, {"a", MechanismKind::a},
    {"mx", MechanismKind::mx},           {"all", MechanismKind::all},
    {"exists", MechanismKind::exists},   {"ptr", MechanismKind::ptr},
};

// name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ), RFC 7208 section 12
std::size_t name_length(std::string_view text) {
  if (text.empty() || !is_alpha(text[0])) return 0;
  std::size_t length = 1;
  while (length < text.size() && (is_alnum(text[length]) || text[length] == '-' ||
                                  text[length] == '_' || text[length] == '.')) {
    ++length;
  }
  return length;
}

/// "0" or up to three digits without a leading zero, at most `most` (section 12); else nothing.
std::optional<std::uint8_t> parse_number(std::string_view digits, unsigned most) {
  if (digits.empty() || digits.size() > 3 || (digits[0] == '0' && digits.size() > 1)) {
    return std::nullopt;
  }
  unsigned value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > most) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

// ip4-network = qnum "." qnum "." qnum "." qnum, no leading zeros (section 12)
bool parse_ip4(std::string_view text, std::uint8_t* octets) {
  for (int i = 0; i < 4; ++i) {
    const std::size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return false;
    const auto octet = parse_number(text.substr(0, dot), 255);
    if (!octet) return false;
    octets[i] = *octet;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return true;
}

bool parse_ip6(std::string_view text, std::uint8_t* octets) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof buffer) return false;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  return inet_pton(AF_INET6, buffer, octets) == 1;
}

/// Cuts `mark` and the digits behind it off the end of `text`: what stood behind the mark.
std::optional<std::string_view> cut_prefix_length(std::string_view& text, std::string_view mark) {
  std::size_t digits = text.size();
  while (digits > 0 && is_digit(text[digits - 1])) --digits;
  if (digits == text.size() || !text.substr(0, digits).ends_with(mark)) return std::nullopt;
  const std::string_view length = text.substr(digits);
  text = text.substr(0, digits - mark.size());
  return length;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Record> run() {
    if (!is_spf_record(text_)) return permanent_error("record does not begin with v=spf1");
    // Section 3.1: US-ASCII; terms are parted by spaces only (section 12).
    if (!printable_only(text_) || !terms(1)) {
      const RecordFault& fault = faults_.front();
      return permanent_error(fault.what, "column " + std::to_string(fault.column));
    }
    return std::move(record_);
  }

  RecordScan scan(std::size_t most_faults) {
    if (!is_spf_record(text_)) {
      fail(text_, "record does not begin with v=spf1: ");
    } else {
      terms(most_faults);
    }
    return {std::move(record_), std::move(faults_)};
  }

 private:
  /// Takes all terms, until there are so many faults; false when there was one.
  bool terms(std::size_t most_faults) {
    for (std::size_t at = kVersion.size(); at < text_.size();) {
      if (text_[at] == ' ') {
        ++at;
        continue;
      }
      const std::size_t end = std::min(text_.find(' ', at), text_.size());
      term_ = text_.substr(at, end - at);
      if ((!printable_only(term_) || !term(term_)) && faults_.size() >= most_faults) return false;
      at = end;
    }
    return faults_.empty();
  }

  bool printable_only(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] < ' ' || text[i] > '~') {
        return fail(text.substr(i, 1), "octet outside printable US-ASCII: ");
      }
    }
    return true;
  }

  /// `part` is a view into the record; it is shown behind the reason.
  bool fail(std::string_view part, std::string_view reason) {
    const auto column = static_cast<std::size_t>(part.data() - text_.data()) + 1;
    faults_.push_back({column, term_, part, std::string(reason) + printable(part, 80)});
    return false;
  }

  bool term(std::string_view term) {
    Mechanism mechanism;
    mechanism.text = term;
    const bool qualified = std::string_view("+-?~").find(term[0]) != std::string_view::npos;
    if (qualified) mechanism.qualifier = static_cast<Qualifier>(term[0]);
    const std::string_view body = term.substr(qualified ? 1 : 0);
    const std::string_view name = body.substr(0, name_length(body));
    std::string_view rest = body.substr(name.size());
    if (!rest.empty() && rest[0] == '=') {
      if (qualified) return fail(term, "modifier with a qualifier: ");
      if (name.empty()) return fail(term, "modifier without a name: ");
      return modifier(term, name, rest.substr(1));
    }
    if (name.empty()) return fail(term, "neither a mechanism nor a modifier: ");
    for (const auto& known : kMechanismNames) {
      if (!iequals(known.name, name)) continue;
      mechanism.kind = known.kind;
      if (!arguments(mechanism, rest)) return false;
      record_.has_all = record_.has_all || mechanism.kind == MechanismKind::all;
      record_.mechanisms.push_back(mechanism);
      return true;
    }
    return fail(term, "unknown mechanism: ");
  }

  bool arguments(Mechanism& mechanism, std::string_view rest) {
    const bool has_value = !rest.empty() && rest[0] == ':';
    switch (mechanism.kind) {
      case MechanismKind::all:  // section 5.1
        return rest.empty() || fail(mechanism.text, "all takes nothing behind it: ");
      case MechanismKind::include:  // section 5.2
      case MechanismKind::exists:   // section 5.7
        if (!has_value) return fail(mechanism.text, "a domain is missing: ");
        return domain_spec(rest.substr(1), mechanism.text, mechanism.domain);
      case MechanismKind::ptr:  // section 5.5
        if (rest.empty()) return true;
        if (!has_value) return fail(mechanism.text, "ptr takes only a domain: ");
        return domain_spec(rest.substr(1), mechanism.text, mechanism.domain);
      case MechanismKind::a:   // section 5.3
      case MechanismKind::mx:  // section 5.4
        return address_arguments(mechanism, rest);
      case MechanismKind::ip4:  // section 5.6
      case MechanismKind::ip6:
        if (!has_value) return fail(mechanism.text, "an address is missing: ");
        return network(mechanism, rest.substr(1));
    }
    return false;
  }

  /// [ ":" domain-spec ] [ "/" ip4-cidr-length ] [ "//" ip6-cidr-length ]
  bool address_arguments(Mechanism& mechanism, std::string_view rest) {
    if (rest.empty()) return true;
    if (const auto length = cut_prefix_length(rest, "//")) {
      const auto value = parse_number(*length, 128);
      if (!value) return fail(*length, "IPv6 prefix length is not 0 to 128: ");
      mechanism.prefix6 = *value;
    }
    if (const auto length = cut_prefix_length(rest, "/")) {
      const auto value = parse_number(*length, 32);
      if (!value) return fail(*length, "IPv4 prefix length is not 0 to 32: ");
      mechanism.prefix4 = *value;
    }
    if (rest.empty()) return true;
    if (rest[0] != ':') return fail(mechanism.text, "bad prefix length: ");
    return domain_spec(rest.substr(1), mechanism.text, mechanism.domain);
  }

  bool network(Mechanism& mechanism, std::string_view value) {
    const bool v4 = mechanism.kind == MechanismKind::ip4;
    const std::size_t slash = value.find('/');
    const std::string_view address = value.substr(0, slash);
    if (v4 ? !parse_ip4(address, mechanism.network.data())
           : !parse_ip6(address, mechanism.network.data())) {
      return fail(mechanism.text, v4 ? "not an IPv4 network: " : "not an IPv6 network: ");
    }
    if (slash == std::string_view::npos) return true;
    const auto length = parse_number(value.substr(slash + 1), v4 ? 32 : 128);
    if (!length) {
      return fail(mechanism.text, v4 ? "IPv4 prefix length is not 0 to 32: "
                                     : "IPv6 prefix length is not 0 to 128: ");
    }
    (v4 ? mechanism.prefix4 : mechanism.prefix6) = *length;
    return true;
  }

  bool modifier(std::string_view term, std::string_view name, std::string_view value) {
    Modifier modifier{term, name, {}};
    const bool redirect = iequals(name, "redirect");
    if (redirect || iequals(name, "exp")) {
      auto& place = redirect ? record_.redirect : record_.exp;
      // Section 6: each at most once.
      if (place) return fail(term, "redirect or exp stands twice: ");
      if (!domain_spec(value, term, modifier.value)) return false;
      place = modifier;
      return true;
    }
    // Section 6: an unknown modifier is ignored, but its macros must be good.
    const MacroCheck check = check_macro_string(value, MacroContext::modifier);
    if (check.fault != nullptr) return macro_fault(value, check);
    modifier.value = {value, check.uses_validated, check.uses_local_part};
    record_.unknown.push_back(modifier);
    return true;
  }

  bool domain_spec(std::string_view text, std::string_view term, DomainSpec& out) {
    if (text.empty()) return fail(term, "empty domain: ");
    const MacroCheck check = check_macro_string(text, MacroContext::domain_spec);
    if (check.fault != nullptr) return macro_fault(text, check);
    out = {text, check.uses_validated, check.uses_local_part};
    return true;
  }

  bool macro_fault(std::string_view text, const MacroCheck& check) {
    return fail(text.substr(check.offset), std::string(check.fault) + ": ");
  }

  std::string_view text_;
  std::string_view term_;  ///< that is being taken
  Record record_;
  std::vector<RecordFault> faults_;
};

}  // namespace

bool same_network(std::string_view a, std::string_view b, int prefix) {
  if (a.size() != b.size()) return false;
  const auto whole = static_cast<std::size_t>(prefix / 8);
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const int rest = prefix % 8;
  return rest == 0 ||
         ((static_cast<unsigned char>(a[whole]) ^ static_cast<unsigned char>(b[whole])) >>
          (8 - rest)) == 0;
}

bool Mechanism::network_contains(const IpAddress& client) const {
  const bool v4 = kind == MechanismKind::ip4;
  if (client.is_v4() != v4) return false;
  return same_network({reinterpret_cast<const char*>(network.data()), v4 ? 4U : 16U},
                      client.octets(), v4 ? prefix4 : prefix6);
}

Result<Record> parse_record(std::string_view text) {
  return Parser(text).run();
}

RecordScan scan_record(std::string_view text, std::size_t most_faults) {
  return Parser(text).scan(most_faults);
}

bool is_spf_record(std::string_view text) {
  return istarts_with(text, kVersion) &&
         (text.size() == kVersion.size() || text[kVersion.size()] == ' ');
}

Selection select_record(const std::vector<std::string>& texts) {
  Selection selection;
  for (const std::string& text : texts) {
    if (!is_spf_record(text)) continue;
    if (selection.count++ == 0) selection.record = text;
  }
  return selection;
}

}  // namespace gatepost::spf
