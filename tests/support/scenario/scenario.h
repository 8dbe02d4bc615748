#pragma once
// Scenario files: an SMTP session and what must come of it. The format is in
// tests/scenarios/README.md.

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace gatepost::test {

/// What a step must be answered with.
struct Expectation {
  int code = 250;        ///< 250 is any positive reply
  std::string enhanced;  ///< empty: any
  bool held = false;     ///< accepted into the MTA's quarantine
  bool stored = false;   ///< accepted into ours
};

struct Step {
  std::string verb;  ///< "connect", "mail", "message", "header", …
  std::vector<std::string>
      arguments;        ///< blanks separate them; the last of an assertion is the rest
  std::string message;  ///< verb "message": LF lines
  Expectation expected;
  std::string place;  ///< file:line
};

struct Scenario {
  std::string name;
  std::set<std::string> runs;  ///< "process", "wire", "postfix", "sendmail"
  bool dead_dns = false;  ///< names outside of the zone are asked of a server that never answers
  std::string zone;       ///< a master file
  std::string config;     ///< TOML; $FILES is the folder of `files`
  std::map<std::string, std::string> files;  ///< private files (mode 0600) by name
  std::string rules;                         ///< a rule file; empty: no content rules
  std::vector<Step> steps;
};

/// @return the scenario, or a permanent Error with file:line.
Result<Scenario> read_scenario(const std::filesystem::path& file);
/// Writes the files of a scenario. @return its configuration, which names them in that folder.
std::string install_files(const Scenario& scenario, const std::filesystem::path& folder);
/// All files tests/scenarios/*.smtp, sorted.
std::vector<std::filesystem::path> scenario_files();

}  // namespace gatepost::test
