// Reads TOML files against the settings table; collects every fault.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "core/mail/address.h"
#include "filter/config/arc_key.h"
#include "filter/config/configuration.h"
#include "filter/config/settings.h"
#include "filter/config/signing.h"
#include "filter/config/toml.h"
#include "filter/policy/sender_map.h"

namespace gatepost::config {

namespace {

std::optional<Value> read_words(const toml::node& node) {
  std::vector<std::string> words;
  for (const toml::node& element : *node.as_array()) {
    const auto word = element.value_exact<std::string>();
    if (!word) return std::nullopt;
    words.push_back(*word);
  }
  return words;
}

std::optional<Value> read_pairs(const toml::node& node) {
  Pairs pairs;
  for (const auto& [name, element] : *node.as_table()) {
    const auto word = element.value_exact<std::string>();
    if (!word) return std::nullopt;
    pairs.emplace_back(std::string(name.str()), *word);
  }
  return pairs;
}

/// The node as a Value of the kind, or nothing when it is of another type.
std::optional<Value> read_value(const toml::node& node, Kind kind) {
  switch (kind) {
    case Kind::text:
      if (const auto text = node.value_exact<std::string>()) return Value(*text);
      break;
    case Kind::integer:
      if (const auto number = node.value_exact<std::int64_t>()) return Value(*number);
      break;
    case Kind::number:
      if (const auto number = node.value_exact<double>(); number && std::isfinite(*number))
        return Value(*number);
      if (const auto number = node.value_exact<std::int64_t>())
        return Value(static_cast<double>(*number));
      break;
    case Kind::boolean:
      if (const auto flag = node.value_exact<bool>()) return Value(*flag);
      break;
    case Kind::duration:
    case Kind::size: {
      if (const auto number = node.value_exact<std::int64_t>();
          number && kind == Kind::size && *number >= 0)
        return Value(*number);
      const auto text = node.value_exact<std::string>();
      if (!text) break;
      const auto number = kind == Kind::duration ? parse_duration(*text) : parse_size(*text);
      if (number.ok()) return Value(*number);
      break;
    }
    case Kind::words:
      if (node.is_array()) return read_words(node);
      break;
    case Kind::table:
      if (node.is_table()) return read_pairs(node);
      break;
  }
  return std::nullopt;
}

class Loader final : private Teller {
 public:
  Loader(std::filesystem::path folder, LoadOptions options)
      : folder_(std::move(folder)), options_(std::move(options)) {
    for (const Setting& setting : settings()) {
      const toml::parse_result parsed = toml::parse("x = " + std::string(setting.default_value));
      apply(setting, *parsed.table().get("x"), "default");
    }
  }

  void read_text(std::string_view text, const std::string& name) {
    files_.push_back(name);
    content_ += text;
    const toml::parse_result parsed = toml::parse(text, name);
    if (!parsed) {
      const toml::parse_error& error = parsed.error();
      fault(error.source(), std::string(error.description()));
      return;
    }
    read_table(parsed.table(), "");
  }

  void read_file(const std::string& path) {
    const auto text = file_content(path);
    if (!text) {
      files_.push_back(path);
      faults_.push_back({{files_.size() - 1, {}},
                         config_error("cannot be read: expected a readable TOML file", path)});
      return;
    }
    read_text(*text, path);
  }

  LoadResult finish(std::string source) {
    check_whole();
    read_keys();
    read_arc();
    read_sender_map();
    LoadResult result;
    std::stable_sort(faults_.begin(), faults_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [place, error] : faults_) result.errors.push_back(std::move(error));
    result.warnings = std::move(warnings_);
    Policy policy = std::move(draft_.policy);
    policy.source = std::move(source);
    policy.hash = hex_encode(sha256(content_)).substr(0, 12);
    policy.finish();
    result.configuration.daemon = std::move(draft_.daemon);
    result.configuration.rules = std::move(draft_.rules);
    for (auto& [name, finding] : rule_findings_)
      result.configuration.rule_findings.push_back(std::move(finding));
    result.configuration.policy = std::make_shared<const Policy>(std::move(policy));
    for (const Setting& setting : settings()) {
      result.configuration.origins.push_back(origins_.at(std::string(setting.key)));
    }
    for (auto& [key, origin] : finding_origins_)
      result.configuration.origins.push_back(std::move(origin));
    return result;
  }

 private:
  Place place(const toml::source_region& at) const override {
    return {files_.size() - 1, at.begin};
  }
  void fault(const toml::source_region& at, std::string what) { fault(place(at), std::move(what)); }
  void fault(const Place& place, std::string what) override {
    faults_.emplace_back(place, config_error(std::move(what), text_of(place)));
  }
  void warn(const Place& place, std::string what) override {
    warnings_.push_back(config_error(std::move(what), text_of(place)));
  }
  void other_file(const Place& place, bool warning, Error error) override {
    if (warning)
      warnings_.push_back(std::move(error));
    else
      faults_.emplace_back(place, std::move(error));
  }
  std::string text_of(const Place& place) const {
    return files_[place.file] + ":" + std::to_string(place.at.line) + ":" +
           std::to_string(place.at.column);
  }
  /// A path of the configuration: relative ones begin at the folder of the main file.
  std::string path_of(const std::string& path) const { return (folder_ / path).string(); }
  /// "file:line", for origins.
  std::string line_of(const toml::node& node) const {
    return files_.back() + ":" + std::to_string(node.source().begin.line);
  }

  void apply(const Setting& setting, const toml::node& node, const std::string& where) {
    const std::string key(setting.key);
    if (files_.size() > 1) places_[key] = place(node.source());
    const auto value = read_value(node, setting.kind);
    if (!value) {
      faulty_.insert(key);
      return fault(node.source(), key + ": expected " + std::string(describe(setting.kind)) +
                                      ", got " + shown(node));
    }
    const auto set = setting.set(draft_, *value);
    if (!set.ok()) {
      faulty_.insert(key);
      return fault(node.source(), key + ": " + set.error().what + ", got " + shown(node));
    }
    faulty_.erase(key);
    if (!setting.finding.empty() && files_.size() > 1)
      setting_actions_[key] = draft_.policy.rule(setting.finding).action;
    origins_[key] = {key, to_text(node), where};
  }

  void read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      if (key == "findings") {
        read_findings(node);
      } else if (key == "dns_list") {
        read_dns_lists(node);
      } else if (key == "signing") {
        read_signing(node);
      } else if (key == "submission.senders") {
        read_senders(node);
      } else if (const Setting* setting = find_setting(key)) {
        apply(*setting, node, line_of(node));
      } else if (node.is_table() && is_section(key)) {
        read_table(*node.as_table(), key + ".");
      } else {
        unknown(key, name.source());
      }
    }
  }

  static bool is_section(const std::string& key) {
    return std::any_of(settings().begin(), settings().end(),
                       [&](const Setting& s) { return s.key.starts_with(key + "."); });
  }

  void unknown(const std::string& key, const toml::source_region& at) {
    std::vector<std::string_view> known = {"findings", "dns_list", "signing", "submission.senders"};
    for (const Setting& setting : settings()) known.push_back(setting.key);
    std::string_view meant = did_you_mean(key, known);
    if (meant.empty()) {  // the right name in the wrong section
      const std::string last = "." + key.substr(key.rfind('.') + 1);
      for (const std::string_view name : known) {
        if (name == last.substr(1) || name.ends_with(last)) meant = name;
      }
    }
    fault(at, "unknown setting '" + printable(key) + "'" +
                  (meant.empty() ? "" : ", did you mean '" + std::string(meant) + "'?"));
  }

  // [findings] NAME = { score = 1.5, action = "reject" }
  void read_findings(const toml::node& node) {
    if (!node.is_table())
      return fault(node.source(), "findings: expected a table of NAME = { score = …, action = … }");
    std::vector<std::string_view> names;
    for (const FindingInfo& info : finding_table()) names.push_back(info.name);
    for (const auto& [name, entry] : *node.as_table()) {
      const auto meant = find_finding(name.str()) != nullptr ? std::string_view()
                                                             : did_you_mean(name.str(), names);
      if (!meant.empty()) {
        fault(name.source(), "unknown finding '" + printable(name.str()) + "', did you mean '" +
                                 std::string(meant) + "'?");
      } else if (!entry.is_table()) {
        fault(entry.source(), std::string(name.str()) +
                                  ": expected { score = NUMBER, action = WORD }, got " +
                                  shown(entry));
      } else {
        read_finding(std::string(name.str()), *entry.as_table(), name.source());
      }
    }
  }

  void read_finding(const std::string& name, const toml::table& table,
                    const toml::source_region& at) {
    RuleFinding found{name, {}, {}, {}};
    for (const auto& [key, node] : table) {
      if (key == "score") {
        const auto score = read_value(node, Kind::number);
        if (score)
          found.score = std::get<double>(*score);
        else
          fault(node.source(), name + ".score: expected a number, got " + shown(node));
      } else if (key == "action") {
        const auto word = node.value_exact<std::string>();
        const auto action = word ? parse_action(*word) : std::nullopt;
        if (action)
          found.action = *action;
        else
          fault(node.source(),
                name +
                    ".action: expected \"none\", \"tag\", \"hold\", \"store\", \"tempfail\" or "
                    "\"reject\", got " +
                    shown(node));
      } else {
        fault(key.source(),
              name + ": unknown key '" + printable(key.str()) + "', expected score or action");
      }
    }
    if (find_finding(name) != nullptr) {
      const FindingRule rule = draft_.policy.rule(name);
      if (found.action) finding_actions_[name] = *found.action;
      draft_.policy.set_rule(
          name, {found.score.value_or(rule.score), found.action.value_or(rule.action)});
    } else {
      // A later file adds to what an earlier one says.
      RuleFinding& known = rule_findings_[name];
      known = {name, found.score ? found.score : known.score,
               found.action ? found.action : known.action,
               config_error("unknown finding '" + printable(name) +
                                "': neither a finding nor one of the content rules",
                            files_.back() + ":" + std::to_string(at.begin.line) + ":" +
                                std::to_string(at.begin.column))};
    }
    const std::string full = "findings." + name;
    finding_origins_[full] = {full, to_text(table), line_of(table)};
  }

  // [[dns_list]] zone = "…", weight = 2.0, allows = false, codes = [2, 3]
  void read_dns_lists(const toml::node& node) {
    if (!node.is_array()) return fault(node.source(), "dns_list: expected [[dns_list]] tables");
    draft_.policy.dns_lists.clear();
    for (const toml::node& element : *node.as_array()) {
      if (!element.is_table()) {
        fault(element.source(), "dns_list: expected a table with a zone");
        continue;
      }
      read_dns_list(*element.as_table());
    }
    finding_origins_["dns_list"] = {"dns_list", to_text(node), line_of(node)};
  }

  void read_dns_list(const toml::table& table) {
    DnsList list;
    if (!table.contains("zone")) fault(table.source(), "dns_list: zone is missing");
    for (const auto& [key, node] : table) {
      const auto refuse = [&](const char* wanted) {
        fault(node.source(), "dns_list." + std::string(key.str()) + ": expected " + wanted +
                                 ", got " + shown(node));
      };
      if (key == "zone") {
        const auto zone = node.value_exact<std::string>();
        if (zone && !zone->empty() && zone->size() < 200 && is_ascii(*zone))
          list.zone = to_lower(*zone);
        else
          refuse("the name of a zone");
      } else if (key == "weight") {
        const auto weight = read_value(node, Kind::number);
        if (weight && std::get<double>(*weight) >= 0)
          list.weight = std::get<double>(*weight);
        else
          refuse("a number from 0 on");
      } else if (key == "allows") {
        const auto allows = node.value_exact<bool>();
        if (allows)
          list.allows = *allows;
        else
          refuse("true or false");
      } else if (key == "codes") {
        if (!read_codes(node, list)) refuse("a list of last octets, 0 to 255");
      } else {
        fault(key.source(), "dns_list: unknown key '" + printable(key.str()) +
                                "', expected zone, weight, allows or codes");
      }
    }
    if (!list.zone.empty()) draft_.policy.dns_lists.push_back(std::move(list));
  }

  static bool read_codes(const toml::node& node, DnsList& list) {
    if (!node.is_array()) return false;
    for (const toml::node& element : *node.as_array()) {
      const auto code = element.value_exact<std::int64_t>();
      if (!code || *code < 0 || *code > 255) return false;
      list.codes.push_back(static_cast<int>(*code));
    }
    return true;
  }

  void read_signing(const toml::node& node) {
    signing_.read(node);
    finding_origins_["signing"] = {"signing", to_text(node), line_of(node)};
  }

  void read_keys() {
    draft_.policy.signing_keys = signing_.finish(
        {folder_, options_.user.empty() ? draft_.daemon.user : options_.user, options_.all_keys},
        draft_.sign_options, content_);
  }

  void read_arc() {
    const std::string& user = options_.user.empty() ? draft_.daemon.user : options_.user;
    auto loaded = read_arc_key(draft_.arc, folder_, user, options_.all_keys);
    if (!loaded) {
      const Error& error = loaded.error();
      return whole_fault({error.where, "arc.key_file", "arc.selector", "arc.seal"}, error.what);
    }
    const std::string place =
        places_.contains("arc.seal") ? text_of(places_.at("arc.seal")) : std::string();
    for (std::string& warning : loaded->warnings)
      warnings_.push_back(config_error("arc: " + std::move(warning), place));
    if (loaded->seal) content_ += loaded->seal->key->record();
    draft_.policy.arc_seal = std::move(loaded->seal);
  }

  // [submission.senders] LOGIN = ["user@domain", "@domain"]
  void read_senders(const toml::node& node) {
    constexpr const char* kWanted = "expected LOGIN = [\"user@domain\", \"@domain\"], got ";
    if (!node.is_table())
      return fault(node.source(), std::string("submission.senders: ") + kWanted + shown(node));
    for (const auto& [login, entry] : *node.as_table()) {
      const std::string name = "submission.senders." + printable(login.str());
      const auto addresses = entry.is_array() ? read_words(entry) : std::nullopt;
      if (!addresses) {
        fault(entry.source(), name + ": " + kWanted + shown(entry));
        continue;
      }
      senders_given_ = true;
      for (const std::string& address : std::get<std::vector<std::string>>(*addresses)) {
        const auto added = senders_.add(address, login.str());
        if (!added) fault(entry.source(), name + ": " + added.error().what);
      }
    }
    finding_origins_["submission.senders"] = {"submission.senders", to_text(node), line_of(node)};
  }

  void read_sender_map() {
    const std::string path = path_of(draft_.sender_map);
    const Place at = places_["submission.sender_map"];
    if (!draft_.sender_map.empty()) {
      const auto text = file_content(path);
      if (!text) {
        return fault(at, "submission.sender_map: expected the path of a readable file, got '" +
                             printable(path) + "'");
      }
      content_ += *text;
      senders_given_ = true;
      for (SenderMap::Fault& wrong : senders_.add_text(*text)) {
        faults_.emplace_back(
            at, config_error(std::move(wrong.what), path + ":" + std::to_string(wrong.line)));
      }
    }
    if (senders_given_)
      draft_.policy.senders = std::make_shared<const SenderMap>(std::move(senders_));
  }

  /// A fault of settings together, told at the first of them that a file sets; not when one of them
  /// is wrong by itself, and so has its default.
  void whole_fault(std::initializer_list<std::string> keys, std::string what) {
    if (std::any_of(keys.begin(), keys.end(), [&](const auto& k) { return faulty_.count(k) != 0; }))
      return;
    const auto set = std::find_if(keys.begin(), keys.end(),
                                  [&](const auto& key) { return places_.count(key) != 0; });
    fault(set == keys.end() ? Place{} : places_.at(*set), *keys.begin() + ": " + std::move(what));
  }

  void check_whole() {
    const Policy& p = draft_.policy;
    if (p.tag_score > 0 && p.reject_score > 0 && p.reject_score < p.tag_score)
      whole_fault({"score.reject", "score.tag"}, "expected at least score.tag");
    if (p.query_timeout > p.flow_timeout) {
      whole_fault({"dns.query_timeout", "dns.check_timeout"}, "expected at most dns.check_timeout");
    }
    for (const Setting& setting : settings()) {
      const auto by_setting = setting_actions_.find(std::string(setting.key));
      const auto by_finding = finding_actions_.find(std::string(setting.finding));
      if (by_setting != setting_actions_.end() && by_finding != finding_actions_.end() &&
          by_setting->second != by_finding->second)
        whole_fault({by_setting->first}, "expected the action that findings." + by_finding->first +
                                             " has, or one of the two left out");
    }
    if (draft_.daemon.listen.size() != 1)
      whole_fault({"milter.listen"}, "expected exactly one socket");
  }

  const std::filesystem::path folder_;
  const LoadOptions options_;
  Draft draft_;
  SigningReader signing_{*this};
  SenderMap senders_;
  bool senders_given_ = false;
  std::vector<Error> warnings_;
  std::vector<std::string> files_ = {"default"};
  std::string content_;
  std::vector<std::pair<Place, Error>> faults_;
  std::map<std::string, Place> places_;  // of settings that a file sets
  std::set<std::string> faulty_;
  std::map<std::string, Origin> origins_;
  std::map<std::string, Origin> finding_origins_;
  std::map<std::string, RuleFinding> rule_findings_;
  // What files say of one finding's action in two places.
  std::map<std::string, Action> setting_actions_, finding_actions_;
};

}  // namespace

std::string quarantine_folder(const DaemonSettings& settings) {
  if (!settings.quarantine_directory.empty()) return settings.quarantine_directory;
  return settings.state_directory.empty() ? "" : settings.state_directory + "/quarantine";
}

std::string dmarc_records_folder(const DaemonSettings& settings) {
  if (settings.dmarc_records.empty() || settings.dmarc_records.starts_with('/'))
    return settings.dmarc_records;
  return settings.state_directory.empty() ? ""
                                          : settings.state_directory + "/" + settings.dmarc_records;
}

LoadResult load_text(std::string_view text, const std::string& name, const LoadOptions& options) {
  Loader loader("/etc/gatepost", options);
  loader.read_text(text, name);
  return loader.finish(name);
}

LoadResult load(const std::string& file, const LoadOptions& options) {
  Loader loader(std::filesystem::path(file).parent_path(), options);
  if (file.empty()) return loader.finish("embedded defaults");
  loader.read_file(file);
  const auto folder = std::filesystem::path(file).parent_path() / "conf.d";
  std::set<std::string> parts;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".toml") parts.insert(entry.path().string());
  }
  for (const std::string& part : parts) loader.read_file(part);
  return loader.finish(file);
}

bool Configuration::is_default(std::string_view key) const {
  return std::any_of(origins.begin(), origins.end(), [&](const Origin& origin) {
    return origin.key == key && origin.place == "default";
  });
}

std::vector<std::string> restart_needed(const Configuration& running, const Configuration& next) {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) {
    if (setting.reloadable) continue;
    const auto value = [&](const Configuration& c) {
      const auto at = std::find_if(c.origins.begin(), c.origins.end(),
                                   [&](const Origin& o) { return o.key == setting.key; });
      return at->value;
    };
    if (value(running) != value(next)) names.emplace_back(setting.key);
  }
  return names;
}

}  // namespace gatepost::config
