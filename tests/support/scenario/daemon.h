#pragma once
// A gatepostd of our own with the zone and configuration of a scenario.

#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "tests/support/scenario/dead_server.h"
#include "tests/support/scenario/scenario.h"
#include "tests/support/system/process.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::test {

/// Started with its socket open; ended by the destructor. One thread.
class DaemonUnderTest {
 public:
  /// @param extra_arguments  flags besides those for configuration, zone and socket
  static Result<std::unique_ptr<DaemonUnderTest>> start(
      const Scenario& scenario, const std::vector<std::string>& extra_arguments = {});

  const Endpoint& endpoint() const { return endpoint_; }
  /// The records as JSON lines and the daemon's other lines.
  std::string log() const;
  std::string config_file() const { return folder_ / "gatepost.toml"; }
  /// The content rules of the scenario; all that rules.files names.
  std::string rules_file() const { return folder_ / "rules.cf"; }
  std::string control_socket() const { return folder_ / "control.sock"; }
  /// Where its state is.
  std::filesystem::path state() const { return folder_ / "state"; }
  /// Whether its quarantine has more messages than at the last call.
  bool stored_since_last();
  BackgroundProcess& process() { return *process_; }
  /// Starts it again on the same socket after it ended.
  Result<void> restart();

 private:
  DaemonUnderTest() : folder_("daemon") {}

  TempFolder folder_;
  DeadServer dead_;
  Endpoint endpoint_;
  std::vector<std::string> arguments_;
  std::size_t stored_ = 0;
  std::optional<BackgroundProcess> process_;
};

}  // namespace gatepost::test
