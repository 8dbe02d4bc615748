// Every scenario file against every target it runs on: in process, over the wire, behind Postfix
// and behind Sendmail.

#include <gtest/gtest.h>

#include "tests/support/postfix/postfix_sandbox.h"
#include "tests/support/scenario/target.h"
#include "tests/support/sendmail/private_network.h"
#include "tests/support/sendmail/sendmail_sandbox.h"

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

/// What a target needs of the machine; an Error of these is a reason to skip.
struct Surroundings {
  std::filesystem::path package;
  std::unique_ptr<PrivateNetwork> network;
};

Result<Surroundings> surroundings(const std::string& run) {
  Surroundings found;
  if (run != "postfix" && run != "sendmail") return found;
  const auto package = run == "postfix" ? postfix_package() : sendmail_package();
  if (!package) return package.error();
  found.package = *package;
  if (run == "sendmail") {
    auto network = PrivateNetwork::enter();
    if (!network) return network.error();
    found.network = std::move(*network);
  }
  return found;
}

Result<std::unique_ptr<Target>> make_target(const std::string& run, const Scenario& scenario,
                                            const Surroundings& around) {
  if (run == "process") return make_process_target(scenario);
  if (run == "wire") return make_wire_target(scenario);
  if (run == "postfix") return make_postfix_target(scenario, around.package);
  return make_sendmail_target(scenario, around.package, *around.network);
}

TEST_P(Scenarios, Holds) {
  const auto scenario = read_scenario(GetParam().file);
  ASSERT_TRUE(scenario.ok()) << scenario.error().text();
  const auto around = surroundings(GetParam().run);
  if (!around) GTEST_SKIP() << "no " << GetParam().run << ": " << around.error().text();
  const auto target = make_target(GetParam().run, *scenario, *around);
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
INSTANTIATE_TEST_SUITE_P(BehindSendmail, Scenarios, testing::ValuesIn(cases_of("sendmail")),
                         name_of);

}  // namespace
}  // namespace gatepost::test
