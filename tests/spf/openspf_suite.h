#pragma once
// The cases of the OpenSPF suites, read from the shared data.

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/spf/zone.h"

namespace gatepost::spf::test {

struct SuiteCase {
  std::string name;
  std::string section;  ///< of the RFC, as the suite has it
  std::string scenario;
  Request request;
  std::vector<std::string> results;  ///< any of them is right
  std::string explanation;
  bool has_explanation = false;
  std::shared_ptr<const Zone> zone;
};

/// The name with what GoogleTest allows in names.
std::string test_name(const SuiteCase& c);

std::ostream& operator<<(std::ostream& out, const SuiteCase& c);

/// `file` is "rfc7208-tests.yml" or "rfc4408-tests.yml". Empty when the data is not there.
std::vector<SuiteCase> load_suite(const char* file);

}  // namespace gatepost::spf::test
