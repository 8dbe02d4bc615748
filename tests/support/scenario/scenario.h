#pragma once
// Scenario files: an SMTP session and what must come of it. The format is in
// tests/scenarios/README.md.

#include <filesystem>
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
  std::string config;     ///< TOML
  std::vector<Step> steps;
};

/// @return the scenario, or a permanent Error with file:line.
Result<Scenario> read_scenario(const std::filesystem::path& file);
/// All files tests/scenarios/*.smtp, sorted.
std::vector<std::filesystem::path> scenario_files();

}  // namespace gatepost::test
