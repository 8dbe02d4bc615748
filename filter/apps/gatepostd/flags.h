#pragma once
// What gatepostd's command line says, and the exit codes that service managers and scripts see.

#include <string>
#include <vector>

#include "core/base/result.h"
#include "filter/config/configuration.h"

namespace gatepost {

constexpr int kExitUsage = 64;
constexpr int kExitUnavailable = 69;
constexpr int kExitInternal = 70;
constexpr int kExitOs = 71;
constexpr int kExitConfig = 78;

struct Flags {
  std::string config_file;
  std::string socket;
  std::string pid_file;
  std::string user;
  std::vector<std::string> nameservers;
  std::vector<std::string> zones;
  bool foreground = false;
  bool check = false;
  bool syslog = false;

  /// Puts those that stand for settings in their place.
  void apply_to(config::Configuration& configuration) const;
};

/// To the terminal, for as long as there is one.
void complain(const Error& error);

}  // namespace gatepost
