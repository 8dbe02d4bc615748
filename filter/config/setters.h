#pragma once
// How a value of the file gets into its place: what the rows of the table call. Private to
// settings.cc, where each stands beside the name and the text of its setting.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "filter/config/settings.h"
#include "spf/libspf2.h"

namespace gatepost::config {

using Words = std::vector<std::string>;

inline Result<void> expected(std::string what) {
  return config_error("expected " + std::move(what));
}

// Setters by shape. The member pointers are template arguments, so that a row of the table stays
// data.
template <auto Member>
Result<void> daemon(Draft& draft, const Value& value) {
  using T = std::remove_reference_t<decltype(draft.daemon.*Member)>;
  if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    draft.daemon.*Member = T(std::get<std::int64_t>(value));
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Words>) {
    draft.daemon.*Member = std::get<T>(value);
  } else {
    draft.daemon.*Member = static_cast<T>(std::get<std::int64_t>(value));
  }
  return {};
}

template <auto Member>
Result<void> rule_files(Draft& draft, const Value& value) {
  draft.rules.*Member = std::get<std::remove_reference_t<decltype(draft.rules.*Member)>>(value);
  return {};
}

template <auto Member>
Result<void> content(Draft& draft, const Value& value) {
  using T = std::remove_reference_t<decltype(draft.policy.content.*Member)>;
  draft.policy.content.*Member = static_cast<T>(std::get<std::int64_t>(value));
  return {};
}

template <auto Member>
Result<void> policy(Draft& draft, const Value& value) {
  using T = std::remove_reference_t<decltype(draft.policy.*Member)>;
  if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    draft.policy.*Member = T(std::get<std::int64_t>(value));
  } else if constexpr (std::is_same_v<T, MatchList>) {
    auto list = MatchList::parse(std::get<Words>(value));
    if (!list.ok()) return config_error(list.error().what);
    draft.policy.*Member = std::move(*list);
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    draft.policy.*Member = static_cast<T>(std::get<std::int64_t>(value));
  } else {
    draft.policy.*Member = std::get<T>(value);
  }
  return {};
}

// Bounds are told in the units that they are written in.
inline std::string plain_text(std::int64_t number) {
  return std::to_string(number);
}
inline std::string duration_text(std::int64_t milliseconds) {
  return milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + "s"
                                  : std::to_string(milliseconds) + "ms";
}
inline std::string size_text(std::int64_t octets) {
  return octets % (1 << 20) == 0 ? std::to_string(octets >> 20) + "MiB"
                                 : std::to_string(octets >> 10) + "KiB";
}

/// The same with a whole number between two bounds.
template <auto Setter, std::int64_t Low, std::int64_t High, auto Text = plain_text>
Result<void> between(Draft& draft, const Value& value) {
  const std::int64_t number = std::get<std::int64_t>(value);
  if (number < Low || number > High)
    return expected("a value from " + Text(Low) + " to " + Text(High));
  return Setter(draft, value);
}

template <class E, std::size_t N>
Result<void> choose(E& target, const Value& value,
                    const std::array<std::pair<std::string_view, E>, N>& words) {
  const std::string& word = std::get<std::string>(value);
  std::string list;
  std::vector<std::string_view> names;
  for (const auto& [name, meaning] : words) {
    if (name == word) {
      target = meaning;
      return {};
    }
    names.push_back(name);
    list += (list.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  const auto meant = did_you_mean(word, names);
  return expected("one of " + list +
                  (meant.empty() ? "" : " (did you mean \"" + std::string(meant) + "\"?)"));
}

inline Result<void> set_mode(Draft& d, const Value& v) {
  return choose<Mode, 2>(d.policy.mode, v,
                         {{{"observe", Mode::observe}, {"enforce", Mode::enforce}}});
}
inline Result<void> set_rules_start(Draft& d, const Value& v) {
  return choose<bool, 2>(d.rules.wait_at_start, v, {{{"serve", false}, {"wait", true}}});
}
inline Result<void> set_answer_at(Draft& d, const Value& v) {
  return choose<bool, 2>(d.policy.answer_at_rcpt, v, {{{"rcpt", true}, {"connect", false}}});
}
inline Result<void> set_dnssec(Draft& d, const Value& v) {
  return choose<bool, 2>(d.policy.report_dnssec, v, {{{"off", false}, {"report", true}}});
}
inline Result<void> set_dmarc_enforce(Draft& d, const Value& v) {
  using dmarc::Enforcement;
  return choose<Enforcement, 3>(d.policy.dmarc_enforce, v,
                                {{{"off", Enforcement::off},
                                  {"standard", Enforcement::standard},
                                  {"strict", Enforcement::strict}}});
}
/// [dmarc.domains] and its like: NAME = "off|standard|strict".
template <auto Member, bool Networks>
Result<void> set_enforcement_map(Draft& d, const Value& v) {
  using dmarc::Enforcement;
  EnforcementMap map;
  for (const auto& [name, word] : std::get<Pairs>(v)) {
    Enforcement mode = Enforcement::standard;
    const auto chosen = choose<Enforcement, 3>(mode, Value(word),
                                               {{{"off", Enforcement::off},
                                                 {"standard", Enforcement::standard},
                                                 {"strict", Enforcement::strict}}});
    const std::string shown = "'" + printable(name, 80) + "': ";
    if (!chosen.ok()) return config_error(shown + chosen.error().what);
    if (const auto added = map.add(name, mode, Networks); !added.ok())
      return config_error(shown + added.error().what);
  }
  d.policy.*Member = std::move(map);
  return {};
}
inline Result<void> set_dmarc_author(Draft& d, const Value& v) {
  return choose<bool, 2>(d.policy.dmarc_strict_author, v, {{{"agreed", false}, {"strict", true}}});
}
inline Result<void> set_dmarc_records(Draft& d, const Value& v) {
  const std::string& path = std::get<std::string>(v);
  if (path.find('\0') != std::string::npos) return expected("the path of a folder, or nothing");
  d.daemon.dmarc_records = path;
  return {};
}
inline Result<void> set_dmarc_discovery(Draft& d, const Value& v) {
  using dmarc::DiscoveryMode;
  return choose<DiscoveryMode, 2>(
      d.policy.dmarc_discovery, v,
      {{{"treewalk", DiscoveryMode::treewalk}, {"psl", DiscoveryMode::psl}}});
}
inline Result<void> set_dmarc_quarantine_as(Draft& d, const Value& v) {
  return choose<Action, 3>(
      d.policy.dmarc_quarantine_as, v,
      {{{"tag", Action::tag}, {"hold", Action::hold}, {"store", Action::store}}});
}
inline Result<void> set_quarantine_as(Draft& d, const Value& v) {
  return choose<Action, 2>(d.policy.quarantine_as, v,
                           {{{"hold", Action::hold}, {"store", Action::store}}});
}
inline Result<void> set_release_to(Draft& d, const Value& v) {
  const std::string& text = std::get<std::string>(v);
  const auto colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (colon == 0 || port.empty() || port.size() > 5 ||
      !std::all_of(port.begin(), port.end(), is_digit))
    return expected("HOST:PORT, such as \"127.0.0.1:25\" or \"[::1]:25\"");
  d.daemon.quarantine_release_to = text;
  return {};
}
inline Result<void> set_quarantine_directory(Draft& d, const Value& v) {
  const std::string& path = std::get<std::string>(v);
  if (!path.empty() && !path.starts_with('/')) return expected("an absolute path, or nothing");
  d.daemon.quarantine_directory = path;
  return {};
}
inline Result<void> set_check_sender(Draft& d, const Value& v) {
  return choose<SenderCheck, 4>(d.policy.check_sender, v,
                                {{{"auto", SenderCheck::automatic},
                                  {"off", SenderCheck::off},
                                  {"envelope", SenderCheck::envelope},
                                  {"both", SenderCheck::both}}});
}
inline Result<void> set_sender_map(Draft& d, const Value& v) {
  d.sender_map = std::get<std::string>(v);
  return {};
}
inline Result<void> set_sign_canonicalization(Draft& d, const Value& v) {
  using dkim::Canonicalization;
  using Forms = std::pair<Canonicalization, Canonicalization>;
  constexpr auto kSimple = Canonicalization::simple;
  constexpr auto kRelaxed = Canonicalization::relaxed;
  Forms forms;
  auto chosen = choose<Forms, 4>(forms, v,
                                 {{{"relaxed/relaxed", {kRelaxed, kRelaxed}},
                                   {"relaxed/simple", {kRelaxed, kSimple}},
                                   {"simple/relaxed", {kSimple, kRelaxed}},
                                   {"simple/simple", {kSimple, kSimple}}}});
  if (chosen) std::tie(d.sign_options.header_form, d.sign_options.body_form) = forms;
  return chosen;
}
inline Result<void> set_oversign(Draft& d, const Value& v) {
  using dkim::Oversign;
  return choose<Oversign, 3>(
      d.sign_options.oversign, v,
      {{{"list-safe", Oversign::list_safe}, {"none", Oversign::none}, {"all", Oversign::all}}});
}
inline Result<void> set_sign_lifetime(Draft& d, const Value& v) {
  d.sign_options.lifetime = std::get<std::int64_t>(v) / 1000;
  return {};
}
inline Result<void> set_trusted_sealers(Draft& d, const Value& v) {
  Words names;
  for (const std::string& word : std::get<Words>(v)) {
    const bool below = word.starts_with('.');
    const auto name = mail::normalize_domain(word.substr(below ? 1 : 0));
    if (!name || name->starts_with('['))
      return expected("domains such as \"lists.example\" or \".example\"");
    names.push_back((below ? "." : "") + *name);
  }
  d.policy.arc_trusted_sealers = *MatchList::parse(names);
  return {};
}
inline Result<void> set_arc_seal(Draft& d, const Value& v) {
  d.arc.seal = std::get<bool>(v);
  return {};
}
template <auto Member>
Result<void> arc_name(Draft& d, const Value& v) {
  const std::string& word = std::get<std::string>(v);
  d.arc.*Member = "";
  if (word.empty()) return {};
  const auto name = mail::normalize_domain(word);
  if (!name || name->starts_with('[')) return expected("a name");
  d.arc.*Member = *name;
  return {};
}
inline Result<void> set_arc_key_file(Draft& d, const Value& v) {
  d.arc.file = std::get<std::string>(v);
  return {};
}
inline Result<void> set_public_suffixes(Draft& d, const Value& v) {
  const std::string& path = std::get<std::string>(v);
  d.policy.public_suffixes.reset();
  if (path.empty()) return {};
  const auto text = file_content(path);
  if (!text) return expected("the path of a readable file");
  auto list = dmarc::PublicSuffixList::parse(*text);
  if (!list.ok()) return config_error(list.error().what);
  d.policy.public_suffixes = std::move(*list);
  return {};
}
inline Result<void> set_log_format(Draft& d, const Value& v) {
  return choose<std::string, 2>(d.daemon.log_format, v, {{{"text", "text"}, {"json", "json"}}});
}
inline Result<void> set_log_facility(Draft& d, const Value& v) {
  return choose<std::string, 4>(
      d.daemon.log_facility, v,
      {{{"mail", "mail"}, {"daemon", "daemon"}, {"local0", "local0"}, {"local1", "local1"}}});
}
inline Result<void> set_log_target(Draft& d, const Value& v) {
  const std::string& target = std::get<std::string>(v);
  if (target != "syslog" && target != "stderr" && !target.starts_with('/')) {
    return expected("\"syslog\", \"stderr\" or the absolute path of a file");
  }
  d.daemon.log_target = target;
  return {};
}
inline Result<void> set_socket_mode(Draft& d, const Value& v) {
  const std::string& text = std::get<std::string>(v);
  int mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || text.size() < 3 || mode > 0777) {
    return expected("octal permissions such as \"0660\"");
  }
  d.daemon.socket_mode = mode;
  return {};
}
inline Result<void> set_disabled(Draft& d, const Value& v) {
  static constexpr std::array<std::string_view, 18> kChecks = {
      "arc",     "attachments", "client_lists",   "client_rules", "dkim",  "dmarc",
      "dnsbl",   "greylist",    "envelope_rules", "iprev",        "lists", "message",
      "relayed", "rules",       "sealing",        "signing",      "spf",   "submission"};
  d.policy.disabled_checks.clear();
  for (const std::string& name : std::get<Words>(v)) {
    if (std::find(kChecks.begin(), kChecks.end(), name) == kChecks.end()) {
      const auto meant = did_you_mean(name, {kChecks.begin(), kChecks.end()});
      return expected("names of checks, and '" + printable(name) + "' is none" +
                      (meant.empty() ? "" : " (did you mean \"" + std::string(meant) + "\"?)"));
    }
    d.policy.disabled_checks.insert(name);
  }
  return {};
}

inline Result<void> set_spf_engine(Draft& d, const Value& v) {
  using spf::Engine;
  return choose<Engine, 2>(d.policy.spf_engine, v,
                           {{{"native", Engine::native}, {"libspf2", Engine::libspf2}}});
}
// The action of a finding, under a name that an admin looks for: the table of findings has it.
inline constexpr std::string_view kSpfFail = "SPF_FAIL";
inline constexpr std::string_view kSpfSoftfail = "SPF_SOFTFAIL";
inline constexpr std::string_view kSpfPermerror = "SPF_PERMERROR";
inline constexpr std::string_view kSpfTemperror = "SPF_TEMPERROR";
inline constexpr std::string_view kSpfNoMailDomain = "SPF_NO_MAIL_DOMAIN";
template <const std::string_view& Finding>
Result<void> action_of(Draft& d, const Value& v) {
  Action action = Action::none;
  auto chosen = choose<Action, 3>(
      action, v,
      {{{"score", Action::none}, {"reject", Action::reject}, {"tempfail", Action::tempfail}}});
  if (chosen) d.policy.set_rule(Finding, {d.policy.rule(Finding).score, action});
  return chosen;
}
inline Result<void> set_greylist_mode(Draft& d, const Value& v) {
  using Mode = GreylistPolicy::Mode;
  return choose<Mode, 3>(
      d.policy.greylist.mode, v,
      {{{"off", Mode::off}, {"suspicious", Mode::suspicious}, {"all", Mode::all}}});
}
template <auto Member>
Result<void> greylist(Draft& draft, const Value& value) {
  auto& member = draft.policy.greylist.*Member;
  using T = std::remove_reference_t<decltype(member)>;
  if constexpr (std::is_same_v<T, bool>) {
    member = std::get<bool>(value);
  } else {
    member = static_cast<T>(std::get<std::int64_t>(value));
  }
  return {};
}
inline Result<void> set_store_path(Draft& d, const Value& v) {
  const std::string& path = std::get<std::string>(v);
  if (path.find('\0') != std::string::npos || path.ends_with('/'))
    return expected("the path of a file, or an empty string");
  d.daemon.store_path = path;
  return {};
}

}  // namespace gatepost::config
