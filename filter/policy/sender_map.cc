#include "filter/policy/sender_map.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/address.h"

namespace gatepost {

namespace {

/// The form of the map's keys.
Result<std::string> normalize(std::string_view address) {
  const auto expected = [&] {
    return permanent_error("'" + printable(address, 100) +
                           "' is no sender, expected user@domain or @domain");
  };
  if (address.starts_with('@')) {
    const auto domain = mail::normalize_domain(address.substr(1));
    return domain ? Result<std::string>("@" + *domain) : expected();
  }
  const auto parsed = mail::parse_reverse_path(address);
  if (!parsed || !*parsed || address.starts_with('<')) return expected();
  return to_lower((*parsed)->text());
}

/// "user@domain" of "user+extension@domain"; empty when there is no extension.
std::string without_extension(std::string_view address, std::size_t at) {
  const auto plus = address.find('+');
  if (plus == std::string_view::npos || plus == 0 || plus > at) return {};
  return std::string(address.substr(0, plus)) + std::string(address.substr(at));
}

/// Where the address of a line ends: a quoted local part may hold blanks.
std::size_t address_end(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (is_wsp(line[i]) || line[i] == ',')) {
      return i;
    }
  }
  return line.size();
}

}  // namespace

Result<void> SenderMap::add(std::string_view address, std::string_view login) {
  login = trim(login);
  if (login.empty()) return permanent_error("expected a login");
  const auto key = normalize(trim(address));
  if (!key) return key.error();
  auto& logins = owners_[*key];
  std::string name = to_lower(login);
  if (std::find(logins.begin(), logins.end(), name) == logins.end())
    logins.push_back(std::move(name));
  return {};
}

std::vector<SenderMap::Fault> SenderMap::add_text(std::string_view text) {
  std::vector<Fault> faults;
  std::string line;
  std::size_t begun = 0;
  const auto take = [&] {
    const std::string_view whole = trim(line);
    const std::string_view address = whole.substr(0, address_end(whole));
    if (whole.empty()) return;
    std::string rest(trim(whole.substr(address.size())));
    std::replace_if(
        rest.begin(), rest.end(), [](char c) { return is_wsp(c) || c == ','; }, ' ');
    if (trim(rest).empty())
      faults.push_back({begun, "expected a login behind " + printable(address)});
    for (const std::string_view login : split(rest, ' ')) {
      if (login.empty()) continue;
      const auto added = add(address, login);
      if (added) continue;
      faults.push_back({begun, added.error().what});
      break;
    }
  };
  std::size_t number = 0;
  for (const std::string_view next : split(text, '\n')) {
    ++number;
    if (trim(next).empty() || trim(next).front() == '#') continue;
    if (is_wsp(next.front()) && begun > 0) {
      line += next;
      continue;
    }
    take();
    line = next;
    begun = number;
  }
  take();
  return faults;
}

bool SenderMap::owns(std::string_view login, std::string_view address) const {
  const std::string wanted = to_lower(address);
  const std::string name = to_lower(login);
  const auto at = wanted.rfind('@');
  if (name.empty() || at == std::string::npos) return false;
  const std::string base = without_extension(wanted, at);
  const auto listed = [&](const std::string& key) {
    const auto found = owners_.find(key);
    return found == owners_.end() ? nullptr : &found->second;
  };
  const std::vector<std::string>* logins = listed(wanted);
  if (logins == nullptr && !base.empty()) logins = listed(base);
  if (logins == nullptr && (name == wanted || name == base)) return true;
  if (logins == nullptr) logins = listed(wanted.substr(at));
  return logins != nullptr && std::find(logins->begin(), logins->end(), name) != logins->end();
}

}  // namespace gatepost
