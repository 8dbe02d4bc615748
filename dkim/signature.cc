#include "dkim/signature.h"

#include <algorithm>
#include <charconv>
#include <span>

#include <idn2.h>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "dkim/tag_list.h"

namespace gatepost::dkim {

namespace {

/// What is wrong with a value; empty when nothing is.
using Problem = std::string;

Problem bad(std::string_view tag, std::string_view value, std::string_view expected) {
  return std::string(tag) + "=" + printable(value, 40) + " is not " + std::string(expected);
}

/// Lower-case A-labels of a domain name or selector; nothing when it cannot be one.
std::optional<std::string> to_a_labels(std::string_view name) {
  std::string ascii = to_lower(name);
  if (!is_ascii(name)) {
    if (name.size() > 1000 || !is_valid_utf8(name)) return std::nullopt;
    char* converted = nullptr;
    const std::string text(name);
    if (idn2_to_ascii_8z(text.c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
        IDN2_OK) {
      return std::nullopt;
    }
    ascii = to_lower(converted);
    idn2_free(converted);
  }
  if (ascii.size() > 253) return std::nullopt;
  for (const std::string_view label : split(ascii, '.')) {
    if (label.empty() || label.size() > 63) return std::nullopt;
    for (const char c : label) {
      if (!is_alnum(c) && c != '-' && c != '_') return std::nullopt;
    }
  }
  return ascii;
}

std::string without_white_space(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!is_wsp(c)) out += c;
  }
  return out;
}

/// Up to 18 digits: times of RFC 6376 have 12, and no body has more octets than 18 digits say.
std::optional<std::int64_t> read_number(std::string_view value) {
  std::int64_t number = 0;
  if (value.empty() || value.size() > 18 || !is_digit(value.front())) return std::nullopt;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return number;
}

Problem read_version(std::string_view value, Signature&) {
  return value == "1" ? Problem() : bad("v", value, "1");
}

Problem read_domain(std::string_view value, Signature& out) {
  auto domain = to_a_labels(value);
  if (!domain) return bad("d", value, "a domain name");
  out.domain = *std::move(domain);
  out.identity = "@" + out.domain;
  return {};
}

Problem read_selector(std::string_view value, Signature& out) {
  auto selector = to_a_labels(value);
  if (!selector) return bad("s", value, "a selector");
  out.selector = *std::move(selector);
  return {};
}

Problem read_algorithm(std::string_view value, Signature& out) {
  for (const auto algorithm :
       {Algorithm::rsa_sha256, Algorithm::ed25519_sha256, Algorithm::rsa_sha1}) {
    if (!iequals(value, to_string(algorithm))) continue;
    out.algorithm = algorithm;
    return {};
  }
  return bad("a", value, "a known algorithm");
}

std::optional<Canonicalization> read_form(std::string_view name) {
  if (iequals(name, "simple")) return Canonicalization::simple;
  if (iequals(name, "relaxed")) return Canonicalization::relaxed;
  return std::nullopt;
}

Problem read_canonicalization(std::string_view value, Signature& out) {
  const std::size_t slash = value.find('/');
  const auto header = read_form(value.substr(0, slash));
  // RFC 6376 section 3.5: without a second part the body is "simple".
  const auto body = slash == std::string_view::npos ? Canonicalization::simple
                                                    : read_form(value.substr(slash + 1));
  if (!header || !body) return bad("c", value, "simple or relaxed");
  out.header_form = *header;
  out.body_form = *body;
  return {};
}

Problem read_body_hash(std::string_view value, Signature& out) {
  auto octets = base64_decode(value);
  if (!octets || octets->empty()) return "bh= is not base64";
  out.body_hash = *std::move(octets);
  return {};
}

Problem read_signature(std::string_view value, Signature& out) {
  auto octets = base64_decode(value);
  if (!octets || octets->empty()) return "b= is not base64";
  out.signature = *std::move(octets);
  out.b_prefix = without_white_space(value).substr(0, 8);
  return {};
}

Problem read_names(std::string_view value, bool may_be_empty, Signature& out) {
  for (const std::string_view piece : split(value, ':')) {
    const std::string_view name = trim(piece);
    if (name.empty() && may_be_empty) continue;
    // RFC 5322 section 2.2: names are printable ASCII without ':'; ';' would have ended the tag.
    if (name.empty() ||
        !std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; })) {
      return "h= holds a name that cannot be a header field's";
    }
    if (out.signed_headers.size() == kMaxSignedHeaders) {
      return "h= holds more than " + std::to_string(kMaxSignedHeaders) + " names";
    }
    out.signed_headers.push_back(to_lower(name));
  }
  return {};
}

Problem read_headers(std::string_view value, Signature& out) {
  if (Problem problem = read_names(value, false, out); !problem.empty()) return problem;
  // RFC 6376 section 5.4: From must be signed.
  return out.times_signed("from") > 0 ? Problem() : "h= does not name From";
}

Problem read_arc_headers(std::string_view value, Signature& out) {
  if (Problem problem = read_names(value, true, out); !problem.empty()) return problem;
  // RFC 8617 section 4.1.2 forbids all three of ARC's fields; drafts had AAR and AMS in it.
  return out.times_signed("arc-seal") > 0 ? "h= names ARC-Seal" : Problem();
}

Problem refuse_headers(std::string_view, Signature&) {
  return "h= is not allowed in ARC-Seal";  // RFC 8617 section 4.1.3
}

Problem read_identity(std::string_view value, Signature& out) {
  auto identity = decode_quoted_printable(value);
  if (!identity) return "i= is not quoted-printable";
  const std::size_t at = identity->rfind('@');
  if (at == std::string::npos) return bad("i", *identity, "an address");
  const auto domain = to_a_labels(std::string_view(*identity).substr(at + 1));
  if (!domain) return bad("i", *identity, "an address");
  out.identity = *std::move(identity);
  out.identity_in_subdomain = *domain != out.domain;
  // RFC 6376 section 3.5: the domain of i= must be d= or a subdomain of it.
  return out.domain.empty() || is_within(*domain, out.domain) ? Problem() : "i= is not within d=";
}

Problem read_body_length(std::string_view value, Signature& out) {
  const auto number = read_number(value);
  if (!number) return bad("l", value, "a length");
  out.body_length = static_cast<std::uint64_t>(*number);
  return {};
}

Problem read_timestamp(std::string_view value, Signature& out) {
  out.timestamp = read_number(value);
  return out.timestamp ? Problem() : bad("t", value, "a time");
}

Problem read_expiration(std::string_view value, Signature& out) {
  out.expiration = read_number(value);
  if (!out.expiration) return bad("x", value, "a time");
  // RFC 6376 section 3.5: x= must be greater than t= when both are present.
  const bool ordered = !out.timestamp || *out.expiration > *out.timestamp;
  return ordered ? Problem() : "x= is not later than t=";
}

Problem read_query_methods(std::string_view value, Signature&) {
  // RFC 6376 section 3.5: methods that are not known are ignored; "dns/txt" is the one defined.
  for (const std::string_view method : split(value, ':')) {
    if (iequals(trim(method), "dns/txt")) return {};
  }
  return bad("q", value, "dns/txt");
}

struct TagRule {
  const char* name;
  bool required;
  Problem (*read)(std::string_view, Signature&);
};

/// RFC 6376 section 3.5. d= stands before i=, t= before x=: the later ones look at them.
constexpr TagRule kTagRules[] = {
    {"v", true, read_version},        {"d", true, read_domain},
    {"s", true, read_selector},       {"a", true, read_algorithm},
    {"b", true, read_signature},      {"bh", true, read_body_hash},
    {"h", true, read_headers},        {"c", false, read_canonicalization},
    {"i", false, read_identity},      {"l", false, read_body_length},
    {"q", false, read_query_methods}, {"t", false, read_timestamp},
    {"x", false, read_expiration},
};

/// RFC 8617 section 4.1.2; a v= is ignored.
constexpr TagRule kArcMessageRules[] = {
    {"d", true, read_domain},
    {"s", true, read_selector},
    {"a", true, read_algorithm},
    {"b", true, read_signature},
    {"bh", true, read_body_hash},
    {"h", true, read_arc_headers},
    {"c", false, read_canonicalization},
    {"l", false, read_body_length},
    {"q", false, read_query_methods},
    {"t", false, read_timestamp},
    {"x", false, read_expiration},
};

/// RFC 8617 section 4.1.3.
constexpr TagRule kArcSealRules[] = {
    {"d", true, read_domain},    {"s", true, read_selector},   {"a", true, read_algorithm},
    {"b", true, read_signature}, {"t", false, read_timestamp}, {"h", false, refuse_headers},
};

std::span<const TagRule> rules_of(SignatureKind kind) {
  switch (kind) {
    case SignatureKind::dkim:
      return kTagRules;
    case SignatureKind::arc_message:
      return kArcMessageRules;
    case SignatureKind::arc_seal:
      return kArcSealRules;
  }
  return {};
}

Problem check_hash_size(const Signature& signature) {
  const std::size_t expected = signature.algorithm == Algorithm::rsa_sha1 ? 20 : 32;
  if (signature.body_hash.size() == expected) return {};
  return "bh= has " + std::to_string(signature.body_hash.size()) + " octets, expected " +
         std::to_string(expected);
}

}  // namespace

const char* to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::rsa_sha1:
      return "rsa-sha1";
    case Algorithm::rsa_sha256:
      return "rsa-sha256";
    case Algorithm::ed25519_sha256:
      return "ed25519-sha256";
  }
  return "";
}

const char* to_string(Canonicalization canonicalization) {
  return canonicalization == Canonicalization::simple ? "simple" : "relaxed";
}

std::size_t Signature::times_signed(std::string_view name) const {
  return static_cast<std::size_t>(std::count(signed_headers.begin(), signed_headers.end(), name));
}

dns::Query Signature::key_query() const {
  return dns::make_query(selector + "._domainkey." + domain, dns::RrType::txt);
}

ParsedSignature parse_signature(std::string_view value, SignatureKind kind) {
  ParsedSignature parsed;
  const auto tags = TagList::parse(value, {.octets = kMaxSignatureField});
  if (!tags) {
    parsed.problem = tags.error().text();
    return parsed;
  }
  if (const Tag* algorithm = tags->find("a")) parsed.algorithm = printable(algorithm->value, 40);
  // RFC 8617 section 4.1.2 takes c= from DKIM, where it is "simple" when missing. Those who seal
  // and those who test (ValiMail's suite, dkimpy) have "relaxed", the only form of the seal.
  if (kind == SignatureKind::arc_message)
    parsed.fields.header_form = parsed.fields.body_form = Canonicalization::relaxed;
  for (const TagRule& rule : rules_of(kind)) {
    const Tag* tag = tags->find(rule.name);
    Problem problem;
    if (tag) {
      problem = rule.read(tag->value, parsed.fields);
    } else if (rule.required) {
      problem = std::string("no ") + rule.name + "= tag";
    }
    // The first problem is told; the other tags are read all the same, for reports.
    if (parsed.ok()) parsed.problem = std::move(problem);
  }
  if (parsed.ok() && kind != SignatureKind::arc_seal)
    parsed.problem = check_hash_size(parsed.fields);
  return parsed;
}

bool is_within(std::string_view domain, std::string_view parent) {
  if (parent.empty() || domain.size() < parent.size()) return false;
  const std::size_t prefix = domain.size() - parent.size();
  return iequals(domain.substr(prefix), parent) && (prefix == 0 || domain[prefix - 1] == '.');
}

}  // namespace gatepost::dkim
