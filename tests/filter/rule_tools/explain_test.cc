#include "filter/rule_tools/explain.h"

#include <gtest/gtest.h>

#include "rules/parse.h"

namespace gatepost::rule_tools {
namespace {

rules::RuleFile read(std::string text) {
  const rules::Source source{"r.cf", std::move(text)};
  return rules::parse({&source, 1});
}

struct MatchingCase {
  const char* rule;
  const char* how;
  const char* why;  // how it begins
};
const MatchingCase kMatching[] = {
    {"body A /pills/i", "Hyperscan alone", "what it reports"},
    {"body A /pills/\ntflags A multiple", "Hyperscan, then PCRE2", "PCRE2 counts the hits"},
    {"body A /^pills/", "Hyperscan, then PCRE2", "^, $ and the like"},
    {"header A Subject =~ /^pills$/", "Hyperscan alone", "what it reports"},
    {"body A /a\\sb/", "Hyperscan, then PCRE2", "the pattern can match a line feed"},
    {"body A /(?<!x)pills/", "Hyperscan, then PCRE2", "Hyperscan has no look-around"},
    {"body A /x*/", "PCRE2 alone", "it can match the empty text"},
    {"body A /(?-m)^x/", "PCRE2 alone", "(?-m) or (?^)"},
    {"body A /a(?{1})/", "not at all", ""},
    {"meta A 1", "computed from what other rules hit", ""},
    {"header A exists:X", "looked up", ""},
    {"header A eval:check_for_missing_to_header()", "a function of Gatepost's own", ""},
    {"uri_detail A text =~ /x/", "PCRE2, condition by condition", ""},
    {"connect A ip =~ /^192/", "Hyperscan alone", "what it reports"},
};

TEST(Explain, HowARuleIsMatchedAndWhy) {
  for (const MatchingCase& c : kMatching) {
    const rules::RuleFile file = read(c.rule);
    ASSERT_EQ(file.rules.size(), 1U) << c.rule;
    const Matching matching = matching_of(file.rules[0]);
    EXPECT_EQ(matching.how, c.how) << c.rule;
    EXPECT_TRUE(matching.why.starts_with(c.why)) << c.rule << ": " << matching.why;
    EXPECT_FALSE(matching.subject.empty()) << c.rule;
  }
}

std::string told(const std::vector<Relation>& relations) {
  std::string out;
  for (const Relation& r : relations) {
    out += std::to_string(r.depth) + r.name + (r.off.empty() ? "" : "(" + r.off + ")") +
           (r.shown_before ? "*" : "") + " ";
  }
  return out;
}

TEST(Explain, RelationsAreTrees) {
  const rules::RuleFile file = read(
      "body __A /a/\nbody __B /b/\nbody OFF /c/\nscore OFF 0\nmeta M1 __A && __B\n"
      "meta M2 M1 || OFF || GONE || M1\nmeta M3 M2 + M1\naskdns NET x TXT /y/\nmeta M4 M3 && "
      "NET\n");
  const auto rule = [&](const char* name) -> const rules::Rule& {
    return file.rules[index_by_name(file).at(name)];
  };
  EXPECT_EQ(told(uses_of(file, rule("M3"))),
            "0M2 1M1 2__A 2__B 1OFF(score 0) 1GONE(defined nowhere) 0M1* ");
  EXPECT_EQ(told(uses_of(file, rule("M4"))),
            "0M3 1M2 2M1 3__A 3__B 2OFF(score 0) 2GONE(defined nowhere) 1M1* 0NET(not supported) ");
  EXPECT_EQ(told(uses_of(file, rule("__A"))), "");
  EXPECT_EQ(told(users_of(file, rule("__A"))), "0M1 1M2 2M3 3M4 1M3* ");
  const rules::RuleFile part = part_of(file, rule("M1"));
  EXPECT_EQ(part.rules.size(), 3U);
}

TEST(Explain, CyclesEnd) {
  const rules::RuleFile file = read("meta A B\nmeta B A\n");
  EXPECT_EQ(told(uses_of(file, file.rules[0])), "0B 1A* ");
}

const char* const kDefinitions[] = {
    "header A Subject =~ /x/i",
    "header A From:addr !~ /x/ms",
    "header A Subject:raw =~ /x/ [if-unset: y]",
    "header A exists:X-Foo",
    "header A Received:last:domain =~ /x/",
    "body A /x y/x",
    "rawbody A /x/",
    "uri A /x/",
    "full A /x/",
    "mimeheader A Content-Type =~ /x/",
    "meta A B && (C || !D)",
    "header A eval:check_for_missing_to_header()",
    "uri_detail A text =~ /x/ domain !~ /y/i",
    "connect A ip =~ /^192/",
    "mail A sender !~ /x/",
};

TEST(Explain, DefinitionsAreAsWritten) {
  for (const char* line : kDefinitions) {
    const rules::RuleFile file = read(line);
    ASSERT_EQ(file.rules.size(), 1U) << line;
    EXPECT_EQ(definition_of(file.rules[0]), line);
  }
}

}  // namespace
}  // namespace gatepost::rule_tools
