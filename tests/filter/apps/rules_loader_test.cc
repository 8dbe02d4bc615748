// From rule files and a configuration to a policy: what the daemon's start and reload rest on.

#include "filter/apps/rules_loader.h"

#include <fstream>

#include <gtest/gtest.h>

#include "rules/rule_set.h"
#include "rules/settings.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost {
namespace {

class RulesLoader : public testing::Test {
 protected:
  RulesLoader() : folder_("loader") {
    configuration_.rules.files = {folder_ / "rules.cf"};
    configuration_.rules.cache_directory = folder_ / "cache";
    configuration_.policy = std::make_shared<Policy>();
  }

  LoadedRules load(const std::string& text, rules::Missing missing) {
    std::ofstream(folder_ / "rules.cf") << text;
    CompileRulesOptions how;
    how.in_child = false;
    how.missing = missing;
    return compile_rules(configuration_, read_rules(configuration_), how);
  }
  LoadedRules compiled(const std::string& text) { return load(text, rules::Missing::compile); }
  LoadedRules left(const std::string& text) { return load(text, rules::Missing::leave); }
  static std::string errors(const LoadedRules& loaded) {
    std::string out;
    for (const Error& error : loaded.errors) out += error.text() + "\n";
    return out;
  }

  test::TempFolder folder_;
  config::Configuration configuration_;
};

constexpr const char* kGood =
    "body A /(?<!not )buy/\nbody B /w.{0,90}x/\ntest A ok please buy\ntest A fail do not buy\n";

TEST_F(RulesLoader, WhatIsNotCompiledYetIsCheckedAndLeft) {
  const LoadedRules first = left(kGood);
  ASSERT_TRUE(first.policy) << errors(first);
  EXPECT_EQ(first.waiting, 2U);
  EXPECT_EQ(first.rules, 2U);
  EXPECT_EQ(first.tests, 2U) << "a red one would have refused the start";
  EXPECT_EQ(first.policy->rules, nullptr);
  EXPECT_EQ(first.policy->rules_missing, RulesMissing::compiling);

  const LoadedRules second = compiled(kGood);
  ASSERT_TRUE(second.policy) << errors(second);
  EXPECT_EQ(second.waiting, 0U);
  ASSERT_TRUE(second.policy->rules);
  EXPECT_EQ(second.policy->rules_missing, RulesMissing::no);

  const LoadedRules third = left(kGood);
  ASSERT_TRUE(third.policy) << errors(third);
  EXPECT_EQ(third.waiting, 0U) << "all of it is in the cache";
  ASSERT_TRUE(third.policy->rules);
  EXPECT_EQ(third.policy->rules->hash(), second.policy->rules->hash());
}

TEST_F(RulesLoader, EveryFaultIsFoundWithoutCompiling) {
  struct Case {
    const char* text;
    const char* error;
  };
  constexpr Case kCases[] = {
      {"body A /a(/\n", "rules.cf:1:"},
      {"meta A B &&\n", "rules.cf:1:"},
      {"bodyy A /a/\n", "did you mean 'body'"},
      {"body A /a/\ntest A ok b\n", "A does not hit 'b', expected a hit"},
      {"body A /a/\nhelo B name =~ /x/\ntest B fail x\n", "B hits 'x', expected a miss"},
  };
  for (const Case& c : kCases) {
    const LoadedRules refused = left(c.text);
    EXPECT_FALSE(refused.policy) << c.text;
    EXPECT_NE(errors(refused).find(c.error), std::string::npos) << c.text << errors(refused);
    EXPECT_EQ(errors(refused), errors(compiled(c.text))) << "the same as when they are compiled";
  }
}

TEST_F(RulesLoader, WhatPcre2DoesNotFinishIsDecidedWhenCompiled) {
  const std::string text = "body A /(x+x+)+y/\ntest A fail " + std::string(60, 'x') + " xxy\n";
  const LoadedRules first = left(text);
  EXPECT_TRUE(first.policy) << errors(first);
  EXPECT_FALSE(compiled(text).policy);
  const std::string hit = "body A /(x+x+)+y/\ntest A ok " + std::string(60, 'x') + " xxy\n";
  const LoadedRules undecided = left(hit);
  EXPECT_TRUE(undecided.policy) << errors(undecided);
  EXPECT_TRUE(compiled(hit).policy);
}

TEST_F(RulesLoader, GreenTestLinesAreRunOnceForASet) {
  EXPECT_EQ(compiled(kGood).tests, 2U);
  EXPECT_EQ(compiled(kGood).tests, 0U);
  EXPECT_EQ(left(kGood).tests, 0U);
  const std::string line = std::string(kGood) + "test B ok wx\n";
  EXPECT_EQ(left(line).tests, 3U) << "another line";
  EXPECT_EQ(left(line).tests, 0U) << "its patterns were compiled already";
  const std::string more = std::string(kGood) + "body C /c/\ntest C ok c\n";
  EXPECT_EQ(left(more).tests, 3U);
  EXPECT_EQ(left(more).tests, 3U) << "what PCRE2 says alone is not kept";
  EXPECT_EQ(compiled(more).tests, 3U);
  EXPECT_EQ(compiled(more).tests + left(more).tests, 0U);
  const std::string other = std::string(kGood) + "score A 2\n";
  EXPECT_EQ(compiled(other).tests, 2U) << "another set";
  const std::string red = std::string(kGood) + "test B ok nothing\n";
  EXPECT_EQ(compiled(red).tests, 3U);
  EXPECT_EQ(compiled(red).tests, 3U) << "a red one is never taken for green";
  configuration_.rules.cache_directory = folder_ / "another";
  EXPECT_EQ(compiled(kGood).tests, 2U) << "another cache";
}

TEST_F(RulesLoader, TrustedRelaysAreNetworksOfTheRules) {
  const auto networks = [&](const std::string& text) {
    const LoadedRules loaded = compiled(text + "body A /a/\n");
    EXPECT_TRUE(loaded.policy) << errors(loaded);
    return loaded.policy->rules->settings().networks;
  };
  EXPECT_TRUE(networks("").configured.empty());
  auto policy = std::make_shared<Policy>();
  policy->trusted_relays = *MatchList::parse({"192.0.2.9", "2001:db8::/32", "mx2.example"});
  configuration_.policy = policy;
  const rules::NetworkList list = networks("trusted_networks 10.0.0.0/8\n").configured;
  EXPECT_TRUE(list.contains(*IpAddress::parse("192.0.2.9")));
  EXPECT_TRUE(list.contains(*IpAddress::parse("2001:db8::7")));
  EXPECT_FALSE(list.contains(*IpAddress::parse("192.0.2.10")));
  EXPECT_FALSE(list.contains(*IpAddress::parse("10.0.0.1"))) << "that is the rule file's own";
  EXPECT_EQ(list.entries().size(), 2U) << "names are for connections alone";
}

}  // namespace
}  // namespace gatepost
