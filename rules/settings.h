#pragma once
// What rule files say beside rules, as far as rules depend on it.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rules/globs.h"
#include "rules/header_changes.h"
#include "rules/place.h"
#include "rules/relays.h"

namespace gatepost::rules {

/// `welcomelist_from_rcvd ADDRESS RELAY`: mail of an address that came from that relay.
struct AddressFromRelay {
  std::string address;  ///< with wildcards
  std::string relay;    ///< the end of a host's name, or [address or network]
  bool operator==(const AddressFromRelay&) const = default;
};

/// `welcomelist_from_dkim ADDRESS [DOMAIN]`; without a domain the address's own.
struct AddressSignedBy {
  std::string address;
  std::string domain;
  bool operator==(const AddressSignedBy&) const = default;
};

/// Names of settings are those of SpamAssassin 4; older ones (whitelist, blacklist) mean the same.
struct RuleSettings {
  RelayNetworks networks;  ///< trusted_networks, internal_networks, msa_networks,
                           ///< originating_ip_headers
  /// util_rb_tld, util_rb_2tld, util_rb_3tld, in lower case.
  std::vector<std::string> top_level, two_level, three_level;
  std::vector<Pattern> redirectors;  ///< redirector_pattern: the first group is the target
  GlobList freemail_domains;
  GlobList freemail_welcomelist;  ///< addresses and domains that are none
  std::size_t freemail_max_body_emails = 5;
  std::size_t freemail_max_body_freemails = 3;
  bool freemail_skip_when_over_max = true;
  bool freemail_skip_bulk_envfrom = true;
  /// enlist_uri_host (and blocklist_uri_host as BLOCK, welcomelist_uri_host as WELCOME): by list,
  /// hosts and whether they are in it (`!host` takes one out).
  std::map<std::string, std::map<std::string, bool, std::less<>>, std::less<>> uri_hosts;
  /// By name: those of enlist_addrlist, and welcomelist_from, welcomelist_to, blocklist_from,
  /// blocklist_to, more_spam_to, all_spam_to, welcomelist_auth, def_welcomelist_auth,
  /// welcomelist_from_spf, def_welcomelist_from_spf, welcomelist_allows_relays,
  /// welcomelist_bounce_relays, welcomelist_subject, blocklist_subject.
  std::map<std::string, GlobList, std::less<>> lists;
  std::vector<AddressFromRelay> welcomelist_from_rcvd, def_welcomelist_from_rcvd;
  std::vector<AddressSignedBy> welcomelist_from_dkim, def_welcomelist_from_dkim;
  HeaderChanges header;  ///< no rule sees it: the session does it (Policy::header_changes)
  std::vector<std::string> ok_locales = {"all"};
  std::size_t body_part_scan_size = 50000;      ///< octets
  std::size_t rawbody_part_scan_size = 500000;  ///< octets

  /// The list of that name, or an empty one.
  const GlobList& list(std::string_view name) const;
};

/// All that rules can see of the settings as one text: equal settings, equal texts.
std::string fingerprint(const RuleSettings& settings);

}  // namespace gatepost::rules
