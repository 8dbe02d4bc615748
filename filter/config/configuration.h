#pragma once
// The configuration as the program uses it.

#include <chrono>
#include <memory>
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
  std::size_t memory_budget = 0;  ///< octets of messages in flight in memory
  std::size_t max_message_size = 0;
  std::string quarantine_directory;  ///< empty: quarantine_folder() has it below state_directory
  std::chrono::milliseconds quarantine_retention{};
  std::size_t quarantine_max_size = 0;
  std::size_t quarantine_max_messages = 0;
  std::size_t quarantine_min_free = 0;
  std::string quarantine_release_to;  ///< "HOST:PORT"
};

/// Where the quarantine is; empty when there is no state directory either.
std::string quarantine_folder(const DaemonSettings& settings);

/// Where the value in force was set.
struct Origin {
  std::string key;
  std::string value;  ///< as TOML
  std::string place;  ///< file:line, or "default"
};

struct Configuration {
  DaemonSettings daemon;
  std::shared_ptr<const Policy> policy;
  std::vector<Origin> origins;  ///< one a setting, in the order of the manual
};

/// Reads `file` and then conf.d/*.toml beside it in the order of their names; a later value
/// replaces an earlier one. An empty file name gives the embedded defaults.
/// @return the configuration, or every fault of all files, each a config Error with
/// file:line:column.
struct LoadResult {
  Configuration configuration;
  std::vector<Error> errors;
  bool ok() const { return errors.empty(); }
};
LoadResult load(const std::string& file);
/// The same from text; `name` stands for the file in errors. No conf.d is read.
LoadResult load_text(std::string_view text, const std::string& name);

/// The names of daemon settings that differ: they need a restart.
std::vector<std::string> restart_needed(const Configuration& running, const Configuration& next);

/// The documented sample: every setting with its default and meaning, as comments.
std::string sample();
/// The settings as the body of a manual page (troff -man).
std::string manual();

}  // namespace gatepost::config
