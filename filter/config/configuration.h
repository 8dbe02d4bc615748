#pragma once
// The configuration as the program uses it.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "filter/policy/policy.h"

namespace gatepost::config {

/// What only a restart can change: sockets, user, sizes of pools.
struct DaemonSettings {
  std::vector<std::string> listen;
  int socket_mode = 0660;
  std::string socket_group;
  std::string user;
  std::string pid_file;
  std::string state_directory;
  std::string store_path;  ///< empty: memory; relative: below state_directory
  std::size_t store_max_bytes = 0;
  std::string control_socket;
  std::string log_target;  ///< "syslog", "stderr" or a file
  std::string log_format;  ///< "text" or "json"
  std::string log_facility;
  std::size_t max_sessions = 0;
  std::size_t max_waiting = 0;
  std::size_t max_data_size = 0;
  std::chrono::milliseconds drain_timeout{};
  std::vector<std::string> dns_servers;
  std::vector<std::string> dns_zones;  ///< master files answered from, before DNS is asked
  std::string dns_trust_anchor;
  std::size_t dns_cache_bytes = 0;
  std::chrono::milliseconds dns_cache_min_ttl{};
  std::chrono::milliseconds dns_cache_max_ttl{};
  std::chrono::milliseconds dns_cache_negative_max_ttl{};
  std::size_t memory_budget = 0;  ///< octets of messages in flight in memory
  std::size_t max_message_size = 0;
  std::string quarantine_directory;  ///< empty: quarantine_folder() has it below state_directory
  std::chrono::milliseconds quarantine_retention{};
  std::size_t quarantine_max_size = 0;
  std::size_t quarantine_max_messages = 0;
  std::size_t quarantine_min_free = 0;
  std::string quarantine_release_to;  ///< "HOST:PORT"
  std::string dmarc_records;  ///< a folder; relative: below state_directory; empty: none are kept
  std::size_t dmarc_records_max_bytes = 0;
  std::chrono::milliseconds dmarc_records_retention{};
};

/// Content rules: read and compiled at start and with each reload.
struct RulesSettings {
  std::vector<std::string> files;  ///< files, and folders whose *.cf are read in order
  bool strict = false;             ///< an unsupported construct refuses the load
  bool header_edits = true;        ///< rewrite_header, add_header and remove_header are done
  std::string cache_directory;     ///< empty: "rules-cache" below the state directory
  bool wait_at_start = false;      ///< for rules that are not compiled yet
};

/// What [findings] says of a name that is none of finding_table(): one of the content rules has it,
/// or it is a fault. The score is the rule's own where none is given.
struct RuleFinding {
  std::string name;
  std::optional<double> score;
  std::optional<Action> action;
  Error unknown;  ///< to be said when no rule has the name
};

/// Where the quarantine is; empty when there is no state directory either.
std::string quarantine_folder(const DaemonSettings& settings);
/// Where DMARC's records are; empty when none are kept or there is no state directory.
std::string dmarc_records_folder(const DaemonSettings& settings);

/// Where the value in force was set.
struct Origin {
  std::string key;
  std::string value;  ///< as TOML
  std::string place;  ///< file:line, or "default"
};

struct Configuration {
  DaemonSettings daemon;
  RulesSettings rules;
  std::shared_ptr<const Policy> policy;  ///< its content rules are still missing
  std::vector<RuleFinding> rule_findings;
  std::vector<Origin> origins;  ///< one a setting, in the order of the manual

  /// Whether no file sets the value in force.
  bool is_default(std::string_view key) const;
};

/// Reads `file` and then conf.d/*.toml beside it in the order of their names; a later value
/// replaces an earlier one. An empty file name gives the embedded defaults.
/// @return the configuration, or every fault of all files, each a config Error with
/// file:line:column.
struct LoadResult {
  Configuration configuration;
  std::vector<Error> errors;
  std::vector<Error> warnings;  ///< what works but should not stay, with file:line:column
  bool ok() const { return errors.empty(); }
};
struct LoadOptions {
  std::string user;  ///< instead of daemon.user, for who may own private keys
  /// Whether a private key that we may not read is a fault; else it is a warning, and its domain is
  /// not signed for: tools that do not sign run as anybody.
  bool all_keys = true;
};
LoadResult load(const std::string& file, const LoadOptions& options = {});
/// The same from text; `name` stands for the file in errors. No conf.d is read; files are looked
/// for below /etc/gatepost.
LoadResult load_text(std::string_view text, const std::string& name,
                     const LoadOptions& options = {});

/// The names of daemon settings that differ: they need a restart.
std::vector<std::string> restart_needed(const Configuration& running, const Configuration& next);

/// The documented sample: every setting with its default and meaning, as comments.
std::string sample();
/// The settings as the body of a manual page (troff -man).
std::string manual();

}  // namespace gatepost::config
