#pragma once
// Reads what signs: [[signing]] tables, or [signing] with the two tables of opendkim. For sources
// of this room only.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dkim/signing_keys.h"
#include "filter/config/toml.h"

namespace gatepost::config {

class SigningReader {
 public:
  /// @param teller  must outlive this
  explicit SigningReader(Teller& teller) : teller_(teller) {}

  /// The value of `signing`. An array of tables replaces those of an earlier file, as the settings
  /// of [signing] do.
  void read(const toml::node& node);

  struct Surroundings {
    std::filesystem::path folder;  ///< relative paths begin there
    std::string user;              ///< who the daemon becomes
    bool all_keys = true;          ///< LoadOptions
  };
  /// Reads tables and keys when all files are known.
  /// @param content  what another key is another configuration by is added to it
  /// @return         null when nothing signs.
  std::shared_ptr<const dkim::SigningKeys> finish(const Surroundings& around,
                                                  const dkim::SignOptions& options,
                                                  std::string& content);

 private:
  /// One [[signing]] table. Without a selector the keys are those that the file `current` in its
  /// folder names.
  struct Entry {
    dkim::SigningKey key;
    std::string file;    ///< empty: SELECTOR.private in the folder
    std::string folder;  ///< empty: keys/DOMAIN
    Place place;
  };
  struct Named {
    std::string value;
    Place place;
  };
  struct Table {
    std::string text, path;
    dkim::TableForm form = dkim::TableForm::file;
  };

  void read_list(const toml::node& node);
  void read_entry(const toml::table& table);
  void read_tables(const toml::table& table);
  void read_current(const Entry& entry, const Surroundings& around,
                    std::vector<dkim::SigningKey>& keys, std::string& content);
  std::shared_ptr<const dkim::PrivateKey> read_key(const std::string& path, const Place& place,
                                                   const Surroundings& around);
  std::optional<Table> open_table(const char* name, const Named& setting,
                                  const Surroundings& around);
  void tell(const Table& table, const Place& place, std::vector<dkim::TableFault> faults);
  dkim::SigningTables load_tables(const Surroundings& around, std::string& content);
  void decode(const dkim::KeyTable::Entry& entry, const Table& table, const Surroundings& around,
              dkim::SigningTables& tables, std::string& content);

  Teller& teller_;
  std::vector<Entry> entries_;
  std::optional<Named> key_table_, signing_table_;
  bool multiple_ = false;
};

}  // namespace gatepost::config
