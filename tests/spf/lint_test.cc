// A row a rule of lint. Everything here is looked up in one small zone.

#include "spf/lint.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/spf/zone.h"

namespace gatepost::spf::test {
namespace {

Zone usual_zone() {
  Zone zone;
  zone.address("a.example", "192.0.2.1");
  zone.address("six.example", "2001:db8::1");
  zone.mx("mx.example", "a.example");
  zone.mx("deadmx.example", "nowhere.example");
  zone.mx("null.example", "");
  for (int i = 0; i < 11; ++i) zone.mx("many.example", "a.example");
  zone.txt("good.example", "v=spf1 ip4:192.0.2.1 -all");
  zone.txt("inner.example", "v=spf1 include:good.example a:a.example ~all");
  zone.txt("faulty.example", "v=spf1 moo -all");
  zone.txt("self.example", "v=spf1 include:self.example -all");
  zone.txt("twice.example", "v=spf1 -all");
  zone.txt("twice.example", "v=spf1 +all");
  zone.txt("near.example", "spf1 -all");
  zone.txt("why.example", "Not from %{i}");
  zone.txt("badwhy.example", "100 % sure");
  zone.timeout("slow.example");
  return zone;
}

LintReport lint(const Zone& zone, Lint flow) {
  Answers answers(kNow);
  int questions = 0;
  for (int steps = 0; steps < 40; ++steps) {
    auto next = flow.step(answers);
    if (auto* report = std::get_if<LintReport>(&next)) {
      EXPECT_LE(questions, 300);
      return std::move(*report);
    }
    for (const Question& question : std::get<1>(next)) {
      ++questions;
      const auto& query = std::get<dns::Query>(question);
      EXPECT_EQ(answers.find(query), nullptr);
      answers.add(query, std::make_shared<const dns::Answer>(zone.answer(query)));
    }
  }
  ADD_FAILURE() << "no end";
  return {};
}

/// "error:rule@column" for each fault.
std::vector<std::string> summary(const LintReport& report) {
  std::vector<std::string> out;
  for (const LintFault& fault : report.faults)
    out.push_back(std::string(to_string(fault.severity)) + ":" + fault.rule + "@" +
                  std::to_string(fault.column));
  return out;
}

struct Row {
  const char* name;
  const char* record;
  std::vector<std::string> faults;
  const char* said = "";  ///< a part of the first fault's text
  int lookups = 0;
  int voids = 0;
};

const Row kRows[] = {
    {"clean",
     "v=spf1 ip4:192.0.2.0/24 a:a.example mx:mx.example include:inner.example -all",
     {},
     "",
     5},
    {"not_a_record", "v=spf2 -all", {"error:syntax@1"}, "does not begin with v=spf1"},
    {"all_syntax_faults",
     "v=spf1 moo ip4:1.2.3 a:/33 a/33 -all",
     {"error:syntax@8", "error:syntax@12", "error:syntax@25", "error:syntax@30"},
     "unknown mechanism: moo"},
    {"octet", "v=spf1 a:\x80x -all", {"error:syntax@10"}, "outside printable US-ASCII"},
    {"misspelt_mechanism",
     "v=spf1 inlcude:good.example -all",
     {"error:syntax@8"},
     "did you mean 'include:'?"},
    {"ipv4", "v=spf1 ipv4:192.0.2.1 -all", {"error:syntax@8"}, "did you mean 'ip4:'?"},
    {"redirect_with_colon",
     "v=spf1 redirect:good.example -all",
     {"error:syntax@8"},
     "did you mean 'redirect='?"},
    {"mechanism_with_equals",
     "v=spf1 ip4=192.0.2.1 -all",
     {"warning:unknown-modifier@8"},
     "did you mean 'ip4:'?"},
    {"misspelt_modifier",
     "v=spf1 -all redirct=good.example",
     {"warning:unknown-modifier@13"},
     "did you mean 'redirect='?"},
    {"unknown_modifier",
     "v=spf1 -all moo=good.example",
     {"warning:unknown-modifier@13"},
     "unknown modifier, ignored"},
    {"modifier_twice",
     "v=spf1 -all exp=why.example exp=why.example",
     {"error:syntax@29"},
     "stands twice"},
    {"pass_all", "v=spf1 +all", {"warning:pass-all@8"}, "whole Internet"},
    {"implied_pass_all", "v=spf1 all", {"warning:pass-all@8"}},
    {"neutral_all", "v=spf1 ?all", {"warning:neutral-all@8"}},
    {"no_all", "v=spf1 ip4:192.0.2.1", {"warning:no-all@0"}},
    {"after_all",
     "v=spf1 -all ip4:192.0.2.1 a:a.example",
     {"warning:after-all@13", "warning:after-all@27"},
     "behind -all (column 8)"},
    {"redirect_and_all", "v=spf1 redirect=good.example -all", {"warning:redirect-and-all@8"}},
    {"redirect", "v=spf1 redirect=good.example", {}, "", 1},
    {"ptr", "v=spf1 ptr -all", {"warning:ptr@8"}, "section 5.5", 1},
    {"covered",
     "v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.7 -all",
     {"warning:covered@25"},
     "ip4:192.0.2.0/24 (column 8), it can go"},
    {"never_reached",
     "v=spf1 ip4:192.0.2.0/24 -ip4:192.0.2.7 -all",
     {"warning:covered@25"},
     "never reached"},
    {"overlap",
     "v=spf1 ip4:192.0.2.7 ip4:192.0.2.0/24 -all",
     {"warning:overlap@22"},
     "covers ip4:192.0.2.7 (column 8)"},
    {"exception_before_network", "v=spf1 -ip4:192.0.2.7 ip4:192.0.2.0/24 -all", {}},
    {"covered_ip6", "v=spf1 ip6:2001:db8::/32 ip6:2001:db8:1::/48 -all", {"warning:covered@26"}},
    {"host_bits", "v=spf1 ip4:192.0.2.7/24 -all", {"warning:host-bits@8"}, "means 192.0.2.0/24"},
    {"private", "v=spf1 ip4:10.0.0.0/8 -all", {"warning:private@8"}},
    {"mapped", "v=spf1 ip6:::ffff:192.0.2.1 -all", {"warning:mapped@8"}},
    {"whole_ip4", "v=spf1 ip4:192.0.2.1/0 -all", {"warning:whole-internet@8"}},
    {"whole_a", "v=spf1 a:a.example/0 -all", {"warning:whole-internet@8"}, "", 1},
    {"repeated", "v=spf1 a:a.example a:A.example -all", {"warning:repeated@20"}, "", 2},
    {"macro_is_not_asked", "v=spf1 exists:%{i}.nowhere.example -all", {}, "", 1},
    {"void", "v=spf1 a:nowhere.example -all", {"warning:void@8"}, "has no A or AAAA", 1, 1},
    {"ip6_only_is_not_void", "v=spf1 a:six.example -all", {}, "", 1},
    {"void_mx", "v=spf1 mx:a.example -all", {"warning:void@8"}, "has no MX", 1, 1},
    {"mx_without_address",
     "v=spf1 mx:deadmx.example -all",
     {"warning:void@8"},
     "nowhere.example has no address",
     1,
     1},
    {"null_mx", "v=spf1 mx:null.example -all", {"warning:null-mx@8"}, "", 1},
    {"mx_names", "v=spf1 mx:many.example -all", {"error:mx-names@8"}, "11 MX records", 1},
    {"three_voids",
     "v=spf1 a:n1.example a:n2.example a:n3.example -all",
     {"error:void-lookups@0", "warning:void@8", "warning:void@21", "warning:void@34"},
     "",
     3,
     3},
    {"include_none",
     "v=spf1 include:a.example -all",
     {"error:no-record@8"},
     "a.example has no SPF record",
     1,
     1},
    {"include_nxdomain",
     "v=spf1 include:nowhere.example -all",
     {"error:no-record@8"},
     "does not exist",
     1,
     1},
    {"include_faulty",
     "v=spf1 include:faulty.example -all",
     {"error:syntax@8"},
     "the record of faulty.example is faulty at column 8: unknown mechanism: moo",
     1},
    {"include_two", "v=spf1 include:twice.example -all", {"error:several-records@8"}, "", 1},
    {"include_loop", "v=spf1 include:self.example -all", {"error:loop@8"}, "leads back", 2},
    {"include_itself", "v=spf1 include:own.example -all", {"error:loop@8"}, "", 1},
    {"explanation", "v=spf1 -all exp=why.example", {}},
    {"no_explanation", "v=spf1 -all exp=nowhere.example", {"warning:explanation@13"}},
    {"bad_explanation", "v=spf1 -all exp=badwhy.example", {"warning:explanation@13"}},
    {"dns_failed", "v=spf1 a:slow.example -all", {"error:dns@8", "error:dns@8"}, "timeout", 1},
};

TEST(Lint, Rules) {
  const Zone zone = usual_zone();
  for (const Row& row : kRows) {
    const LintReport report = lint(zone, Lint("own.example", row.record));
    EXPECT_EQ(summary(report), row.faults) << row.name;
    EXPECT_EQ(report.lookups, row.lookups) << row.name;
    EXPECT_EQ(report.void_lookups, row.voids) << row.name;
    EXPECT_EQ(report.temporary, std::string(row.name) == "dns_failed") << row.name;
    if (row.said[0] == '\0') continue;
    ASSERT_FALSE(report.faults.empty()) << row.name;
    EXPECT_NE(report.faults[0].what.find(row.said), std::string::npos)
        << row.name << ": " << report.faults[0].what;
  }
}

TEST(Lint, PublishedRecordIsFoundAndItsAbsenceTold) {
  struct {
    const char* domain;
    std::vector<std::string> faults;
    const char* said;
  } const rows[] = {
      {"good.example", {}, ""},
      {"GOOD.example.", {}, ""},
      {"twice.example", {"error:several-records@0"}, "has 2 SPF records"},
      {"nowhere.example", {"error:no-record@0"}, "does not exist"},
      {"near.example", {"error:no-record@0"}, "it must begin with 'v=spf1 ': spf1 -all"},
      {"x..example", {"error:no-record@0"}, "is not a domain name"},
  };
  for (const auto& row : rows) {
    const LintReport report = lint(usual_zone(), Lint(row.domain));
    EXPECT_EQ(summary(report), row.faults) << row.domain;
    if (!report.faults.empty()) {
      EXPECT_NE(report.faults[0].what.find(row.said), std::string::npos) << report.faults[0].what;
    }
  }
}

TEST(Lint, SizeIsThatOfTheRecordNotOfItsStrings) {
  std::string record = "v=spf1";
  for (int i = 0; record.size() < 425; ++i) record += " ip4:198.51.100." + std::to_string(2 * i);
  EXPECT_EQ(summary(lint(usual_zone(), Lint("own.example", record + " -all"))),
            std::vector<std::string>{});
  record += " ip4:203.0.113.1 -all";
  ASSERT_GT(record.size(), 450U);
  EXPECT_EQ(summary(lint(usual_zone(), Lint("own.example", record))),
            std::vector<std::string>{"warning:size@0"});
}

TEST(Lint, LookupsOfTheWholeTreeAreCounted) {
  Zone zone = usual_zone();
  std::string five = "v=spf1";
  for (int i = 0; i < 5; ++i) five += " exists:%{i}.x" + std::to_string(i) + ".example";
  zone.txt("five.example", five + " -all");
  LintReport report =
      lint(zone, Lint("own.example", "v=spf1 include:five.example a:a.example -all"));
  EXPECT_EQ(report.lookups, 7);
  EXPECT_TRUE(report.faults.empty());
  ASSERT_EQ(report.records.size(), 2U);
  EXPECT_EQ(report.records[0].lookups, 2);
  EXPECT_EQ(report.records[1],
            (LintRecord{1, "five.example", "include:five.example", five + " -all", 5}));
  zone.txt("more.example", "v=spf1 redirect=five.example");
  report = lint(zone, Lint("own.example", "v=spf1 include:five.example include:more.example -all"));
  EXPECT_EQ(report.lookups, 13);
  EXPECT_EQ(summary(report), std::vector<std::string>{"error:lookups@0"});
}

TEST(Lint, HostileTreesAndRecordsEnd) {
  Zone zone;
  for (int level = 0; level < 30; ++level) {
    std::string text = "v=spf1";
    for (int i = 0; i < 10; ++i)
      text += " include:l" + std::to_string(level + 1) + ".example mx:m" + std::to_string(i) +
              ".l" + std::to_string(level) + ".example";
    zone.txt("l" + std::to_string(level) + ".example", text);
  }
  const LintReport deep = lint(zone, Lint("l0.example"));
  EXPECT_EQ(deep.lookups, 51);
  EXPECT_GE(deep.errors(), 1U);
  std::string wide = "v=spf1";
  for (int i = 0; i < 4000; ++i) wide += " ip4:192.0.2.1";
  EXPECT_EQ(lint(zone, Lint("own.example", wide)).faults.size(), 200U);
}

TEST(Lint, WithoutADomainOnlyItsOwnNameIsLeftOut) {
  const LintReport report = lint(usual_zone(), Lint("", "v=spf1 a mx a:nowhere.example -all"));
  EXPECT_EQ(report.lookups, 3);
  EXPECT_EQ(summary(report), std::vector<std::string>{"warning:void@13"});
}

}  // namespace
}  // namespace gatepost::spf::test
