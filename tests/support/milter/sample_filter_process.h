#pragma once
// Runs the sample filter (sample_filter.cc) for a test.

#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/system/process.h"
#include "tests/support/system/socket.h"

namespace gatepost::test::milter {

/// Listens when start() returns; ended by the destructor. Movable.
class SampleFilterProcess {
 public:
  /// On an ephemeral port of 127.0.0.1. `options` as the program's usage says.
  static Result<SampleFilterProcess> start(const std::vector<std::string>& options = {});
  static Result<SampleFilterProcess> start_on(const Endpoint& endpoint,
                                              const std::vector<std::string>& options = {});

  const Endpoint& endpoint() const { return endpoint_; }
  BackgroundProcess& process() { return process_; }

 private:
  SampleFilterProcess(BackgroundProcess process, Endpoint endpoint)
      : process_(std::move(process)), endpoint_(std::move(endpoint)) {}
  BackgroundProcess process_;
  Endpoint endpoint_;
};

}  // namespace gatepost::test::milter
