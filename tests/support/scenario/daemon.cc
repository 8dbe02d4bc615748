#include "tests/support/scenario/daemon.h"

#include <fstream>
#include <iterator>
#include <thread>

#include <unistd.h>

namespace gatepost::test {

Result<std::unique_ptr<DaemonUnderTest>> DaemonUnderTest::start(
    const Scenario& scenario, const std::vector<std::string>& extra_arguments) {
  std::unique_ptr<DaemonUnderTest> daemon(new DaemonUnderTest);
  const auto port = free_port();
  if (!port.ok()) return port.error();
  daemon->endpoint_ = Endpoint::loopback(*port);
  const auto& folder = daemon->folder_;
  // With an SOA at the root the zone answers for all names: none is asked of the dead server.
  std::ofstream(folder / "zone") << (scenario.dead_dns ? "" : ". IN SOA . . 1 1 1 1 60\n")
                                 << scenario.zone;
  std::ofstream(daemon->rules_file()) << scenario.rules;
  // Top-level keys of the scenario come first; the tables are ours.
  std::ofstream(daemon->config_file())
      << install_files(scenario, folder.path()) << "\n[log]\ntarget = \""
      << (folder / "log").string() << "\"\nformat = \"json\"\n[daemon]\ncontrol_socket = \""
      << daemon->control_socket() << "\"\nstate_directory = \"" << (folder / "state").string()
      << "\"\n[rules]\nstart = \"wait\"\nfiles = [\"" << daemon->rules_file() << "\"]\n";
  daemon->arguments_ = {GATEPOST_BINARY_DIR "/bin/gatepostd",
                        "-f",
                        "-c",
                        daemon->config_file(),
                        "-p",
                        daemon->endpoint_.milter_text(),
                        "--zone",
                        folder / "zone",
                        "--nameserver",
                        daemon->dead_.address()};
  daemon->arguments_.insert(daemon->arguments_.end(), extra_arguments.begin(),
                            extra_arguments.end());
  if (const auto started = daemon->restart(); !started.ok()) return started.error();
  return daemon;
}

Result<void> DaemonUnderTest::restart() {
  process_.reset();
  auto process = BackgroundProcess::start(arguments_, {.errors_path = folder_ / "errors"});
  if (!process.ok()) return process.error();
  process_.emplace(std::move(*process));
  for (int tries = 0; tries < 500 && process_->running(); ++tries) {
    if (Stream::connect_to(endpoint_, Milliseconds(1000)).ok()) return {};
    std::this_thread::sleep_for(Milliseconds(20));
  }
  std::ifstream errors(folder_ / "errors");
  return temporary_error("gatepostd did not start: " +
                         std::string(std::istreambuf_iterator<char>(errors), {}) + log());
}

bool DaemonUnderTest::stored_since_last() {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& file :
       std::filesystem::directory_iterator(state() / "quarantine" / "messages", error))
    count += !file.path().filename().string().starts_with('.');
  return count > std::exchange(stored_, count);
}

std::string DaemonUnderTest::log() const {
  std::ifstream in(folder_ / "log");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace gatepost::test
