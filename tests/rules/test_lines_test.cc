#include "rules/test_lines.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "rules/lint.h"
#include "rules/parse.h"
#include "tests/rules/engine.h"
#include "tests/support/shared_data.h"

namespace gatepost::rules {
namespace {

using gatepost::test::shared_data;

RuleFile read(std::string text) {
  const Source source{"r.cf", std::move(text)};
  return parse({&source, 1});
}

std::vector<Source> folder_of(const std::filesystem::path& folder) {
  std::vector<Source> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".cf") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    out.push_back({entry.path().filename(), std::string(std::istreambuf_iterator<char>(in),
                                                        std::istreambuf_iterator<char>())});
  }
  std::sort(out.begin(), out.end(),
            [](const Source& a, const Source& b) { return a.name < b.name; });
  return out;
}

std::string told(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) out += d.place.text() + " " + d.what + "\n";
  return out;
}

TestReport run(const RuleFile& file) {
  const auto set = test::compile_here(file);
  return run_tests(file, *set);
}

// Each line holds: the text is put where the rule of that type looks.
const char* const kPassing[] = {
    "body A /^two words$/\ntest A ok two   words\ntest A fail two word",
    "body A /x/\ntflags A nosubject\ntest A ok x",
    "rawbody A /two   words/\ntest A ok two   words",
    "full A /^whole/\ntest A ok whole\ntest A fail the whole",
    "header A Subject =~ /^hi/\ntest A ok hi there\ntest A fail oh hi",
    "header A Subject !~ /^hi/\ntest A ok oh hi\ntest A fail hi",
    "header A Subject:raw =~ /hi/\ntest A ok hi",
    "header A From:addr =~ /^a@b\\.example$/\ntest A ok Anna <a@b.example>\ntest A fail "
    "c@b.example",
    "header A From:name =~ /^Anna$/\ntest A ok Anna <a@b.example>",
    "header A X-Any-Thing =~ /x/\ntest A ok x",
    "header A ToCc =~ /you/\ntest A ok you@b.example",
    "header A MESSAGEID =~ /abc/\ntest A ok <abc@b.example>",
    "header A EnvelopeFrom =~ /^me@/\ntest A ok me@b.example",
    "header A ALL =~ /^X-Foo: bar/m\ntest A ok X-Foo: bar\ntest A fail X-Bar: foo",
    "header A ALL =~ /^Subject: bar/m\ntest A ok bar",
    "header A exists:X-Foo\ntest A ok anything",
    "connect A ip =~ /^192\\.0\\./\ntest A ok 192.0.2.1\ntest A fail 198.51.100.1",
    "helo A name =~ /^localhost$/\ntest A ok localhost\ntest A fail mail.example",
    "mail A sender !~ /@b\\.example$/\ntest A ok a@c.example\ntest A fail a@b.example",
    "rcpt A recipient =~ /^info@/\ntest A ok info@b.example\ntest A fail a@b.example",
    "rcpt A sender =~ /^$/\nrcpt B login =~ /^ann$/\ntest A fail a@b\ntest B ok ann",
    "body A /x/\nshadow A\ntest A ok x",
    "body __A /a/\nbody __B /b/\nmeta C __A && !__B\ntest C ok a\ntest C fail a b\ntest __A ok a",
    "header __A Subject =~ /a/\nmeta C __A\ntest C ok a",
    // A whole message.
    "header __A From =~ /a@/\nbody __B /^b c\\b/\nmeta C __A && __B\n"
    "test C ok message:From: a@b.example\\n\\nb\\tc\ntest C fail message: From: b@b.example\\n\\nb "
    "c",
    "header A exists:X-Foo\ntest A ok message:X-Foo: 1\ntest A fail message:X-Bar: 1",
    "header A eval:check_header_count_range('Subject', '2', '9')\n"
    "test A ok message:Subject: 1\\nSubject: 2\ntest A fail message:Subject: 1\\n\\nSubject: 2",
    "header A Subject:raw =~ /\\xE9\\\\$/m\ntest A ok message:Subject: \\xe9\\\\\\nTo: b",
    "uri A m{^https://b\\.example/$}\n"
    "test A ok message:Content-Type: text/html\\n\\n<a href='https://b.example/'>x</a>",
    "header A EnvelopeFrom =~ /^me@b/\ntest A ok message:Return-Path: <me@b.example>",
    "body A /^message: x$/\ntest A fail message: x",
};

TEST(TestLines, TheTextStandsWhereTheRuleLooks) {
  for (const char* text : kPassing) {
    const RuleFile file = read(text);
    EXPECT_FALSE(file.has_errors()) << text;
    const TestReport report = run(file);
    EXPECT_EQ(report.passed, file.tests.size()) << text << "\n" << told(report.diagnostics);
  }
}

TEST(TestLines, RedOnesAreErrorsWithTheirPlaces) {
  const RuleFile file = read("body A /x/\ntest A ok y\ntest A fail axe\ntest A ok x\n");
  const TestReport report = run(file);
  EXPECT_EQ(report.passed, 1u);
  EXPECT_EQ(report.failed, 2u);
  EXPECT_EQ(
      told(report.diagnostics),
      "r.cf:2:6 A does not hit 'y', expected a hit\nr.cf:3:6 A hits 'axe', expected a miss\n");
  for (const Diagnostic& d : report.diagnostics) EXPECT_EQ(d.severity, Diagnostic::Severity::error);
}

TEST(TestLines, WhatCannotRunIsTold) {
  const RuleFile file = read(
      "body A /x/\nscore A 0\ntest A ok x\naskdns B /x/\ntest B ok x\ntest C ok x\nbody D /x/\n");
  const TestReport report = run(file);
  EXPECT_EQ(report.not_run, 3u);
  EXPECT_EQ(report.failed, 0u);
  EXPECT_EQ(told(report.diagnostics),
            "r.cf:3:6 test of A is not run: its score is 0\n"
            "r.cf:5:6 test of B is not run: the rule is not supported\n"
            "r.cf:6:6 test of C is not run: no rule of these files defines it\n");
}

TEST(TestLines, HostileTextIsShownSafely) {
  const TestReport report = run(read("body A /x/\ntest A ok \x1b[31m\xE2\x80\xAE y\n"));
  ASSERT_EQ(report.failed, 1u);
  EXPECT_EQ(report.diagnostics[0].what.find('\x1b'), std::string::npos);
  EXPECT_EQ(report.diagnostics[0].what.find("\xE2\x80\xAE"), std::string::npos);
}

TEST(DefaultRules, AreCleanAndTheirTestsHold) {
  const std::vector<Source> sources = folder_of(GATEPOST_SOURCE_DIR "/contrib/rules");
  ASSERT_FALSE(sources.empty());
  const RuleFile file = parse(sources);
  const MetaPlan plan = plan_metas(file);
  EXPECT_EQ(told(file.diagnostics) + told(check_patterns(file)) + told(plan.diagnostics) +
                told(lint(file, plan)),
            "");
  std::map<std::string, int> tests;  // 1: a hit, 2: a miss
  for (const RuleTest& t : file.tests) tests[t.rule] |= t.must_hit ? 1 : 2;
  for (const Rule& rule : file.rules) {
    if (rule.is_subrule()) continue;
    EXPECT_FALSE(rule.description.empty()) << rule.name;
    EXPECT_EQ(tests[rule.name], 3) << rule.name << " needs a test line of each kind";
    // Attachments alone may tag a message (score.tag is 5); see the head of phishing.cf.
    const double most = rule.place.file == "attachments.cf" ? 5.0 : 3.0;
    EXPECT_LE(rule.scores[1], most) << rule.name << " decides too much alone";
    EXPECT_GE(rule.scores[1], 0.1) << rule.name << " says nothing";
  }
  const TestReport report = run(file);
  EXPECT_EQ(told(report.diagnostics), "");
  EXPECT_EQ(report.passed, file.tests.size());
}

TEST(SpamAssassin, ItsFilesHaveNoErrorsAndTheirTestLinesHold) {
  const auto folder = shared_data("conformance/spamassassin/rules-sample");
  if (!folder) GTEST_SKIP() << "no shared data";
  const std::vector<Source> sources = folder_of(*folder);
  ASSERT_EQ(sources.size(), 16u);
  for (const Source& source : sources) {
    const RuleFile alone = parse({&source, 1});
    const MetaPlan plan = plan_metas(alone);
    EXPECT_FALSE(alone.has_errors()) << told(alone.diagnostics);
    EXPECT_EQ(told(check_patterns(alone)), "") << source.name;
    for (const Diagnostic& d : plan.diagnostics)
      EXPECT_NE(d.severity, Diagnostic::Severity::error) << d.what;
  }
  const RuleFile all = parse(sources);
  const TestReport report = run(all);
  EXPECT_EQ(report.failed, 0u) << told(report.diagnostics);
  std::size_t of_regression_file = 0;
  for (const RuleTest& t : all.tests) of_regression_file += t.place.file == "regression_tests.cf";
  EXPECT_EQ(of_regression_file, 29u);
  // Five of US_DOLLARS_3, which is commented out in the sample, and three of EMAIL_ROT13, whose
  // score is 0 there.
  EXPECT_EQ(report.not_run, 8u) << told(report.diagnostics);
  EXPECT_EQ(report.passed, 29u);
}

}  // namespace
}  // namespace gatepost::rules
