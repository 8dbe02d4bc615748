#include "spf/identity.h"

#include <algorithm>
#include <memory>
#include <optional>

#include <idn2.h>

#include "core/base/text.h"
#include "spf/macro.h"

namespace gatepost::spf {
namespace {

constexpr std::size_t kMaxLocalPart = 1024;
constexpr std::size_t kMaxDomainOctets = 1024;  // of U-labels; the A-labels must fit in 253

/// ASCII as it is, U-labels as A-labels; nothing when IDNA2008 has none for them.
std::optional<std::string> to_a_labels(std::string_view domain) {
  if (domain.size() > kMaxDomainOctets) return std::nullopt;
  if (is_ascii(domain)) return std::string(domain);
  if (!is_valid_utf8(domain) || domain.find('\0') != std::string_view::npos) return std::nullopt;
  char* output = nullptr;
  const int code =
      idn2_to_ascii_8z(std::string(domain).c_str(), &output, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owner(output, idn2_free);
  if (code != IDN2_OK) return std::nullopt;
  return std::string(output);
}

// RFC 7208 section 4.3
std::string domain_fault(std::string_view domain) {
  if (domain.empty()) return "no domain";
  if (domain.front() == '[') return "an address literal instead of a domain";
  if (domain.find('.') == std::string_view::npos) return "the domain has only one label";
  if (!is_queryable(domain)) return "the domain is malformed";
  if (domain.find_first_of(" ()<>[]@,;:\\\"") != std::string_view::npos) {
    return "the domain has a character that no domain has";
  }
  return {};
}

}  // namespace

const char* to_string(Identity identity) {
  return identity == Identity::mail_from ? "mailfrom" : "helo";
}

Subject make_subject(Identity identity, std::string_view mail_from, std::string_view helo) {
  Subject subject;
  if (helo.ends_with('.')) helo.remove_suffix(1);
  // A name that cannot be converted makes no lookup match; its end says enough about it.
  subject.helo = to_a_labels(helo).value_or(
      std::string(helo.substr(helo.size() - std::min(helo.size(), kMaxDomainOctets))));
  if (mail_from.size() >= 2 && mail_from.front() == '<' && mail_from.back() == '>') {
    mail_from = mail_from.substr(1, mail_from.size() - 2);
  }
  std::string_view domain = helo;  // sections 2.3 and 2.4
  std::string_view local_part;
  if (identity == Identity::mail_from && !mail_from.empty()) {
    const std::size_t at = mail_from.rfind('@');
    if (at != std::string_view::npos) local_part = mail_from.substr(0, at);
    domain = mail_from.substr(at == std::string_view::npos ? 0 : at + 1);
  }
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (local_part.empty()) local_part = "postmaster";  // section 4.3
  if (local_part.size() > kMaxLocalPart) {
    subject.fault = "the local part is longer than 1024 octets";
    local_part = local_part.substr(0, kMaxLocalPart);
  }
  subject.local_part = local_part;
  subject.ascii_local = is_ascii(local_part);
  if (const auto converted = to_a_labels(domain)) {
    subject.domain = *converted;
    if (subject.fault.empty()) subject.fault = domain_fault(subject.domain);
  } else {
    subject.fault = "the domain is neither ASCII nor an internationalized name";
  }
  subject.sender = subject.local_part + "@" + subject.domain;
  return subject;
}

}  // namespace gatepost::spf
