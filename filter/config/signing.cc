#include "filter/config/signing.h"

#include <set>

#include "core/mail/address.h"
#include "filter/config/key_file.h"
#include "filter/config/settings.h"

namespace gatepost::config {

namespace {

namespace fs = std::filesystem;

std::string with_domain(std::string_view text, std::string_view domain) {
  std::string out;
  for (const char c : text) out += c == '%' ? std::string(domain) : std::string(1, c);
  return out;
}

/// The domains for which a path with "%" leads to a file: the names in the folder of its first "%".
std::set<std::string> domains_of(const std::string& path) {
  const auto percent = path.find('%');
  const auto begin = path.rfind('/', percent) + 1;
  const auto end = std::min(path.find('/', percent), path.size());
  const std::string before = path.substr(begin, percent - begin);
  const std::string behind = path.substr(percent + 1, end - percent - 1);
  std::set<std::string> domains;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path.substr(0, begin), error)) {
    const std::string name = entry.path().filename().string();
    // Of "%-%.pem" the first is enough: the whole path is looked at below.
    const std::string tail = behind.substr(0, behind.find('%'));
    if (name.size() <= before.size() + tail.size() || !name.starts_with(before)) continue;
    for (std::size_t size = 1; before.size() + size <= name.size(); ++size) {
      const auto domain = mail::normalize_domain(name.substr(before.size(), size));
      if (domain && fs::exists(with_domain(path, *domain), error)) domains.insert(*domain);
    }
  }
  return domains;
}

}  // namespace

void SigningReader::read(const toml::node& node) {
  if (node.is_table()) return read_tables(*node.as_table());
  if (!node.is_array())
    return teller_.fault(teller_.place(node.source()),
                         "signing: expected [[signing]] tables, or a table with key_table and "
                         "signing_table");
  read_list(node);
}

void SigningReader::read_list(const toml::node& node) {
  entries_.clear();
  for (const toml::node& element : *node.as_array()) {
    if (element.is_table())
      read_entry(*element.as_table());
    else
      teller_.fault(teller_.place(element.source()), "signing: expected a table with a domain");
  }
}

// [[signing]] domain = "…", selector = "…", key_file = "…", folder = "…", subdomains = false
void SigningReader::read_entry(const toml::table& table) {
  Entry entry;
  entry.place = teller_.place(table.source());
  if (!table.contains("domain")) teller_.fault(entry.place, "signing: domain is missing");
  if (!table.contains("selector") && table.contains("key_file"))
    teller_.fault(entry.place, "signing: selector is missing");
  bool good = true;
  for (const auto& [key, node] : table) {
    const Place at = teller_.place(node.source());
    const auto refuse = [&](const char* wanted) {
      good = false;
      teller_.fault(at, "signing." + std::string(key.str()) + ": expected " + wanted + ", got " +
                            shown(node));
    };
    const auto text = node.value_exact<std::string>();
    if (key == "domain" || key == "selector") {
      const auto name = mail::normalize_domain(text.value_or(""));
      if (!name)
        refuse(key == "domain" ? "the name of a domain" : "a selector such as \"s1\"");
      else
        (key == "domain" ? entry.key.domain : entry.key.selector) = *name;
    } else if (key == "key_file" || key == "folder") {
      if (!text || text->empty())
        refuse(key == "folder" ? "the path of a folder" : "the path of a private key");
      else if (entry.place = at; key == "folder")
        entry.folder = *text;
      else
        entry.file = *text;
    } else if (key == "subdomains") {
      if (const auto flag = node.value_exact<bool>())
        entry.key.subdomains = *flag;
      else
        refuse("true or false");
    } else {
      teller_.fault(teller_.place(key.source()),
                    "signing: unknown key '" + printable(key.str()) +
                        "', expected domain, selector, key_file, folder or subdomains");
    }
  }
  if (!good || entry.key.domain.empty() || (entry.key.selector.empty() && !entry.file.empty()))
    return;
  const bool doubled = std::any_of(entries_.begin(), entries_.end(), [&](const auto& other) {
    return other.key.domain == entry.key.domain && other.key.selector == entry.key.selector;
  });
  if (doubled) {
    return teller_.fault(
        teller_.place(table.source()),
        "signing: " + entry.key.domain + " has the selector " + entry.key.selector + " already");
  }
  entries_.push_back(std::move(entry));
}

// [signing] key_table = "file:…", signing_table = "refile:…", multiple = false, key = [[…]]
void SigningReader::read_tables(const toml::table& table) {
  for (const auto& [key, node] : table) {
    const Place at = teller_.place(node.source());
    const auto text = node.value_exact<std::string>();
    const auto flag = node.value_exact<bool>();
    if (key == "key_table" || key == "signing_table") {
      if (text && !text->empty())
        (key == "key_table" ? key_table_ : signing_table_) = Named{*text, at};
      else
        teller_.fault(at, "signing." + std::string(key.str()) +
                              ": expected file:PATH or refile:PATH, got " + shown(node));
    } else if (key == "multiple") {
      if (flag)
        multiple_ = *flag;
      else
        teller_.fault(at, "signing.multiple: expected true or false, got " + shown(node));
    } else if (key == "key" && node.is_array()) {
      read_list(node);
    } else {
      const auto meant = did_you_mean(key.str(), {"key_table", "signing_table", "multiple", "key"});
      teller_.fault(teller_.place(key.source()),
                    "signing: unknown key '" + printable(key.str()) + "'" +
                        (meant.empty() ? ", expected key_table, signing_table, multiple or "
                                         "[[signing.key]]"
                                       : ", did you mean '" + std::string(meant) + "'?"));
    }
  }
}

std::shared_ptr<const dkim::PrivateKey> SigningReader::read_key(const std::string& path,
                                                                const Place& place,
                                                                const Surroundings& around) {
  const std::string name = "signing: key file " + printable(path) + " ";
  if (!around.all_keys && is_forbidden(path)) {
    teller_.warn(place, name + "may not be read by us, nothing is signed with it here");
    return nullptr;
  }
  auto loaded = read_key_file(path, around.user);
  if (!loaded) {
    teller_.fault(place, name + loaded.error().what);
    return nullptr;
  }
  for (const std::string& warning : loaded->warnings)
    teller_.warn(place, name + "is not as it should be: " + warning);
  return std::move(loaded->key);
}

void SigningReader::read_current(const Entry& entry, const Surroundings& around,
                                 std::vector<dkim::SigningKey>& keys, std::string& content) {
  const std::string given = entry.folder.empty() ? "keys/" + entry.key.domain : entry.folder;
  const fs::path folder = around.folder / given;
  std::vector<std::string> selectors = {entry.key.selector};
  if (entry.key.selector.empty()) {
    const std::string file = (folder / "current").string();
    const auto text = file_content(file);
    auto named = text ? dkim::parse_selectors(*text)
                      : Result<std::vector<std::string>>(permanent_error(
                            "cannot be read, expected the selectors in use, one a line"));
    if (!named)
      return teller_.fault(entry.place, "signing: " + printable(file) + " " + named.error().what);
    selectors = std::move(*named);
  }
  for (const std::string& selector : selectors) {
    dkim::SigningKey key = entry.key;
    key.selector = selector;
    const std::string path = entry.file.empty() ? (folder / (selector + ".private")).string()
                                                : (around.folder / entry.file).string();
    key.key = read_key(path, entry.place, around);
    if (key.key == nullptr) continue;
    content += selector + key.key->record();
    keys.push_back(std::move(key));
  }
}

std::optional<SigningReader::Table> SigningReader::open_table(const char* name,
                                                              const Named& setting,
                                                              const Surroundings& around) {
  const auto set = dkim::Dataset::parse(setting.value);
  if (!set) {
    teller_.fault(setting.place, std::string("signing.") + name + ": " + set.error().what +
                                     ", got '" + printable(setting.value, 100) + "'");
    return std::nullopt;
  }
  if (set->form == dkim::TableForm::list)
    return Table{set->text, std::string("signing.") + name, set->form};
  const std::string path = (around.folder / set->text).string();
  auto text = file_content(path);
  if (!text) {
    teller_.fault(setting.place, std::string("signing.") + name +
                                     ": expected the path of a readable file, got '" +
                                     printable(path) + "'");
    return std::nullopt;
  }
  return Table{*std::move(text), path, set->form};
}

void SigningReader::tell(const Table& table, const Place& place,
                         std::vector<dkim::TableFault> faults) {
  for (auto& fault : faults) {
    if (table.form == dkim::TableForm::list) {  // it stands in our own file
      std::string what = table.path + ": row " + std::to_string(fault.line) + ": " + fault.what;
      fault.warning ? teller_.warn(place, std::move(what)) : teller_.fault(place, std::move(what));
      continue;
    }
    teller_.other_file(place, fault.warning,
                       config_error(std::move(fault.what), printable(table.path) + ":" +
                                                               std::to_string(fault.line) + ":" +
                                                               std::to_string(fault.column)));
  }
}

void SigningReader::decode(const dkim::KeyTable::Entry& entry, const Table& table,
                           const Surroundings& around, dkim::SigningTables& tables,
                           std::string& content) {
  const auto keep = [&](const std::string& name, std::shared_ptr<const dkim::PrivateKey> key) {
    content += key->record();
    tables.decoded[name] = std::move(key);
  };
  if (tables.decoded.count(entry.key) != 0) return;
  const auto refuse = [&](std::string what) {
    tell(table, key_table_->place, {{entry.line, entry.column, std::move(what), false}});
  };
  if (!entry.is_file) {
    auto key = dkim::PrivateKey::decode(entry.key);
    if (!key) return refuse("the key of '" + printable(entry.name, 100) + "' " + key.error().what);
    return keep(entry.key, *std::move(key));
  }
  // Relative paths begin where the table is: a daemon has no folder of its own.
  const fs::path base =
      table.form == dkim::TableForm::list ? around.folder : fs::path(table.path).parent_path();
  const auto path_of = [&](const std::string& path) {
    return (base / path).lexically_normal().string();
  };
  const auto read = [&](const std::string& name) {
    const std::string path = path_of(name);
    if (!around.all_keys && is_forbidden(path))
      return teller_.warn(key_table_->place, "signing: key file " + printable(path) +
                                                 " may not be read by us, nothing is signed with "
                                                 "it here");
    auto loaded = read_key_file(path, around.user);
    if (!loaded) return refuse("key file " + printable(path) + " " + loaded.error().what);
    for (const std::string& warning : loaded->warnings)
      tell(table, key_table_->place,
           {{entry.line, entry.column,
             "key file " + printable(path) + " is not as it should be: " + warning, true}});
    keep(name, std::move(loaded->key));
  };
  if (entry.key.find('%') == std::string::npos) return read(entry.key);
  const auto domains = domains_of((base / entry.key).string());
  if (domains.empty())
    return refuse("no file fits " + printable(path_of(entry.key)) +
                  " with a domain in place of '%'");
  for (const std::string& domain : domains) {
    const std::string name = with_domain(entry.key, domain);
    if (tables.decoded.count(name) == 0) read(name);
  }
}

dkim::SigningTables SigningReader::load_tables(const Surroundings& around, std::string& content) {
  dkim::SigningTables tables;
  if (!key_table_ && !signing_table_) return tables;
  if (!key_table_ || !signing_table_) {
    teller_.fault((key_table_ ? key_table_ : signing_table_)->place,
                  key_table_ ? "signing: signing_table is missing beside key_table: it says whose "
                               "mail a key signs"
                             : "signing: key_table is missing beside signing_table: it says where "
                               "a key is");
    return tables;
  }
  const auto keys = open_table("key_table", *key_table_, around);
  const auto senders = open_table("signing_table", *signing_table_, around);
  if (!keys || !senders) return tables;
  content += keys->text + senders->text;
  tables.multiple = multiple_;
  std::vector<dkim::TableFault> faults;
  tables.keys = dkim::KeyTable::parse(keys->text, keys->form, faults);
  tell(*keys, key_table_->place, std::move(faults));
  faults.clear();
  tables.senders = dkim::SigningTable::parse(senders->text, senders->form, faults);
  std::vector<std::string_view> names;
  for (const auto& entry : tables.keys.entries()) names.push_back(entry.name);
  std::set<const dkim::KeyTable::Entry*> used;
  for (const auto& row : tables.senders.entries()) {
    if (row.key == "%") {  // any domain may ask for any key
      for (const auto& entry : tables.keys.entries()) used.insert(&entry);
      continue;
    }
    const auto* entry = tables.keys.find(row.key);
    if (entry != nullptr) {
      used.insert(entry);
      continue;
    }
    const auto meant = did_you_mean(row.key, names);
    faults.push_back({row.line, row.column,
                      "the key table has no key '" + printable(row.key, 100) + "'" +
                          (meant.empty() ? "" : ", did you mean '" + std::string(meant) + "'?"),
                      false});
  }
  tell(*senders, signing_table_->place, std::move(faults));
  // Keys that no row asks for are left alone, as opendkim leaves them.
  for (const auto& entry : tables.keys.entries()) {
    if (used.count(&entry) != 0) decode(entry, *keys, around, tables, content);
  }
  return tables;
}

std::shared_ptr<const dkim::SigningKeys> SigningReader::finish(const Surroundings& around,
                                                               const dkim::SignOptions& options,
                                                               std::string& content) {
  std::vector<dkim::SigningKey> keys;
  for (const Entry& entry : entries_) read_current(entry, around, keys, content);
  dkim::SigningTables tables = load_tables(around, content);
  if (keys.empty() && tables.decoded.empty()) return nullptr;
  return std::make_shared<const dkim::SigningKeys>(std::move(keys), options, std::move(tables));
}

}  // namespace gatepost::config
