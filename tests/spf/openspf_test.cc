// The OpenSPF suites: one case of GoogleTest for each of theirs. The explanation is compared when
// a case gives one; DEFAULT means that the domain gave none. No case of the 203 contradicts RFC
// 7208; v-macro-ip6 fixes a letter case (upper, for nibbles) that the RFC leaves free.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/spf/openspf_suite.h"

namespace gatepost::spf::test {
namespace {

void expect_results(const SuiteCase& c, const std::vector<std::string>& results, bool explained) {
  for (const bool prefetch : {true, false}) {
    Request request = c.request;
    request.prefetch = prefetch;
    const CheckRun run = check(*c.zone, request);
    ASSERT_TRUE(run.finished);
    EXPECT_TRUE(run.contract_kept);
    EXPECT_NE(std::find(results.begin(), results.end(), to_string(run.outcome.code)), results.end())
        << "got " << to_string(run.outcome.code) << ", " << run.outcome.reason;
    if (explained) {
      EXPECT_EQ(run.outcome.explanation, c.explanation);
    }
  }
}

class OpenSpf7208 : public testing::TestWithParam<SuiteCase> {};

TEST_P(OpenSpf7208, Agrees) {
  expect_results(GetParam(), GetParam().results, GetParam().has_explanation);
}

INSTANTIATE_TEST_SUITE_P(Suite, OpenSpf7208, testing::ValuesIn(load_suite("rfc7208-tests.yml")),
                         [](const auto& suite) { return test_name(suite.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OpenSpf7208);

TEST(OpenSpfSuite, IsThereAsAWhole) {
  const auto cases = load_suite("rfc7208-tests.yml");
  if (cases.empty()) GTEST_SKIP() << "shared conformance/spf/openspf is not there";
  EXPECT_EQ(cases.size(), 203U);
  EXPECT_EQ(load_suite("rfc4408-tests.yml").size(), 191U);
}

/// Where RFC 4408 left a choice, which its suite allows, and RFC 7208 left none. No case of the old
/// suite forbids what RFC 7208 wants.
struct Difference {
  const char* name;
  const char* section;  ///< of RFC 7208
  const char* result;
};

constexpr Difference kDifferences[] = {
    // Type SPF is gone: TXT alone decides.
    {"txtonly", "4.4", "fail"},
    {"spfonly", "4.4", "none"},
    {"spftimeout", "4.4", "fail"},
    {"txttimeout", "4.4", "temperror"},
    {"nospftxttimeout", "4.4", "temperror"},
    {"spfoverride", "4.4", "fail"},
    {"multitxt1", "4.5", "permerror"},
    {"multispf2", "4.4", "pass"},
    // A DNS error is a temperror, not a miss.
    {"exists-dnserr", "5", "temperror"},
    // A mapped address is IPv4 and matches no ip6.
    {"cidr6-0-ip4", "5", "neutral"},
    {"cidr6-ip4", "5", "neutral"},
    {"mx-limit", "4.6.4", "permerror"},
};

class OpenSpf4408 : public testing::TestWithParam<SuiteCase> {};

TEST_P(OpenSpf4408, AgreesOrDiffersAsRfc7208Says) {
  const SuiteCase& c = GetParam();
  for (const Difference& difference : kDifferences) {
    if (c.name != difference.name) continue;
    EXPECT_NE(std::find(c.results.begin(), c.results.end(), difference.result), c.results.end());
    expect_results(c, {difference.result}, c.has_explanation);
    return;
  }
  expect_results(c, c.results, c.has_explanation);
}

TEST(OpenSpf4408Suite, EveryDifferenceNamesACase) {
  const auto cases = load_suite("rfc4408-tests.yml");
  if (cases.empty()) GTEST_SKIP() << "shared conformance/spf/openspf is not there";
  for (const Difference& difference : kDifferences) {
    EXPECT_TRUE(std::any_of(cases.begin(), cases.end(),
                            [&](const SuiteCase& c) { return c.name == difference.name; }))
        << difference.name << ", RFC 7208 section " << difference.section;
  }
}

INSTANTIATE_TEST_SUITE_P(Suite, OpenSpf4408, testing::ValuesIn(load_suite("rfc4408-tests.yml")),
                         [](const auto& suite) { return test_name(suite.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OpenSpf4408);

}  // namespace
}  // namespace gatepost::spf::test
