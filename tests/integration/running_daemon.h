#pragma once
// What tests of the running daemon do with it: send, ask, look at its processes and records.

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "filter/control/control.h"
#include "tests/support/milter/client.h"
#include "tests/support/milter/transaction.h"
#include "tests/support/scenario/daemon.h"
#include "tests/support/scenario/daemon_client.h"

namespace gatepost::test {

inline nlohmann::json ask(const DaemonUnderTest& daemon, const std::string& command) {
  const auto answer =
      control::ask(daemon.control_socket(), nlohmann::json{{"command", command}}.dump());
  EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().text());
  return answer.ok() ? nlohmann::json::parse(*answer) : nlohmann::json();
}

/// Until it is so; false after a time that is long for any machine.
inline bool becomes(const std::function<bool()>& so) {
  for (int tries = 0; tries < 3000; ++tries) {
    if (so()) return true;
    std::this_thread::sleep_for(Milliseconds(10));
  }
  return false;
}

/// The records of the log, in its order.
inline std::vector<nlohmann::json> records_of(const DaemonUnderTest& daemon) {
  std::vector<nlohmann::json> out;
  std::istringstream lines(daemon.log());
  for (std::string line; std::getline(lines, line);) {
    auto record =
        nlohmann::json::parse(line.substr(std::min(line.find('{'), line.size())), nullptr, false);
    if (record.is_object() && record.contains("rules_hash")) out.push_back(std::move(record));
  }
  return out;
}

/// A child of the daemon that compiles rules; 0 when there is none.
inline pid_t compiling_child(DaemonUnderTest& daemon) {
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(
           "/proc/" + std::to_string(daemon.process().id()) + "/task", error)) {
    std::ifstream children(task.path() / "children");
    if (pid_t child = 0; children >> child) return child;
  }
  return 0;
}

/// By SIGSTOP.
inline bool is_stopped(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  std::string stat;
  std::getline(in, stat);
  const std::size_t end = stat.rfind(')');
  return end != std::string::npos && stat.compare(end, 3, ") T") == 0;
}

/// Rules that take the compiler a while, and hit nothing.
inline std::string heavy_rules() {
  std::string rules;
  for (int i = 0; i < 250; ++i) {
    const std::string n = std::to_string(i);
    rules += "body HEAVY_" + n + " /w" + n + ".{0,200}x" + n + "[a-z]{1,90}y/\n";
  }
  return rules;
}

}  // namespace gatepost::test
