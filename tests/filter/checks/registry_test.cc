// The checks, the finding table and the setting disabled_checks speak of the same names.

#include <set>

#include "filter/config/configuration.h"
#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

TEST(Registry, ChecksCanBeOrdered) {
  const auto checks = all_checks();
  ASSERT_TRUE(checks.ok()) << checks.error().text();
  for (const CheckInfo& info : *checks) EXPECT_NE(info.make(), nullptr) << info.name;
}

TEST(Registry, EveryFindingIsStatedByACheckOrTheSession) {
  std::set<std::string_view> names = {"session"};
  for (const CheckInfo& info : program_checks()) names.insert(info.name);
  for (const FindingInfo& info : finding_table())
    EXPECT_EQ(names.count(info.check), 1U) << info.name << " of " << info.check;
}

TEST(Registry, EveryCheckMayBeDisabledByTheConfiguration) {
  for (const CheckInfo& info : program_checks()) {
    const auto loaded =
        config::load_text("disabled_checks = [\"" + std::string(info.name) + "\"]", "f");
    ASSERT_TRUE(loaded.ok()) << loaded.errors[0].text();
    EXPECT_FALSE(loaded.configuration.policy->enabled(info.name));
  }
}

// With any one check left out, a message still comes to its end.
TEST(Registry, NoCheckIsIndispensable) {
  for (const CheckInfo& off : program_checks()) {
    SessionRig rig(program_checks(), "_dmarc.sender.example. TXT \"v=DMARC1; p=none\"\n");
    rig.set_policy([&](Policy& p) { p.disabled_checks = {std::string(off.name)}; });
    const Verdict verdict = rig.send({});
    EXPECT_EQ(verdict.stage, Stage::end_of_message) << off.name;
    EXPECT_EQ(rig.findings().find("CHECK_ERROR"), std::string::npos)
        << off.name << ": " << findings_with_details(rig);
  }
}

}  // namespace
}  // namespace gatepost::test
