// Every scenario file against every target it runs on: in process, over the wire, behind Postfix.

#include <gtest/gtest.h>

#include "tests/support/postfix/postfix_sandbox.h"
#include "tests/support/scenario/target.h"

namespace gatepost::test {
namespace {

struct Case {
  std::string run;
  std::filesystem::path file;
};

std::vector<Case> cases_of(const std::string& run) {
  std::vector<Case> cases;
  for (const auto& file : scenario_files()) {
    const auto scenario = read_scenario(file);
    // A file that cannot be read is a case too: it fails and says why.
    if (!scenario.ok() || scenario->runs.count(run) != 0) cases.push_back({run, file});
  }
  return cases;
}

class Scenarios : public testing::TestWithParam<Case> {};

Result<std::unique_ptr<Target>> make_target(const std::string& run, const Scenario& scenario,
                                            const std::filesystem::path& package) {
  if (run == "process") return make_process_target(scenario);
  if (run == "wire") return make_wire_target(scenario);
  return make_postfix_target(scenario, package);
}

TEST_P(Scenarios, Holds) {
  const auto scenario = read_scenario(GetParam().file);
  ASSERT_TRUE(scenario.ok()) << scenario.error().text();
  std::filesystem::path package;
  if (GetParam().run == "postfix") {
    const auto found = postfix_package();
    if (!found) GTEST_SKIP() << "no Postfix: " << found.error().text();
    package = *found;
  }
  const auto target = make_target(GetParam().run, *scenario, package);
  ASSERT_TRUE(target.ok()) << target.error().text();
  const auto result = run_scenario(*scenario, **target);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().text()) << "\nlog:\n"
                           << (result.ok() ? "" : (*target)->log());
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.file.stem().string();
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(InProcess, Scenarios, testing::ValuesIn(cases_of("process")), name_of);
INSTANTIATE_TEST_SUITE_P(OnTheWire, Scenarios, testing::ValuesIn(cases_of("wire")), name_of);
INSTANTIATE_TEST_SUITE_P(BehindPostfix, Scenarios, testing::ValuesIn(cases_of("postfix")), name_of);

}  // namespace
}  // namespace gatepost::test
