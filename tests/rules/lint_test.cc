#include "rules/lint.h"

#include <gtest/gtest.h>

#include "rules/backtracking.h"
#include "rules/parse.h"

namespace gatepost::rules {
namespace {

RuleFile read(std::string text) {
  const Source source{"r.cf", std::move(text)};
  return parse({&source, 1});
}

std::string told(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) out += d.place.text() + " " + d.what + "\n";
  return out;
}

struct Case {
  const char* text;
  const char* told;  // all of it
};
const Case kCases[] = {
    {"body A /x/\nscore A 1", ""},
    {"body A /x/", "r.cf:1:6 A has no score line in these files and scores 1\n"},
    {"body A /x/\ntflags A nice", "r.cf:1:6 A has no score line in these files and scores -1\n"},
    {"body T_A /x/", ""},
    {"body A /x/\nscore A 0", "r.cf:1:6 A has a score of 0 and does not run\n"},
    {"body A /x/\nscore A 0 1 0 1", ""},
    {"body A /x/\nscore A 0\nmeta B A\nscore B 1",
     "r.cf:1:6 A has a score of 0 and does not run, so it counts 0 in meta B\n"
     "r.cf:3:6 meta B never hits as these files are: rules that it depends on count 0\n"},
    {"body A /x/\nscore A 2\ntflags A nice", "r.cf:1:6 A is nice and has a score above 0\n"},
    {"body __A /x/",
     "r.cf:1:6 subrule __A has no effect: no meta of these files that loads uses it\n"},
    {"body __A /x/\nmeta T_B __A", ""},
    {"body T_A /x/\nbody T_B /x/", "r.cf:2:6 T_B looks for the same as T_A at r.cf:1:6\n"},
    {"body T_A /x/\nrawbody T_B /x/\nbody T_C /x/i\nheader T_D Subject =~ /x/", ""},
    {"header T_A exists:X\nheader T_B exists:x",
     "r.cf:2:8 T_B looks for the same as T_A at r.cf:1:8\n"},
    {"header T_A X =~ /a/\nheader T_B X !~ /a/\nheader T_C X =~ /a/ [if-unset: a]", ""},
    {"body T_A /.*/s", "r.cf:1:11 T_A: the pattern matches any text, also the empty one\n"},
    {"body T_A /foo|/", "r.cf:1:11 T_A: the pattern matches any text, also the empty one\n"},
    {"body T_A /x?/", "r.cf:1:11 T_A: the pattern matches any text, also the empty one\n"},
    {"body T_A /^$/\nbody T_B /^\\s*$/\nbody T_C /(?!x)./", ""},
    {"header T_A X !~ /y*/",
     "r.cf:1:18 T_A: the pattern matches any text, so with !~ it never hits\n"},
    {"meta T_A 1", "r.cf:1:6 meta T_A always hits: it depends on no rule\n"},
    {"meta T_A (0)", "r.cf:1:6 meta T_A never hits: it depends on no rule\n"},
    {"body T_A /x/\ntflags T_A nicee",
     "r.cf:1:6 tflags of T_A: unknown flag 'nicee', did you mean 'nice'?\n"},
    {"body T_A /x/\ntflags T_A net publish nosubject", ""},
    {"body T_A /x/\ntflags T_A maxhits=3",
     "r.cf:1:6 tflags of T_A: maxhits has no effect without multiple\n"},
    {"body T_FOO /x/\nscore T_FOX 1",
     "r.cf:2:7 score for 'T_FOX', which no rule of these files defines, did you mean 'T_FOO'?\n"},
    {"describe NOBODY x",
     "r.cf:1:10 describe for 'NOBODY', which no rule of these files defines\n"},
    {"score AAAA 1\nscore BBBB 1\nscore CCCC 1\nscore DDDD 1\nscore EEEE 1\nscore FFFF 1",
     "r.cf:1:7 score for 'AAAA', which no rule of these files defines; the same goes for 5 more of "
     "the "
     "rules with such lines in this file\n"},
    {"uri T_A /x/\nscore T_A 1\ntest T_A ok x", ""},
    {"body A /x/\nscore A 0\naction A reject",
     "r.cf:1:6 A has a score of 0 and does not run, nor does its action\n"},
    {"helo T_A name =~ /x/\nhelo T_B host =~ /x/\nconnect T_C host =~ /x/\nmail T_D host !~ /x/",
     ""},
    {"helo T_A name =~ /x/\nhelo T_B name =~ /x/",
     "r.cf:2:6 T_B looks for the same as T_A at r.cf:1:6\n"},
    {"rcpt T_A recipient =~ /x/\ntflags T_A multiple",
     "r.cf:1:6 tflags of T_A: multiple has no effect on a rule of a stage of SMTP\n"},
    {"mail T_A sender !~ /y*/",
     "r.cf:1:21 T_A: the pattern matches any text, so with !~ it never hits\n"},
    {"body A /x/\nscore A 1 0 1 0",
     "r.cf:1:6 A has a score of 0 with network tests and without Bayes, the score set that "
     "Gatepost uses, and does not run\n"},
    {"body __A /a/\nbody __B /b/\nmeta T_C __A && __B\nmeta T_D (__A&&__B)\nmeta T_E __A  &&  __B",
     "r.cf:5:6 T_E says the same as T_C at r.cf:3:6\n"},
    // Tried out with all values that the rules of a meta can have.
    {"body __A /a/\nmeta T_B __A && !__A",
     "r.cf:2:6 meta T_B never hits, whatever other rules do\n"},
    {"body __A /a/\nmeta T_B __A || !__A",
     "r.cf:2:6 meta T_B always hits, whatever other rules do\n"},
    {"body __A /a/\nmeta T_B __A > 1", "r.cf:2:6 meta T_B never hits, whatever other rules do\n"},
    {"body __A /a/\ntflags __A multiple\nmeta T_B __A > 1", ""},
    {"body __A /a/\ntflags __A multiple maxhits=2\nmeta T_B __A > 2",
     "r.cf:3:6 meta T_B never hits, whatever other rules do\n"},
    {"body __A /a/\nbody __B /b/\nmeta T_C __A + __B > 2",
     "r.cf:3:6 meta T_C never hits, whatever other rules do\n"},
    {"body __A /a/\nbody __B /b/\nmeta T_C __A + __B >= 2", ""},
    {"body __A /a/\nmeta __B __A && !__A\nmeta T_C __B || __A\nmeta T_D __B && __A",
     "r.cf:2:6 meta __B never hits, whatever other rules do\n"
     "r.cf:4:6 meta T_D never hits, whatever other rules do\n"},
    {"meta T_B GONE || __A\nbody __A /a/", ""},
    // What counts 0 for want of others is no fault of the meta's own.
    {"meta T_B GONE && __A\nbody __A /a/",
     "r.cf:1:6 meta T_B never hits as these files are: rules that it depends on count 0\n"},
    {"meta T_B GONE || OTHER",
     "r.cf:1:6 meta T_B never hits as these files are: rules that it depends on count 0\n"},
    {"meta T_B !GONE",
     "r.cf:1:6 meta T_B always hits as these files are: rules that it depends on count 0\n"},
    {"meta __B GONE && __A\nbody __A /a/\nmeta T_C __B && !T_D\nbody T_D /d/",
     "r.cf:1:6 meta __B never hits as these files are: rules that it depends on count 0\n"
     "r.cf:3:6 meta T_C never hits as these files are: rules that it depends on count 0\n"},
    {"body T_A /a/\nscore T_A 0\nmeta T_B T_A + 0\nmeta T_C T_B",
     "r.cf:1:6 T_A has a score of 0 and does not run, so it counts 0 in meta T_B\n"
     "r.cf:3:6 meta T_B never hits as these files are: rules that it depends on count 0\n"
     "r.cf:4:6 meta T_C never hits as these files are: rules that it depends on count 0\n"},
    // It says what list the set `zen` is.
    {"header __Z eval:check_rbl('zen', 'zen.spamhaus.org.')\n"
     "header T_S eval:check_rbl_sub('zen', '127.0.0.2')",
     ""},
    {"header __Z eval:check_rbl('zen', 'zen.spamhaus.org.')\n"
     "header T_S eval:check_rbl_sub('other', '127.0.0.2')",
     "r.cf:1:8 subrule __Z has no effect: no meta of these files that loads uses it\n"},
    // A score is meant for a rule that can have one.
    {"body __FOO /x/\nmeta T_B __FOO\nscore FOO 1",
     "r.cf:3:7 score for 'FOO', which no rule of these files defines\n"},
    {"body __FOO /x/\nmeta T_B __FOO\ntflags _FOO multiple",
     "r.cf:3:8 tflags for '_FOO', which no rule of these files defines, did you mean '__FOO'?\n"},
    {"body T_A /x/\nbody T_B /x/\ntflags T_B nosubject", ""},
    {"body T_A /x/\ntflags T_A multiple\nbody T_B /x/\ntflags T_B multiple maxhits=2", ""},
    {"body T_A eval:image_to_text_ratio('all','0','1')\n"
     "rawbody T_B eval:image_to_text_ratio('all','0','1')",
     ""},
    {"body T_A eval:check_for_mime('mime_qp_count')\n"
     "rawbody T_B eval:check_for_mime('mime_qp_count')",
     "r.cf:2:9 T_B looks for the same as T_A at r.cf:1:6\n"},
};

TEST(Lint, Warnings) {
  for (const Case& c : kCases) {
    const RuleFile file = read(c.text);
    const auto found = lint(file, plan_metas(file));
    EXPECT_EQ(told(found), c.told) << c.text;
    for (const Diagnostic& d : found) EXPECT_EQ(d.severity, Diagnostic::Severity::warning);
  }
}

struct SlowCase {
  const char* text;
  const char* told;  // how it begins
};
const SlowCase kSlow[] = {
    {"body T_A /x+y/", ""},
    {"body T_A /foo.*bar/", ""},
    {"body T_A /x*/", "r.cf:1:11 T_A: Hyperscan cannot look for it"},
    {"header T_A Subject =~ /x*/", ""},
    {"rawbody T_A /(?:a|aa)+\\d$/", "r.cf:1:14 T_A: can take very long: on 2000 octets of 'a'"},
    {"rawbody T_A /\\s*\\s*\\s*\\s*\\d/",
     "r.cf:1:14 T_A: can take very long: on 2000 octets of blanks"},
    {"body T_A /\\s*\\s*\\s*\\s*\\d/", ""},  // its text has no runs of blanks
    {"body T_A /(a+)+$/", ""},               // lint() tells it
    {"meta T_A 1", ""},
};

TEST(Lint, SlowPatternsAreTriedOut) {
  for (const SlowCase& c : kSlow) {
    const std::string all = told(slow_patterns(read(c.text)));
    if (*c.told == '\0')
      EXPECT_EQ(all, "") << c.text;
    else
      EXPECT_TRUE(all.starts_with(c.told)) << c.text << "\ngives " << all;
  }
}

TEST(Lint, CheckTellsAllInTheOrderOfTheLines) {
  const RuleFile file =
      read("body A /a(b/\nbody B /x*/\nmeta C B && GONE\nif (version < 3)\nbody OLD /x/\nendif\n");
  std::string places;
  for (const Diagnostic& d : check(file)) places += std::to_string(d.place.line) + " ";
  EXPECT_EQ(places, "1 1 2 2 2 3 3 3 5 ");
}

struct RepeatCase {
  const char* pattern;
  int at;  // -1: none
};
const RepeatCase kRepeats[] = {
    {"(a+)+$", 0},          {"x(?:a*)*", 1},      {"(?:\\w+\\s*)+$", 0},
    {"(?:a|b+)*c", 0},      {"((a+))+", 0},       {"(?:[a-z]{1,20}){10,}", 0},
    {"(?i:a+)+", 0},        {"(?<n>a+)+", 0},     {"(?:a++)+", -1},
    {"(?>a+)+", -1},        {"(?:a+)++", -1},     {"(?:\\w+\\s)+", -1},
    {"(?:\\w+,)*\\w+", -1}, {"(?:<[^>]*>)+", -1}, {"(?:a+){2}", -1},
    {"(?:a+)?", -1},        {"(?:a{1,3})+", -1},  {"a+b+c*", -1},
    {"[(a+)+]+", -1},       {"\\(a+\\)+", -1},    {"(?=a+)+", -1},
    {"(?:abc)*", -1},       {"(?:\\d{3})+", -1},  {"(?:a|b)*", -1},
    {"((((", -1},           {"a{b+}+", -1},       {"", -1},
};

TEST(Lint, RepeatsInsideRepeats) {
  for (const RepeatCase& c : kRepeats) {
    const auto at = nested_repeat({c.pattern});
    EXPECT_EQ(at ? static_cast<int>(*at) : -1, c.at) << c.pattern;
  }
  EXPECT_FALSE(nested_repeat({std::string(30000, '(')}));
  const RuleFile file = read("body T_A /x(a+)+$/");
  EXPECT_TRUE(told(lint(file, plan_metas(file))).starts_with("r.cf:1:12 T_A: a repeat inside"));
}

TEST(Lint, PatternsThatPcre2Refuses) {
  const RuleFile file = read(
      "body A /a(b/\nbody B /ok/\nheader C X =~ /[z-a]/\nheader D exists:X\n"
      "body E /a\\#(b\\#)\\#)/\nmeta F B\nbody G /(?{ 1 })/\n");
  const auto found = check_patterns(file);
  ASSERT_EQ(found.size(), 4u) << told(found);
  EXPECT_EQ(found[0].place.text(), "r.cf:1:12");
  EXPECT_EQ(found[0].rule, "A");
  EXPECT_EQ(found[0].severity, Diagnostic::Severity::error);
  EXPECT_EQ(found[1].place.line, 3);
  // The `#` of the expression were two octets each in the file.
  EXPECT_EQ(found[2].place.text(), "r.cf:5:19") << told(found);
  EXPECT_EQ(found[3].severity, Diagnostic::Severity::unsupported);
}

}  // namespace
}  // namespace gatepost::rules
