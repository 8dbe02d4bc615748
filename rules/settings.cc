#include "rules/settings.h"

namespace gatepost::rules {

std::string fingerprint(const RuleSettings& s) {
  std::string out;
  const auto add = [&](std::string_view text) { out.append(text) += '\0'; };
  for (const NetworkList* list :
       {&s.networks.trusted, &s.networks.internal, &s.networks.msa, &s.networks.configured}) {
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
