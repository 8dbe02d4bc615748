#include "filter/checks/mailing_list.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/fields.h"
#include "dmarc/domain.h"

namespace gatepost {

namespace {

constexpr std::size_t kMaxValue = 2000;

bool related(std::string_view a, std::string_view b) {
  return dmarc::is_at_or_below(a, b) || dmarc::is_at_or_below(b, a);
}

// A top-level domain is above every list there.
bool has_dot(std::string_view domain) {
  return domain.find('.') != std::string_view::npos;
}

}  // namespace

void MailingList::add(std::string_view domain) {
  if (domains_.size() == kMaxDomains) return;
  if (auto name = mail::normalize_domain(domain); name.ok() && has_dot(*name))
    domains_.push_back(*std::move(name));
}

void MailingList::read(const mail::HeaderField& field) {
  const std::string_view value = std::string_view(field.value).substr(0, kMaxValue);
  if (mail::is_named(field, "List-Id")) {
    // list-id = [phrase] "<" label *("." label) ">": the list's label comes first.
    const auto open = value.rfind('<');
    const auto close = value.find('>', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) return;
    const std::string_view id = trim(value.substr(open + 1, close - open - 1));
    add(id.substr(std::min(id.find('.'), id.size() - 1) + 1));
  } else if (mail::is_named(field, "List-Post")) {
    const auto at = value.find('@');
    if (at == std::string_view::npos || value.find("mailto:") == std::string_view::npos) return;
    const std::string_view rest = value.substr(at + 1);
    add(rest.substr(0, rest.find_first_of("?>, \t\r\n")));
  }
}

std::string MailingList::authenticated_by(const Facts& facts) const {
  if (domains_.empty()) return {};
  const auto stands_for = [&](const std::string& proven) {
    return has_dot(proven) && std::any_of(domains_.begin(), domains_.end(),
                                          [&](const auto& d) { return related(proven, d); });
  };
  for (const dkim::SignatureResult& signature : facts.dkim) {
    const std::string domain = to_lower(signature.domain);
    if (signature.outcome == dkim::Outcome::pass && stands_for(domain)) return domain;
  }
  const auto& spf = facts.spf_mail_from;
  if (spf && spf->code == spf::ResultCode::pass && stands_for(to_lower(spf->domain)))
    return to_lower(spf->domain);
  return {};
}

bool author_signature_failed(const Facts& facts) {
  if (!facts.author || facts.author->domain.empty()) return false;
  return std::any_of(facts.dkim.begin(), facts.dkim.end(), [&](const auto& signature) {
    return signature.outcome == dkim::Outcome::fail &&
           related(to_lower(signature.domain), facts.author->domain);
  });
}

}  // namespace gatepost
