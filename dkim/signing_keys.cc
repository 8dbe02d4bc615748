#include "dkim/signing_keys.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "core/base/text.h"
#include "core/mail/address.h"

namespace gatepost::dkim {

const std::vector<std::string>& list_safe_headers() {
  static const std::vector<std::string> kNames = {"From",
                                                  "To",
                                                  "Cc",
                                                  "Subject",
                                                  "Date",
                                                  "Message-ID",
                                                  "Reply-To",
                                                  "In-Reply-To",
                                                  "References",
                                                  "Sender",
                                                  "MIME-Version",
                                                  "Content-Type",
                                                  "Content-Transfer-Encoding",
                                                  "Resent-From",
                                                  "Resent-To",
                                                  "Resent-Date",
                                                  "Resent-Message-ID",
                                                  "List-Id",
                                                  "List-Help",
                                                  "List-Unsubscribe",
                                                  "List-Unsubscribe-Post",
                                                  "List-Subscribe",
                                                  "List-Post",
                                                  "List-Owner",
                                                  "List-Archive"};
  return kNames;
}

namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view each) { return iequals(each, name); });
}

std::string with_domain(std::string_view text, std::string_view domain) {
  std::string out;
  for (const char c : text) out += c == '%' ? std::string(domain) : std::string(1, c);
  return out;
}

/// RFC 6376 section 3.5: the domain of i= is d= or below it.
bool fits(std::string_view identity, std::string_view domain) {
  const auto at = identity.rfind('@');
  if (at == std::string_view::npos) return false;
  const std::string of = to_lower(identity.substr(at + 1));
  return of == domain || of.ends_with("." + std::string(domain));
}

}  // namespace

Result<std::vector<std::string>> parse_selectors(std::string_view text) {
  std::vector<std::string> selectors;
  if (text.size() > 65536) return permanent_error("is too large for a list of selectors");
  for (std::string_view line : split(text, '\n')) {
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const auto selector = mail::normalize_domain(line);
    if (!selector)
      return permanent_error("has '" + printable(line, 100) +
                             "', expected a selector: " + selector.error().what);
    if (std::find(selectors.begin(), selectors.end(), *selector) == selectors.end())
      selectors.push_back(*selector);
  }
  if (selectors.empty()) return permanent_error("names no selector, expected one a line");
  if (selectors.size() > SigningKeys::kMaxKeys)
    return permanent_error("names more than 10 selectors");
  return selectors;
}

bool list_safe_oversigned(std::string_view name) {
  return is_one_of(name,
                   {"From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "In-Reply-To",
                    "References", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
                    "List-Unsubscribe", "List-Unsubscribe-Post"});
}

bool added_by_mtas(std::string_view name) {
  return is_one_of(name, {"Date", "Message-ID", "Sender", "To", "Resent-From", "Resent-To",
                          "Resent-Date", "Resent-Message-ID"});
}

SigningKeys::SigningKeys(std::vector<SigningKey> keys, SignOptions options, SigningTables tables)
    : keys_(std::move(keys)), options_(std::move(options)), tables_(std::move(tables)) {}

std::vector<SigningKey> SigningKeys::from_tables(std::string_view local,
                                                 const std::string& domain) const {
  std::vector<SigningKey> found;
  // A literal has no name for d=.
  if (domain.empty() || domain.starts_with('[')) return found;
  for (const auto* row : tables_.senders.lookup(local, domain, tables_.multiple)) {
    const auto* entry = tables_.keys.find(row->key == "%" ? domain : row->key);
    if (entry == nullptr || found.size() == kMaxKeys) continue;
    const auto key = entry->is_file && entry->key.find('%') != std::string::npos
                         ? tables_.decoded.find(with_domain(entry->key, domain))
                         : tables_.decoded.find(entry->key);
    if (key == tables_.decoded.end()) continue;
    SigningKey made{entry->domain == "%" ? domain : entry->domain, entry->selector, key->second,
                    false, with_domain(row->identity, domain)};
    if (!fits(made.identity, made.domain)) made.identity.clear();  // as opendkim does
    const bool doubled = std::any_of(found.begin(), found.end(), [&](const SigningKey& other) {
      return other.domain == made.domain && other.selector == made.selector;
    });
    if (!doubled) found.push_back(std::move(made));
  }
  return found;
}

std::vector<SigningKey> SigningKeys::keys_for(std::string_view author) const {
  const auto at = author.rfind('@');
  const std::string domain =
      to_lower(at == std::string_view::npos ? author : author.substr(at + 1));
  auto found = from_tables(author.substr(0, at == std::string_view::npos ? 0 : at), domain);
  const auto add = [&](std::string_view name, bool below) {
    for (const SigningKey& key : keys_) {
      if (key.domain == name && (!below || key.subdomains) && found.size() < kMaxKeys)
        found.push_back(key);
    }
  };
  if (!found.empty()) return found;
  std::string_view name = domain;
  add(name, false);
  while (found.empty()) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
    add(name, true);
  }
  return found;
}

}  // namespace gatepost::dkim
