// Rules of SMTP's stages in a compiled set: what each looks at, and that metas can use it.

#include <set>

#include <gtest/gtest.h>

#include "rules/match_state.h"
#include "rules/meta.h"
#include "rules/parse.h"
#include "tests/rules/engine.h"

namespace gatepost::rules::test {
namespace {

RuleFile read(const std::string& text) {
  const Source source{"r.cf", text};
  return parse({&source, 1});
}

constexpr std::string_view kRecipients[] = {"bob@our.example", "info@our.example"};

SmtpTexts smtp() {
  SmtpTexts out;
  out.ip = "192.0.2.1";
  out.host = "mail.client.example";
  out.daemon = "ORIGINATING";
  out.helo = "client.example";
  out.sender = "ann@client.example";
  out.login = "ann";
  out.recipients = kRecipients;
  return out;
}

struct Row {
  const char* name;
  const char* rule;  // without its name
  bool hit;
};

constexpr Row kRows[] = {
    {"ip", "connect ip =~ /^192\\.0\\.2\\.1$/", true},
    {"another_ip", "connect ip =~ /^198\\./", false},
    {"host", "connect host =~ /\\.client\\.example$/", true},
    {"host_negated", "connect host !~ /client/", false},
    {"host_negated_hits", "connect host !~ /unknown/", true},
    {"daemon", "connect daemon =~ /^ORIG/", true},
    {"look_around_is_confirmed", "connect host =~ /mail(?=\\.client)/", true},
    {"look_around_refuses", "connect host =~ /mail(?!\\.client)/", false},
    {"helo_name", "helo name =~ /^CLIENT/i", true},
    {"helo_sees_the_client", "helo ip =~ /^192/", true},
    {"sender", "mail sender =~ /^ann@/", true},
    {"sender_end", "mail sender =~ /ann$/", false},
    {"login", "mail login =~ /^ann$/", true},
    {"mail_sees_helo", "mail name =~ /client/", true},
    {"first_recipient", "rcpt recipient =~ /^bob@/", true},
    {"second_recipient", "rcpt recipient =~ /^info@/", true},
    {"no_recipient", "rcpt recipient =~ /^eve@/", false},
    {"negated_of_all", "rcpt recipient !~ /our\\.example/", false},
    {"negated_of_one_hits", "rcpt recipient !~ /^bob@/", true},
    {"rcpt_sees_the_sender", "rcpt sender =~ /ann/", true},
    {"multiple_counts_once", "rcpt recipient =~ /example/", true},
};

RuleFile file_of_rows() {
  std::string text;
  for (const Row& row : kRows) {
    std::string line = row.rule;
    line.insert(line.find(' '), " " + std::string(row.name));
    text += line + "\n";
  }
  text += "tflags multiple_counts_once multiple\nbody late /x/\n";
  return read(text);
}

std::string expected(std::string_view stage) {
  std::string out;
  for (const Row& row : kRows) {
    if (row.hit && std::string_view(row.rule).starts_with(stage))
      out += (out.empty() ? "" : " ") + std::string(row.name);
  }
  return out;
}

TEST(Stages, EachIsMatchedAloneAtItsStage) {
  const RuleFile file = file_of_rows();
  ASSERT_TRUE(file.diagnostics.empty());
  const auto set = compile_here(file);
  ASSERT_TRUE(set);
  const SmtpTexts texts = smtp();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(names(set->match_stage(RuleType::connect, texts)), expected("connect"));
    EXPECT_EQ(names(set->match_stage(RuleType::helo, texts)), expected("helo"));
    EXPECT_EQ(names(set->match_stage(RuleType::mail, texts)), expected("mail"));
    EXPECT_EQ(names(set->match_stage(RuleType::rcpt, texts)), expected("rcpt"));
  }
}

TEST(Stages, AllOfThemAreMatchedWithTheMessage) {
  const auto set = compile_here(file_of_rows());
  const SmtpTexts texts = smtp();
  const std::vector<mail::HeaderField> fields;
  const mail::Content content;
  Subject subject{fields, content, ""};
  EXPECT_EQ(names(set->match(subject)), "") << "SMTP said nothing: scanned as a file";
  subject.smtp = &texts;
  EXPECT_EQ(names(set->match(subject)), expected(""));
}

TEST(Stages, WhatIsNotKnownIsEmpty) {
  const auto set =
      compile_here(read("connect A ip =~ /^$/\nconnect B host !~ /x/\nconnect C daemon =~ /./\n"));
  EXPECT_EQ(names(set->match_stage(RuleType::connect, {})), "A B");
}

TEST(Stages, ASetSaysWhichOnesItHas) {
  const auto set = compile_here(read("helo A name =~ /x/\nrcpt B recipient =~ /y/\n"));
  EXPECT_FALSE(set->has_stage_rules(RuleType::connect));
  EXPECT_TRUE(set->has_stage_rules(RuleType::helo));
  EXPECT_FALSE(set->has_stage_rules(RuleType::mail));
  EXPECT_TRUE(set->has_stage_rules(RuleType::rcpt));
  const auto other = compile_here(read("body A /x/\nhelo B name =~ /x/\nscore B 0\n"));
  EXPECT_FALSE(other->has_stage_rules(RuleType::helo)) << "a score of 0 does not run";
}

TEST(Stages, ShowWhatTheyHit) {
  const auto set = compile_here(read("rcpt A recipient =~ /info@our/\n"));
  const MatchOutcome outcome = set->match_stage(RuleType::rcpt, smtp());
  ASSERT_EQ(outcome.hits.size(), 1U);
  EXPECT_EQ(outcome.hits[0].matched, "info@our");
}

struct MetaRow {
  const char* name;
  const char* text;
  const char* hits;
};

// A shadow rule changes nothing, through a meta neither; a meta in shadow is there to be tried with
// it.
constexpr MetaRow kMetas[] = {
    {"of_stages", "connect A ip =~ /192/\nrcpt B recipient =~ /info/\nmeta C A && B", "A B C"},
    {"of_recipients_once", "rcpt A recipient =~ /our/\nmeta C A > 1", "A"},
    {"shadow_counts_0", "body A /x/\nshadow A\nmeta C A\nmeta D !A", "A D"},
    {"shadow_counts_in_shadow", "body A /x/\nshadow A C\nmeta C A", "A C"},
    {"shadow_meta_of_others", "body A /x/\nshadow C\nmeta C A\nmeta D C", "A C"},
    {"not_through_a_subrule", "body A /x/\nshadow A D\nmeta __C A\nmeta D __C", "A"},
};

TEST(Stages, MetasUseThem) {
  const SmtpTexts texts = smtp();
  const std::vector<mail::HeaderField> fields;
  mail::Content content;
  content.body = pieces_of({"x"});
  for (const MetaRow& row : kMetas) {
    const auto set = compile_here(read(row.text));
    ASSERT_TRUE(set) << row.name;
    Subject subject{fields, content, ""};
    subject.smtp = &texts;
    EXPECT_EQ(names(set->match(subject)), row.hits) << row.name;
  }
}

TEST(Shadow, AMetaThatUsesOneIsTold) {
  const RuleFile file = read("body A /x/\nshadow A\nmeta C A + 1\nmeta D A\nshadow D\n");
  const MetaPlan plan = plan_metas(file);
  ASSERT_EQ(plan.diagnostics.size(), 1U);
  EXPECT_EQ(plan.diagnostics[0].what, "meta C uses 'A', which is in shadow and counts 0 here");
  EXPECT_EQ(plan.diagnostics[0].place.text(), "r.cf:3:8");
}

TEST(Shadow, ActionShadowAndCategoryAreOfTheHash) {
  const auto hash = [](const std::string& more) {
    return compile_here(read("body A /x/\n" + more))->hash();
  };
  const std::set<std::string> hashes = {hash(""), hash("action A reject"), hash("action A tag"),
                                        hash("shadow A"), hash("category A x")};
  EXPECT_EQ(hashes.size(), 5U);
}

TEST(RuleSets, AreCountedWhileTheyLive) {
  const std::size_t before = RuleSet::alive();
  const std::size_t scratches = MatchStatePool::open_scratches();
  {
    const auto set = compile_here(read("connect A ip =~ /x/\nbody B /y/\n"));
    (void)set->match_stage(RuleType::connect, smtp());
    EXPECT_EQ(RuleSet::alive(), before + 1);
    EXPECT_GT(MatchStatePool::open_scratches(), scratches);
  }
  EXPECT_EQ(RuleSet::alive(), before);
  EXPECT_EQ(MatchStatePool::open_scratches(), scratches);
}

}  // namespace
}  // namespace gatepost::rules::test
