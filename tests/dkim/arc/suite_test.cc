// The ARC test suite of ValiMail: one case of GoogleTest for each of theirs. An empty cv means a
// chain that has ended: RFC 8617 section 5.2 step 2 calls that a failure.

#include <algorithm>
#include <fstream>
#include <iterator>

#include <yaml-cpp/yaml.h>

#include "core/base/text.h"
#include "dkim/header_hash.h"
#include "dkim/tag_list.h"
#include "tests/dkim/arc/arc_test.h"
#include "tests/support/shared_data.h"

namespace gatepost::arc::test {
namespace {

using gatepost::test::shared_data;

struct SuiteCase {
  std::string name;
  YAML::Node test;
  YAML::Node scenario;
};

std::ostream& operator<<(std::ostream& out, const SuiteCase& row) {
  return out << row.name << ": " << row.test["description"].as<std::string>("");
}

std::vector<SuiteCase> read_suite(const char* file) {
  std::vector<SuiteCase> cases;
  const auto path = shared_data(std::string("conformance/arc/valimail/") + file);
  if (!path) return cases;
  for (const YAML::Node& scenario : YAML::LoadAllFromFile(path->string())) {
    for (const auto& entry : scenario["tests"]) {
      auto name = entry.first.as<std::string>();
      // Four names stand twice, with different messages: readers of YAML that take the last one see
      // 171 cases.
      const bool again = std::any_of(cases.begin(), cases.end(),
                                     [&](const SuiteCase& c) { return c.name == name; });
      if (again) name += "_again";
      cases.push_back({std::move(name), entry.second, scenario});
    }
  }
  return cases;
}

Zone zone_of(const YAML::Node& scenario) {
  Zone zone;
  for (const auto& entry : scenario["txt-records"])
    zone[entry.first.as<std::string>()] = entry.second.as<std::string>();
  return zone;
}

std::string case_name(const testing::TestParamInfo<SuiteCase>& info) {
  return info.param.name;
}

class ArcValidation : public testing::TestWithParam<SuiteCase> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ArcValidation);

TEST_P(ArcValidation, AsTheSuiteSays) {
  const Message message = dkim::test::parse_message(GetParam().test["message"].as<std::string>());
  const std::string cv = to_lower(GetParam().test["cv"].as<std::string>());
  for (const std::size_t chunk : {7, 65535}) {
    const ChainResult chain = validate(message, zone_of(GetParam().scenario), {.chunk = chunk});
    EXPECT_EQ(to_string(chain.status), cv.empty() ? "fail" : cv) << summary(chain);
    EXPECT_EQ(chain.status == ChainStatus::fail, !chain.reason.empty());
    EXPECT_EQ(chain.status == ChainStatus::pass, chain.oldest_pass.has_value());
  }
}
INSTANTIATE_TEST_SUITE_P(Valimail, ArcValidation,
                         testing::ValuesIn(read_suite("arc-draft-validation-tests.yml")),
                         case_name);

/// Tag by tag, white space in base64 aside.
void expect_tags(const std::string& made, const std::string& wanted) {
  const auto mine = dkim::TagList::parse(made);
  const auto theirs = dkim::TagList::parse(wanted);
  ASSERT_TRUE(mine.ok() && theirs.ok());
  const auto bare = [](std::string_view value) {
    std::string out;
    for (const char c : value) {
      if (!is_wsp(c)) out += c;
    }
    return out;
  };
  for (const dkim::Tag& tag : theirs->tags()) {
    const dkim::Tag* found = mine->find(tag.name);
    ASSERT_NE(found, nullptr) << tag.name;
    EXPECT_EQ(bare(found->value), bare(tag.value)) << tag.name;
  }
  EXPECT_EQ(mine->tags().size(), theirs->tags().size());
}

class ArcSealing : public testing::TestWithParam<SuiteCase> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ArcSealing);

TEST_P(ArcSealing, TagByTag) {
  const YAML::Node& test = GetParam().test;
  const YAML::Node& scenario = GetParam().scenario;
  const Message message = dkim::test::parse_message(test["message"].as<std::string>());
  SealOptions options{scenario["domain"].as<std::string>(), scenario["sel"].as<std::string>(),
                      *dkim::PrivateKey::decode(scenario["privatekey"].as<std::string>())};
  options.oversigned = {};
  options.fold_signatures = false;
  options.headers.clear();
  const auto names = test["sig-headers"].as<std::string>();
  for (const std::string_view name : split(names, ':')) options.headers.emplace_back(name);
  const auto results = own_results(message.fields, test["srv-id"].as<std::string>());
  const ChainResult chain = validate(message, zone_of(scenario));
  // The suite puts what was found into the message: it must be what we find.
  for (const authres::AuthResult& result : results.results) {
    if (result.method != "arc") continue;
    EXPECT_EQ(result.result, to_string(chain.status));
  }
  auto sealer = Sealer::begin(message.fields, options, test["t"].as<std::int64_t>());
  ASSERT_TRUE(sealer.ok()) << sealer.error().text();
  sealer->body(message.body);
  const auto set = sealer->finish(chain, results);
  const std::string seal = test["AS"].as<std::string>();
  if (trim(seal).empty()) {
    ASSERT_FALSE(set.ok());
    EXPECT_EQ(set.error().text(), "the newest set says cv=fail already");
    return;
  }
  ASSERT_TRUE(set.ok()) << set.error().text();
  expect_tags(set->seal, seal);
  expect_tags(set->message_signature, test["AMS"].as<std::string>());
  const auto relaxed = [](const std::string& text) {
    return dkim::canonical_field(dkim::keep_field({"x", text}), dkim::Canonicalization::relaxed);
  };
  EXPECT_EQ(relaxed(set->authentication_results), relaxed(test["AAR"].as<std::string>()));
}
INSTANTIATE_TEST_SUITE_P(Valimail, ArcSealing,
                         testing::ValuesIn(read_suite("arc-draft-sign-tests.yml")), case_name);

TEST(ArcSuite, IsWhole) {
  if (!shared_data("conformance/arc/valimail")) GTEST_SKIP() << "no shared test data";
  EXPECT_EQ(read_suite("arc-draft-validation-tests.yml").size(), 171U + 4U);
  EXPECT_EQ(read_suite("arc-draft-sign-tests.yml").size(), 17U);
}

}  // namespace
}  // namespace gatepost::arc::test
