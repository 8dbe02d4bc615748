#include "rules/setting_lines.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "core/base/text.h"
#include "rules/header_lines.h"
#include "rules/pattern_text.h"

namespace gatepost::rules {
namespace {

std::string shown(std::string_view text) {
  return "'" + printable(text, 120) + "'";
}

// "whitelist" and "blacklist" are the older names.
std::string current_name(std::string_view key) {
  std::string out(key);
  for (const auto& [older, newer] :
       {std::pair{"whitelist", "welcomelist"}, std::pair{"blacklist", "blocklist"}}) {
    const std::string_view word = older;
    if (const std::size_t at = out.find(word); at != out.npos) out.replace(at, word.size(), newer);
  }
  return out;
}

class SettingLine {
 public:
  SettingLine(const LineContext& context, std::string key, Words words, RuleSettings& settings)
      : context_(context), key_(std::move(key)), words_(words), settings_(settings) {}

  // ---- networks ----
  void networks() {
    NetworkList& list = key_ == "trusted_networks"    ? settings_.networks.trusted
                        : key_ == "internal_networks" ? settings_.networks.internal
                                                      : settings_.networks.msa;
    each("a network such as 192.0.2.0/24", [&](const Words::Word& word) {
      std::string_view text = word.text;
      const bool excluded = text.starts_with('!');
      if (excluded) text.remove_prefix(1);
      const auto network = network_of(text);
      if (!network) {
        return error(word.offset, "expected an address or a network such as 192.0.2.0/24, found " +
                                      shown(word.text));
      }
      list.add({*network, excluded});
    });
  }
  void clear_networks() {
    if (key_ == "clear_trusted_networks") settings_.networks.trusted = {};
    if (key_ == "clear_internal_networks") settings_.networks.internal = {};
    if (key_ == "clear_msa_networks") settings_.networks.msa = {};
  }
  void originating_ip_headers() {
    auto& names = settings_.networks.originating_ip_headers;
    if (key_ == "clear_originating_ip_headers") return names.clear();
    each("a header field", [&](const Words::Word& word) {
      const bool known = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return iequals(name, word.text);
      });
      if (!known) names.emplace_back(word.text);
    });
  }

  // ---- domains ----
  void registries() {
    auto& names = key_ == "util_rb_tld"    ? settings_.top_level
                  : key_ == "util_rb_2tld" ? settings_.two_level
                                           : settings_.three_level;
    each("a domain", [&](const Words::Word& word) { names.push_back(to_lower(word.text)); });
  }
  void clear_registries() {
    settings_.top_level.clear();
    settings_.two_level.clear();
    settings_.three_level.clear();
  }
  void redirector() {
    Pattern pattern;
    PatternFault fault;
    if (!parse_pattern(context_.line, context_.file, words_.at(), context_.line.text.size(),
                       context_.limits.max_pattern, pattern, fault)) {
      return error(fault.offset, fault.what);
    }
    settings_.redirectors.push_back(std::move(pattern));
  }
  void freemail_domains() {
    each("a domain", [&](const Words::Word& word) { settings_.freemail_domains.add(word.text); });
  }
  void freemail_welcomelist() {
    each("an address or a domain",
         [&](const Words::Word& word) { settings_.freemail_welcomelist.add(word.text); });
  }

  // ---- lists ----
  void addresses() {
    GlobList& list = settings_.lists[key_];
    each("an address such as *@example.org", [&](const Words::Word& word) { list.add(word.text); });
  }
  void no_addresses() {  // unwelcomelist_from …
    const auto known = settings_.lists.find(key_.substr(2));
    if (known == settings_.lists.end()) return;
    each("an address", [&](const Words::Word& word) { known->second.remove(word.text); });
  }
  void subject() {
    if (words_.rest().empty()) return error(words_.at(), "expected a text");
    settings_.lists[key_].add(words_.rest());
  }
  void from_relay() {
    auto& list = key_ == "welcomelist_from_rcvd" ? settings_.welcomelist_from_rcvd
                                                 : settings_.def_welcomelist_from_rcvd;
    const Words::Word address = words_.next();
    const Words::Word relay = words_.next();
    if (relay.text.empty()) return error(words_.at(), "expected an address and a relay");
    list.push_back({to_lower(address.text), to_lower(relay.text)});
  }
  void no_relay() {
    auto& list = key_ == "unwelcomelist_from_rcvd" ? settings_.welcomelist_from_rcvd
                                                   : settings_.def_welcomelist_from_rcvd;
    each("an address", [&](const Words::Word& word) {
      std::erase_if(list,
                    [&](const AddressFromRelay& one) { return iequals(one.address, word.text); });
    });
  }
  void signed_by() {
    auto& list = key_ == "welcomelist_from_dkim" ? settings_.welcomelist_from_dkim
                                                 : settings_.def_welcomelist_from_dkim;
    const Words::Word address = words_.next();
    if (address.text.empty()) return error(words_.at(), "expected an address and maybe a domain");
    list.push_back({to_lower(address.text), to_lower(words_.next().text)});
  }
  // enlist_addrlist (NAME) address …
  void enlist_addresses() {
    std::string name;
    if (!list_name(name)) return;
    GlobList& list = settings_.lists[name];
    each("an address", [&](const Words::Word& word) { list.add(word.text); });
  }
  // enlist_uri_host (NAME) host !host …, delist_uri_host [(NAME)] host …
  void enlist_hosts() {
    if (key_ == "blocklist_uri_host") return hosts("BLOCK");
    if (key_ == "welcomelist_uri_host") return hosts("WELCOME");
    std::string name;
    if (key_ == "delist_uri_host" && !words_.rest().starts_with('(')) {
      each("a host", [&](const Words::Word& word) {
        for (auto& [list, hosts] : settings_.uri_hosts) hosts.erase(to_lower(word.text));
      });
      return;
    }
    if (!list_name(name)) return;
    if (key_ == "delist_uri_host") {
      auto& hosts = settings_.uri_hosts[name];
      each("a host", [&](const Words::Word& word) { hosts.erase(to_lower(word.text)); });
      return;
    }
    hosts(name);
  }

  // ---- the rest ----
  void header() { read_header_line(context_, key_, words_, settings_.header); }
  void locales() {
    settings_.ok_locales.clear();
    each("a language such as en, or all",
         [&](const Words::Word& word) { settings_.ok_locales.emplace_back(to_lower(word.text)); });
  }
  void body_size() { number(settings_.body_part_scan_size); }
  void rawbody_size() { number(settings_.rawbody_part_scan_size); }
  void freemail_number() {
    if (key_ == "freemail_max_body_emails") number(settings_.freemail_max_body_emails);
    if (key_ == "freemail_max_body_freemails") number(settings_.freemail_max_body_freemails);
    std::size_t flag = 1;
    if (key_ == "freemail_skip_when_over_max" && number(flag))
      settings_.freemail_skip_when_over_max = flag != 0;
    if (key_ == "freemail_skip_bulk_envfrom" && number(flag))
      settings_.freemail_skip_bulk_envfrom = flag != 0;
  }

 private:
  void error(std::size_t offset, std::string what) {
    context_.reporter.error(context_.place_at(offset), key_ + ": " + std::move(what));
  }

  template <class Take>
  void each(std::string_view expected, Take take) {
    if (words_.rest().empty()) {
      return error(context_.line.text.size(), "expected " + std::string(expected));
    }
    for (Words::Word word = words_.next(); !word.text.empty(); word = words_.next()) take(word);
  }

  bool list_name(std::string& out) {
    const Words::Word word = words_.next();
    const std::string_view text = word.text;
    if (text.size() < 3 || text.front() != '(' || text.back() != ')' ||
        !is_rule_name(text.substr(1, text.size() - 2))) {
      error(word.offset, "expected a list in parentheses such as (BANKS), found " + shown(text));
      return false;
    }
    out = text.substr(1, text.size() - 2);
    return true;
  }

  void hosts(const std::string& name) {
    auto& list = settings_.uri_hosts[name];
    each("a host", [&](const Words::Word& word) {
      std::string_view text = word.text;
      const bool out = text.starts_with('!');
      if (out) text.remove_prefix(1);
      list[to_lower(text)] = !out;
    });
  }

  bool number(std::size_t& out) {
    const Words::Word word = words_.next();
    std::size_t value = 0;
    const char* end = word.text.data() + word.text.size();
    const auto [stop, fault] = std::from_chars(word.text.data(), end, value);
    if (word.text.empty() || fault != std::errc() || stop != end || !words_.rest().empty()) {
      error(word.offset, "expected a number, found " + shown(word.text));
      return false;
    }
    out = value;
    return true;
  }

  // Also "192.168" and "192.168/16" for "192.168.0.0/16".
  static std::optional<IpNetwork> network_of(std::string_view text) {
    if (text.starts_with('[')) {
      const std::size_t end = text.find(']');
      if (end == std::string_view::npos) return std::nullopt;
      return IpNetwork::parse(std::string(text.substr(1, end - 1)) +
                              std::string(text.substr(end + 1)));
    }
    if (const auto network = IpNetwork::parse(text)) return network;
    const std::size_t slash = text.find('/');
    std::string base(text.substr(0, slash));
    while (base.ends_with('.')) base.pop_back();
    const auto dots = std::count(base.begin(), base.end(), '.');
    if (base.empty() || dots >= 3 || base.find(':') != base.npos) return std::nullopt;
    std::string prefix = slash == std::string_view::npos ? "/" + std::to_string(8 * (dots + 1))
                                                         : std::string(text.substr(slash));
    for (auto i = dots; i < 3; ++i) base += ".0";
    return IpNetwork::parse(base + prefix);
  }

  const LineContext& context_;
  std::string key_;
  Words words_;
  RuleSettings& settings_;
};

using Reader = void (SettingLine::*)();

// By the current name.
const std::unordered_map<std::string_view, Reader>& table() {
  using S = SettingLine;
  static const std::unordered_map<std::string_view, Reader> kTable = {
      {"add_header", &S::header},
      {"all_spam_to", &S::addresses},
      {"blocklist_from", &S::addresses},
      {"blocklist_subject", &S::subject},
      {"blocklist_to", &S::addresses},
      {"blocklist_uri_host", &S::enlist_hosts},
      {"body_part_scan_size", &S::body_size},
      {"clear_headers", &S::header},
      {"clear_internal_networks", &S::clear_networks},
      {"clear_msa_networks", &S::clear_networks},
      {"clear_originating_ip_headers", &S::originating_ip_headers},
      {"clear_trusted_networks", &S::clear_networks},
      {"clear_util_rb", &S::clear_registries},
      {"def_welcomelist_auth", &S::addresses},
      {"def_welcomelist_from_dkim", &S::signed_by},
      {"def_welcomelist_from_rcvd", &S::from_relay},
      {"def_welcomelist_from_spf", &S::addresses},
      {"delist_uri_host", &S::enlist_hosts},
      {"enlist_addrlist", &S::enlist_addresses},
      {"enlist_uri_host", &S::enlist_hosts},
      {"freemail_domains", &S::freemail_domains},
      {"freemail_max_body_emails", &S::freemail_number},
      {"freemail_max_body_freemails", &S::freemail_number},
      {"freemail_skip_bulk_envfrom", &S::freemail_number},
      {"freemail_skip_when_over_max", &S::freemail_number},
      {"freemail_welcomelist", &S::freemail_welcomelist},
      {"internal_networks", &S::networks},
      {"more_spam_to", &S::addresses},
      {"msa_networks", &S::networks},
      {"ok_locales", &S::locales},
      {"originating_ip_headers", &S::originating_ip_headers},
      {"rawbody_part_scan_size", &S::rawbody_size},
      {"redirector_pattern", &S::redirector},
      {"remove_header", &S::header},
      {"rewrite_header", &S::header},
      {"trusted_networks", &S::networks},
      {"unblocklist_from", &S::no_addresses},
      {"unblocklist_to", &S::no_addresses},
      {"undef_welcomelist_from_rcvd", &S::no_relay},
      {"unwelcomelist_auth", &S::no_addresses},
      {"unwelcomelist_from", &S::no_addresses},
      {"unwelcomelist_from_rcvd", &S::no_relay},
      {"unwelcomelist_from_spf", &S::no_addresses},
      {"unwelcomelist_to", &S::no_addresses},
      {"util_rb_2tld", &S::registries},
      {"util_rb_3tld", &S::registries},
      {"util_rb_tld", &S::registries},
      {"welcomelist_allows_relays", &S::addresses},
      {"welcomelist_auth", &S::addresses},
      {"welcomelist_bounce_relays", &S::addresses},
      {"welcomelist_from", &S::addresses},
      {"welcomelist_from_dkim", &S::signed_by},
      {"welcomelist_from_rcvd", &S::from_relay},
      {"welcomelist_from_spf", &S::addresses},
      {"welcomelist_subject", &S::subject},
      {"welcomelist_to", &S::addresses},
      {"welcomelist_uri_host", &S::enlist_hosts},
  };
  return kTable;
}

}  // namespace

bool is_setting(std::string_view key) {
  return table().contains(current_name(key));
}

std::vector<std::string_view> setting_names() {
  std::vector<std::string_view> out;
  for (const auto& [name, reader] : table()) out.push_back(name);
  return out;
}

void read_setting_line(const LineContext& context, std::string_view key, Words words,
                       RuleSettings& settings) {
  const std::string name = current_name(key);
  const auto known = table().find(name);
  if (known == table().end()) return;
  SettingLine line(context, name, words, settings);
  (line.*known->second)();
}

}  // namespace gatepost::rules
