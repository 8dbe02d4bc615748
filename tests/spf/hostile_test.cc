// Records that are meant to hurt: each has a result and a reason within a known budget.

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/spf/zone.h"

namespace gatepost::spf::test {
namespace {

constexpr std::size_t kQuestionBudget = 160;
constexpr int kStepBudget = 40;

std::string numbered(const char* before, int number, const char* behind) {
  return before + std::to_string(number) + behind;
}

/// The same outcome with and without asking ahead, within the budgets.
Outcome check_bounded(const Zone& zone, const Request& request) {
  Request without = request;
  without.prefetch = false;
  const CheckRun run = check(zone, request);
  const CheckRun plain = check(zone, without);
  for (const CheckRun* each : {&run, &plain}) {
    EXPECT_TRUE(each->finished);
    EXPECT_TRUE(each->contract_kept);
    EXPECT_LE(each->asked.size(), kQuestionBudget);
    EXPECT_LE(each->steps, kStepBudget);
  }
  EXPECT_EQ(run.outcome, plain.outcome);
  EXPECT_LE(run.outcome.lookups, request.limits.lookup_terms);
  return run.outcome;
}

Outcome check_record(const std::string& record) {
  Zone zone;
  zone.txt("example.com", record);
  return check_bounded(zone, request_for("192.0.2.1", "example.com"));
}

TEST(Hostile, IncludesThatBranchCostTenTerms) {
  Zone zone;  // each record includes ten more, three levels deep: a thousand leaves
  const auto includes = [](const std::string& below) {
    std::string record = "v=spf1";
    for (int i = 0; i < 10; ++i) record += " include:n" + std::to_string(i) + below;
    return record + " ?all";
  };
  zone.txt("example.com", includes(".example.com"));
  for (int i = 0; i < 10; ++i) {
    const std::string one = numbered(".n", i, ".example.com");
    zone.txt(one.substr(1), includes(one));
    for (int j = 0; j < 10; ++j)
      zone.txt("n" + std::to_string(j) + one, includes("." + std::to_string(j) + one));
  }
  const Outcome outcome = check_bounded(zone, request_for("192.0.2.1", "example.com"));
  EXPECT_EQ(outcome.code, ResultCode::permerror);
  EXPECT_FALSE(outcome.reason.empty());
}

TEST(Hostile, ManyExchangesOfManyTermsStayBounded) {
  Zone zone;
  std::string record = "v=spf1";
  for (int i = 0; i < 10; ++i) {
    const std::string name = numbered("m", i, ".example");
    record += " mx:" + name;
    for (int j = 0; j < 10; ++j) {
      const std::string exchange = "x" + std::to_string(j) + "." + name;
      zone.mx(name, exchange);
      zone.address(exchange, "203.0.113.1");
    }
  }
  zone.txt("example.com", record + " -all");
  const Outcome outcome = check_bounded(zone, request_for("192.0.2.1", "example.com"));
  EXPECT_EQ(outcome.code, ResultCode::fail);
  EXPECT_EQ(outcome.lookups, 10);
}

TEST(Hostile, ElevenExchangesArePermerrorRfc7208Section464) {
  Zone zone;
  zone.txt("example.com", "v=spf1 mx +all");
  for (int i = 0; i < 11; ++i) zone.mx("example.com", numbered("x", i, ".example"));
  const Outcome outcome = check_bounded(zone, request_for("192.0.2.1", "example.com"));
  EXPECT_EQ(outcome.code, ResultCode::permerror);
  EXPECT_EQ(outcome.reason, "mx: more than 10 MX records");
}

TEST(Hostile, PtrNamesBeyondTheTenthAreIgnoredRfc7208Section464) {
  Zone zone;
  zone.txt("example.com", "v=spf1 ptr:good.example -all");
  for (int i = 0; i < 3000; ++i)
    zone.ptr("1.2.0.192.in-addr.arpa", numbered("x", i, ".bad.example"));
  zone.ptr("1.2.0.192.in-addr.arpa", "good.example");
  zone.address("good.example", "192.0.2.1");
  EXPECT_EQ(check_bounded(zone, request_for("192.0.2.1", "example.com")).code, ResultCode::fail);
}

struct LoopCase {
  const char* name;
  const char* record;        ///< of example.com
  const char* other_record;  ///< of other.example
};

constexpr LoopCase kLoops[] = {
    {"self_include", "v=spf1 include:example.com -all", nullptr},
    {"self_include_by_macro", "v=spf1 include:%{d} -all", nullptr},
    {"self_redirect", "v=spf1 redirect=example.com", nullptr},
    {"mutual_redirect", "v=spf1 redirect=other.example", "v=spf1 redirect=example.com"},
    {"mutual_include", "v=spf1 include:other.example", "v=spf1 include:example.com"},
    {"include_and_redirect", "v=spf1 include:other.example -all", "v=spf1 redirect=example.com"},
};

TEST(Hostile, LoopsEndAtTheLimit) {
  for (const auto& c : kLoops) {
    Zone zone;
    zone.txt("example.com", c.record);
    if (c.other_record != nullptr) zone.txt("other.example", c.other_record);
    const Outcome outcome = check_bounded(zone, request_for("192.0.2.1", "example.com"));
    EXPECT_EQ(outcome.code, ResultCode::permerror) << c.name;
    EXPECT_EQ(outcome.lookups, 10) << c.name;
    EXPECT_NE(outcome.reason.find("more than 10 terms that need DNS lookups"), std::string::npos)
        << c.name;
  }
}

TEST(Hostile, LimitsAreClampedToAHundredTerms) {
  Zone zone;
  zone.txt("example.com", "v=spf1 include:example.com");
  Request request = request_for("192.0.2.1", "example.com");
  request.limits.lookup_terms = 1'000'000;
  EXPECT_EQ(check(zone, request).outcome.lookups, 100);
}

TEST(Hostile, OctetsAndSizes) {
  const std::string nul("v=spf1 a\0:x.example -all", 24);
  EXPECT_EQ(check_record(nul).code, ResultCode::permerror);
  EXPECT_EQ(check_record("v=spf1 \xff\xfe -all").code, ResultCode::permerror);
  EXPECT_EQ(check_record("v=spf1 " + std::string(65536, ' ')).code, ResultCode::neutral);
  EXPECT_EQ(check_record("v=spf1 " + std::string(65536, 'a')).code, ResultCode::permerror);
  EXPECT_EQ(check_record("v=spf1 a:" + std::string(65535, '%')).code, ResultCode::permerror);
  EXPECT_EQ(check_record("v=spf1 a:%{" + std::string(65536, '9')).code, ResultCode::permerror);
  const Outcome outcome = check_record("v=spf1 moo" + std::string(65536, 'o') + "\x1b[31m");
  EXPECT_EQ(outcome.code, ResultCode::permerror);
  EXPECT_LT(outcome.reason.size(), 300U);
}

TEST(Hostile, TwoThousandTextsAtOneName) {
  Zone zone;
  for (int i = 0; i < 2000; ++i) zone.txt("example.com", numbered("v=spf1", i, " -all"));
  EXPECT_EQ(check_bounded(zone, request_for("192.0.2.1", "example.com")).code, ResultCode::none);
  zone.txt("example.com", "v=spf1 -all");
  EXPECT_EQ(check_bounded(zone, request_for("192.0.2.1", "example.com")).code, ResultCode::fail);
}

TEST(Hostile, MacrosOfALongSpecWithALongSenderCostLittle) {
  Zone zone;
  std::string macros;
  while (macros.size() < 60000) macros += "%{s}.%{l9r.-}.";
  zone.txt("example.com", "v=spf1 exists:" + macros + "%{d} -all exp=why.example");
  zone.txt("why.example", macros);
  Request request = request_for("192.0.2.1", "example.com");
  request.mail_from = std::string(1024, 'x') + "@example.com";
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = check_bounded(zone, request);
  EXPECT_EQ(outcome.code, ResultCode::fail);
  EXPECT_EQ(outcome.explanation, "");  // it would be longer than allowed
  // A hang would take minutes; a sanitizer on a busy machine may take a second.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(Hostile, TracesAreBounded) {
  std::string record = "v=spf1";
  for (int i = 0; i < 5000; ++i) record += " ip4:10.0.0.1";
  Zone zone;
  zone.txt("example.com", record);
  Request request = request_for("192.0.2.1", "example.com");
  request.trace = true;
  EXPECT_EQ(check(zone, request).outcome.trace.size(), 1000U);
}

TEST(Hostile, HelloOfAnyOctetsOnlyMisses) {
  Zone zone;
  zone.txt("example.com", "v=spf1 a:%{h} exists:%{h}.x.example -all");
  for (const std::string& helo :
       {std::string(), std::string(100000, 'h'), std::string("a\0b", 3), std::string("\xff\xfe"),
        std::string("...."), std::string("a b\r\nc")}) {
    Request request = request_for("192.0.2.1", "example.com");
    request.helo = helo;
    EXPECT_EQ(check_bounded(zone, request).code, ResultCode::fail);
  }
}

}  // namespace
}  // namespace gatepost::spf::test
