// The OpenSPF suites: one case of GoogleTest for each of theirs. The explanation is compared when
// a case gives one; DEFAULT means that the domain gave none. No case of the 203 contradicts RFC
// 7208; v-macro-ip6 fixes a letter case (upper, for nibbles) that the RFC leaves free.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "core/base/text.h"
#include "tests/spf/zone.h"
#include "tests/support/shared_data.h"

namespace gatepost::spf::test {
namespace {

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

std::ostream& operator<<(std::ostream& out, const SuiteCase& c) {
  return out << c.scenario << ": " << c.name << " (" << c.section << ")";
}

std::string joined(const YAML::Node& strings) {
  if (!strings.IsSequence()) return strings.as<std::string>("");
  std::string all;
  for (const auto& part : strings) all += part.as<std::string>();
  return all;
}

void add_entry(Zone& zone, const std::string& name, const YAML::Node& entry, bool has_txt) {
  if (entry.IsScalar()) {
    if (entry.as<std::string>() == "TIMEOUT") zone.timeout(name);
    return;
  }
  for (const auto& pair : entry) {
    const auto type = pair.first.as<std::string>();
    const YAML::Node& value = pair.second;
    if (type == "TXT") {
      if (value.IsScalar() && value.as<std::string>() == "NONE") continue;
      zone.txt(name, joined(value));
    } else if (type == "SPF") {
      // The suite's drivers publish type SPF as TXT where a name has no TXT of its own.
      if (!has_txt) zone.txt(name, joined(value));
    } else if (type == "A" || type == "AAAA") {
      zone.address(name, value.as<std::string>());
    } else if (type == "MX") {
      zone.mx(name, value[1].as<std::string>());
    } else if (type == "PTR") {
      zone.ptr(name, value.as<std::string>());
    } else if (type == "CNAME") {
      zone.cname(name, value.as<std::string>());
    } else {
      ADD_FAILURE() << "record type " << type << " at " << name;
    }
  }
}

std::shared_ptr<const Zone> load_zone(const YAML::Node& data) {
  auto zone = std::make_shared<Zone>();
  for (const auto& pair : data) {
    const auto name = pair.first.as<std::string>();
    zone->exists(name);
    const bool has_txt = std::any_of(pair.second.begin(), pair.second.end(), [](const auto& entry) {
      return entry.IsMap() && entry["TXT"].IsDefined();
    });
    for (const auto& entry : pair.second) add_entry(*zone, name, entry, has_txt);
  }
  return zone;
}

SuiteCase load_case(const std::string& name, const YAML::Node& data) {
  SuiteCase c;
  c.name = name;
  c.section = data["spec"].IsSequence() ? joined(data["spec"]) : data["spec"].as<std::string>("");
  c.request.client = IpAddress::parse(data["host"].as<std::string>()).value();
  c.request.helo = data["helo"].as<std::string>();
  c.request.mail_from = data["mailfrom"].as<std::string>("");
  c.request.receiver = "receiver.example.net";
  const YAML::Node result = data["result"];
  if (result.IsSequence()) {
    c.results = result.as<std::vector<std::string>>();
  } else {
    c.results = {result.as<std::string>()};
  }
  if (data["explanation"].IsDefined()) {
    c.has_explanation = true;
    c.explanation = data["explanation"].as<std::string>();
    if (c.explanation == "DEFAULT") c.explanation.clear();
  }
  return c;
}

/// Empty when the data is not there.
std::vector<SuiteCase> load_suite(const char* file) {
  std::vector<SuiteCase> cases;
  const auto path = gatepost::test::shared_data(std::string("conformance/spf/openspf/") + file);
  if (!path) return cases;
  for (const YAML::Node& scenario : YAML::LoadAllFromFile(path->string())) {
    if (!scenario.IsMap()) continue;
    const auto zone = load_zone(scenario["zonedata"]);
    for (const auto& pair : scenario["tests"]) {
      SuiteCase c = load_case(pair.first.as<std::string>(), pair.second);
      c.scenario = scenario["description"].as<std::string>("");
      c.zone = zone;
      cases.push_back(std::move(c));
    }
  }
  return cases;
}

std::string case_name(const testing::TestParamInfo<SuiteCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) c = is_alnum(c) ? c : '_';
  return name;
}

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
                         case_name);
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
                         case_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OpenSpf4408);

}  // namespace
}  // namespace gatepost::spf::test
