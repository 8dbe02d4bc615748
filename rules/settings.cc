#include "rules/settings.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?") != std::string_view::npos;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last one, and what it swallowed so far
  std::size_t swallowed = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      swallowed = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++swallowed;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

void GlobList::add(std::string_view glob) {
  std::string text = to_lower(glob);
  if (!has_wildcard(text)) {
    exact_.emplace(std::move(text), true);
  } else if (std::find(globs_.begin(), globs_.end(), text) == globs_.end()) {
    globs_.push_back(std::move(text));
  }
}

void GlobList::remove(std::string_view glob) {
  const std::string text = to_lower(glob);
  exact_.erase(text);
  std::erase(globs_, text);
}

void GlobList::clear() {
  exact_.clear();
  globs_.clear();
}

bool GlobList::matches(std::string_view text) const {
  if (empty()) return false;
  const std::string lower = to_lower(text);
  if (exact_.contains(lower)) return true;
  return std::any_of(globs_.begin(), globs_.end(),
                     [&](const std::string& glob) { return glob_matches(glob, lower); });
}

bool GlobList::is_in(std::string_view text) const {
  if (empty()) return false;
  const std::string lower = to_lower(text);
  const auto inside = [&](std::string_view glob) {
    return glob_matches("*" + std::string(glob) + "*", lower);
  };
  return std::any_of(exact_.begin(), exact_.end(),
                     [&](const auto& one) { return lower.find(one.first) != lower.npos; }) ||
         std::any_of(globs_.begin(), globs_.end(), inside);
}

std::vector<std::string> GlobList::texts() const {
  std::vector<std::string> out;
  for (const auto& [text, there] : exact_) out.push_back(text);
  out.insert(out.end(), globs_.begin(), globs_.end());
  return out;
}

std::string fingerprint(const RuleSettings& s) {
  std::string out;
  const auto add = [&](std::string_view text) { out.append(text) += '\0'; };
  for (const NetworkList* list : {&s.networks.trusted, &s.networks.internal, &s.networks.msa,
                                  &s.networks.configured}) {
    for (const NetworkList::Entry& entry : list->entries())
      add((entry.excluded ? "!" : "") + entry.network.text());
    add("");
  }
  for (const auto* names : {&s.networks.originating_ip_headers, &s.top_level, &s.two_level,
                            &s.three_level, &s.ok_locales}) {
    for (const std::string& name : *names) add(name);
    add("");
  }
  for (const Pattern& pattern : s.redirectors)
    add(pattern.expression + (pattern.caseless ? "/i" : "/"));
  const auto add_list = [&](std::string_view name, const GlobList& list) {
    add(name);
    for (const std::string& text : list.texts()) add(text);
  };
  add_list("freemail", s.freemail_domains);
  add_list("no freemail", s.freemail_welcomelist);
  for (const auto& [name, list] : s.lists) add_list(name, list);
  for (const auto& [name, hosts] : s.uri_hosts) {
    add(name);
    for (const auto& [host, in] : hosts) add((in ? "" : "!") + host);
  }
  for (const auto* list : {&s.welcomelist_from_rcvd, &s.def_welcomelist_from_rcvd}) {
    for (const AddressFromRelay& one : *list) add(one.address + " " + one.relay);
    add("");
  }
  for (const auto* list : {&s.welcomelist_from_dkim, &s.def_welcomelist_from_dkim}) {
    for (const AddressSignedBy& one : *list) add(one.address + " " + one.domain);
    add("");
  }
  for (const std::size_t number :
       {s.freemail_max_body_emails, s.freemail_max_body_freemails,
        std::size_t{s.freemail_skip_when_over_max}, std::size_t{s.freemail_skip_bulk_envfrom},
        s.body_part_scan_size, s.rawbody_part_scan_size}) {
    add(std::to_string(number));
  }
  return out;
}

const GlobList& RuleSettings::list(std::string_view name) const {
  static const GlobList kEmpty;
  const auto known = lists.find(name);
  return known == lists.end() ? kEmpty : known->second;
}

}  // namespace gatepost::rules
