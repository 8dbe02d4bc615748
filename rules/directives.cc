#include "rules/directives.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "core/base/text.h"
#include "rules/setting_lines.h"

namespace gatepost::rules {
namespace {

using enum Directive;

const std::unordered_map<std::string_view, Directive>& table() {
  static const std::unordered_map<std::string_view, Directive> kTable = {
      {"header", header},
      {"body", body},
      {"rawbody", rawbody},
      {"full", full},
      {"meta", meta},
      {"score", score},
      {"describe", describe},
      {"tflags", tflags},
      {"test", test},
      {"include", include},
      {"if", if_begin},
      {"ifplugin", ifplugin},
      {"else", if_else},
      {"endif", if_end},
      {"require_version", require_version},
      {"replace_rules", replace_rules},
      {"replace_tag", replace_part},
      {"replace_pre", replace_part},
      {"replace_inter", replace_part},
      {"replace_post", replace_part},
      {"enable_compat", enable_compat},
      // The order of rules changes no result, and mass-check reads `reuse` alone.
      {"priority", without_effect},
      {"reuse", without_effect},
      {"uri", uri},
      {"uri_detail", uri_detail},
      {"mimeheader", mimeheader},
      {"askdns", unsupported_rule},
      {"uridnsbl", unsupported_rule},
      {"uridnssub", unsupported_rule},
      {"urirhsbl", unsupported_rule},
      {"urirhssub", unsupported_rule},
      {"urinsrhsbl", unsupported_rule},
      {"urinsrhssub", unsupported_rule},
      {"urifullnsrhsbl", unsupported_rule},
      {"urifullnsrhssub", unsupported_rule},
      // Gatepost's own.
      {"connect", stage},
      {"helo", stage},
      {"mail", stage},
      {"rcpt", stage},
      {"action", action},
      {"shadow", shadow},
      {"category", category},
      // SpamAssassin's settings that belong to no family.
      {"adsp_override", unsupported_setting},
      {"allow_user_rules", unsupported_setting},
      {"always_trust_envelope_sender", unsupported_setting},
      {"do_not_use_mail_spf", unsupported_setting},
      {"do_not_use_mail_spf_query", unsupported_setting},
      {"envelope_sender_header", unsupported_setting},
      {"fold_headers", unsupported_setting},
      {"ignore_received_spf_header", unsupported_setting},
      {"inactive_languages", unsupported_setting},
      {"loadplugin", unsupported_setting},
      {"lock_method", unsupported_setting},
      {"mbox_format_from_regex", unsupported_setting},
      {"normalize_charset", unsupported_setting},
      {"ok_languages", unsupported_setting},
      {"parse_dkim_uris", unsupported_setting},
      {"report", unsupported_setting},
      {"required_hits", unsupported_setting},
      {"required_score", unsupported_setting},
      {"run_reuse_tests_only", unsupported_setting},
      {"shortcircuit", unsupported_setting},
      {"subjprefix", unsupported_setting},
      {"time_limit", unsupported_setting},
      {"tryplugin", unsupported_setting},
      {"unsafe_report", unsupported_setting},
      {"url_shortener", unsupported_setting},
      {"version_tag", unsupported_setting},
  };
  return kTable;
}

// Settings of plugins and services go by what they begin with.
constexpr std::string_view kFamilies[] = {
    "asn_",
    "authres_",
    "auto_welcomelist_",
    "auto_whitelist_",
    "bayes_",
    "blacklist_",
    "blocklist_",
    "clear_",
    "country_db_",
    "dcc_",
    "dccifd_",
    "def_welcomelist_",
    "def_whitelist_",
    "dkim_",
    "dmarc_",
    "dns_",
    "extracttext_",
    "fns_",
    "freemail_",
    "geodb_",
    "hashbl_",
    "max_short_",
    "olemacro_",
    "phishing_",
    "pyzor_",
    "razor_",
    "rbl_",
    "replace_",
    "report_",
    "shortcircuit_",
    "skip_",
    "spamcop_",
    "spf_",
    "textcat_",
    "trigger_",
    "txrep_",
    "unblacklist_",
    "unblocklist_",
    "unwelcomelist_",
    "unwhitelist_",
    "uri_block_",
    "uri_country_",
    "uri_host_",
    "uridnsbl_",
    "url_shortener_",
    "use_",
    "user_awl_",
    "user_scores_",
    "util_rb_",
    "welcomelist_",
    "whitelist_",
};

}  // namespace

Directive directive_of(std::string_view key) {
  const auto known = table().find(key);
  if (known != table().end()) return known->second;
  if (is_setting(key)) return setting;
  // What is no word is not of a family, whatever it begins with.
  const bool is_word = key.size() <= 60 && std::all_of(key.begin(), key.end(), [](char c) {
                         return is_alnum(c) || c == '_';
                       });
  const bool of_family =
      is_word && std::any_of(std::begin(kFamilies), std::end(kFamilies),
                             [&](std::string_view family) { return key.starts_with(family); });
  return of_family ? unsupported_setting : unknown;
}

std::string_view directive_like(std::string_view key) {
  static const std::vector<std::string_view> kNames = [] {
    std::vector<std::string_view> names{"lang"};
    for (const auto& [name, directive] : table()) names.push_back(name);
    for (const std::string_view name : setting_names()) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
  }();
  return did_you_mean(key, kNames);
}

}  // namespace gatepost::rules
