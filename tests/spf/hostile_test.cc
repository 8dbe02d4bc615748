// Records that are meant to hurt: each has a result and a reason within a known budget.

#include <chrono>
#include <cstdint>
#include <random>
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

/// A tree of includes and redirects with other terms among them, from a seed.
class Tree {
 public:
  explicit Tree(std::uint32_t seed) : random_(seed) {}

  Zone make() {
    Zone zone;
    constexpr int kDomains = 12;
    for (int i = 0; i < kDomains; ++i) {
      std::string record = "v=spf1";
      const int terms = 1 + number(14);
      for (int t = 0; t < terms; ++t) record += " " + term(number(kDomains));
      if (number(3) == 0) record += " redirect=" + name(number(kDomains));
      if (number(2) == 0) record += " ?all";
      zone.txt(name(i), record);
      for (int m = number(12); m > 0; --m) {
        zone.mx(name(i), numbered("x", m, "." + name(i)));
        if (number(3) != 0) zone.address(numbered("x", m, "." + name(i)), "203.0.113.9");
      }
      if (number(2) == 0) zone.address(name(i), "203.0.113.7");
      zone.ptr("1.2.0.192.in-addr.arpa", name(i));
    }
    return zone;
  }
  static std::string name(int i) {
    return i == 0 ? "example.com" : "d" + std::to_string(i) + ".example";
  }

 private:
  int number(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  static std::string numbered(const char* before, int i, const std::string& behind) {
    return before + std::to_string(i) + behind;
  }
  std::string term(int target) {
    switch (number(8)) {
      case 0:
        return "a:" + name(target);
      case 1:
        return "mx:" + name(target);
      case 2:
        return "exists:%{i}." + name(target);
      case 3:
        return "ptr:" + name(target);
      case 4:
        return "ip4:198.51.100.0/24";
      default:
        return "include:" + name(target);
    }
  }
  std::mt19937 random_;
};

TEST(Hostile, AnyTreeOfIncludesCostsTenTermsAndBoundedQuestions) {
  int limited = 0;
  for (std::uint32_t seed = 1; seed <= 2000; ++seed) {
    const Outcome outcome =
        check_bounded(Tree(seed).make(), request_for("192.0.2.1", "example.com"));
    EXPECT_LE(outcome.lookups, 10) << seed;
    EXPECT_LE(outcome.void_lookups, 3) << seed;
    if (outcome.code == ResultCode::permerror) {
      EXPECT_FALSE(outcome.reason.empty()) << seed;
      ++limited;
    }
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(limited, 200) << "the trees reach the limits";
}

TEST(Hostile, TenKilobytesOfNetworksAreRight) {
  std::string record = "v=spf1";
  for (int i = 0; i < 500; ++i)
    record += " ip4:10.10" + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".128/25";
  record += " -all";
  ASSERT_GT(record.size(), 10'000U);
  Zone zone;
  zone.txt("example.com", record);
  const auto result = [&](const char* client) {
    return check_bounded(zone, request_for(client, "example.com"));
  };
  for (const char* inside : {"10.100.0.128", "10.100.0.255", "10.101.249.128", "10.101.249.255"}) {
    EXPECT_EQ(result(inside).code, ResultCode::pass) << inside;
  }
  for (const char* outside : {"10.100.0.127", "10.101.249.127", "10.101.250.128", "10.102.0.128"}) {
    EXPECT_EQ(result(outside).code, ResultCode::fail) << outside;
  }
  EXPECT_EQ(result("10.101.249.200").mechanism, "ip4:10.101.249.128/25") << "the last one counts";
}

struct BadCase {
  const char* name;
  std::string record;
  ResultCode code;
};

TEST(Hostile, BadRecordsHaveAResultAndAReason) {
  const BadCase cases[] = {
      {"nul", std::string("v=spf1 a\0:x.example -all", 24), ResultCode::permerror},
      {"nul_behind_the_version", std::string("v=spf1\0 -all", 12), ResultCode::none},
      {"latin1", "v=spf1 a:caf\xe9.example -all", ResultCode::permerror},
      {"utf8", "v=spf1 a:caf\xc3\xa9.example -all", ResultCode::permerror},
      {"64_kb_of_one_term", "v=spf1 a:" + std::string(65526, 'x'), ResultCode::permerror},
      {"self_include", "v=spf1 include:example.com -all", ResultCode::permerror},
      {"self_redirect", "v=spf1 redirect=example.com", ResultCode::permerror},
  };
  for (const auto& c : cases) {
    const Outcome outcome = check_record(c.record);
    EXPECT_EQ(outcome.code, c.code) << c.name;
    EXPECT_FALSE(outcome.reason.empty()) << c.name;
    EXPECT_LT(outcome.reason.size(), 400U) << c.name;
    for (const char octet : outcome.reason) EXPECT_TRUE(octet >= ' ' && octet < 127) << c.name;
  }
}

}  // namespace
}  // namespace gatepost::spf::test
