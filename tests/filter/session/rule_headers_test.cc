// What rule files do to a header: tags, hostile values, which field wins.

#include "filter/session/rule_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/mail/header_block.h"
#include "filter/session/field_text.h"
#include "filter/session/header_edits.h"
#include "filter/session/header_tags.h"
#include "rules/parse.h"

namespace gatepost {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

std::shared_ptr<const rules::HeaderChanges> changes(const std::string& lines) {
  const rules::Source source{"r.cf", lines};
  const rules::RuleFile file = rules::parse({&source, 1}, {});
  EXPECT_FALSE(file.has_errors()) << lines;
  return std::make_shared<const rules::HeaderChanges>(file.settings.header);
}

// A message of 7.0 points, tagged.
struct Situation {
  explicit Situation(const std::string& lines, std::string_view header = "A: 1\n\n")
      : message(mail::parse_message(header)) {
    policy.mode = Mode::enforce;
    policy.add_authentication_results = policy.add_spam_headers = false;
    policy.header_changes = changes(lines);
    connection.mta_name = "mx.here.example";
    envelope.mail_from_domain = "sender.example";
    verdict.stage = Stage::end_of_message;
    verdict.action = Action::tag;
    verdict.score = 7;
    verdict.reasons = {{"SPF_FAIL", 4, Action::none},
                       {"A_RULE", 2.5, Action::none, "says why"},
                       {"B_RULE", 0.501, Action::none},
                       {"C_RULE", -0.001, Action::none}};
    facts.author = mail::AuthorIdentity{mail::AuthorIdentity::single, "author.example", "", ""};
    facts.subrules = {"__TWO", "__ONE"};
  }

  HeaderSources sources() const {
    return {message.fields, policy, connection, envelope, verdict, facts, 1795687200};
  }
  std::string expanded() const {
    return expand(policy.header_changes->spam.added.at(0).text, sources());
  }

  mail::ParsedMessage message;
  Policy policy;
  Connection connection;
  Envelope envelope;
  Verdict verdict;
  Facts facts;
};

struct TagCase {
  const char* name;
  const char* text;
  const char* value;
  void (*arrange)(Situation&) = nullptr;
};

void ham(Situation& s) {
  s.verdict.action = Action::none;
}
void clean(Situation& s) {
  ham(s);
  s.verdict.score = 0;
  s.verdict.reasons.clear();
  s.facts.subrules.clear();
}

const TagCase kTags[] = {
    {"yes", "_YESNO_", "Yes"},
    {"no", "_YESNO_", "No", ham},
    {"yes_words", "_YESNO(bad,good)_", "bad"},
    {"no_words", "_YESNO(bad,good)_", "good", ham},
    {"no_second_word", "_YESNO(bad)_", "No", ham},
    {"no_word_at_all", "_YESNO()_|_YESNO(,)_|", "No||", ham},
    {"yes_caps", "_YESNOCAPS_ _YESNOCAPS(bad,good)_", "YES BAD"},
    {"no_caps", "_YESNOCAPS_ _YESNOCAPS(bad,good)_", "NO GOOD", ham},
    {"score", "_SCORE_ _HITS_", "7.0 7.0"},
    {"score_zeros", "_SCORE(0)_ _SCORE(00)_", "07.0 007.0"},
    {"score_blanks", "_SCORE( )_ _SCORE(  )_", " 7.0   7.0"},
    {"score_other_pad", "_SCORE(x)_ _SCORE(0 )_", "7.0 7.0"},
    {"score_wide", "_SCORE(0)_ _SCORE(00)_", "12.3 012.3",
     [](Situation& s) { s.verdict.score = 12.34; }},
    {"score_negative", "_SCORE_ _SCORE(00)_", "-1.5 0-1.5",
     [](Situation& s) { s.verdict.score = -1.5; }},
    {"score_just_below", "_SCORE_", "4.9",
     [](Situation& s) {
       ham(s);
       s.verdict.score = 4.97;
     }},
    {"score_of_allowed_mail", "_SCORE_", "7.0", ham},
    {"required", "_REQD_ _REQUIRED_", "5.0 5.0"},
    {"tests_by_name", "_TESTS_", "A_RULE,B_RULE,C_RULE,SPF_FAIL"},
    {"tests_separator", "_TESTS( | )_", "A_RULE | B_RULE | C_RULE | SPF_FAIL"},
    {"tests_none", "_TESTS_", "none", clean},
    {"tests_scores", "_TESTSSCORES_", "A_RULE=2.5,B_RULE=0.501,C_RULE=-0.001,SPF_FAIL=4.0"},
    {"tests_scores_none", "_TESTSSCORES( )_", "none", clean},
    {"subtests", "_SUBTESTS_ _SUBTESTS(;)_", "__ONE,__TWO __ONE;__TWO"},
    {"subtests_none", "_SUBTESTS_", "none", clean},
    {"stars", "_STARS(*)_ _STARS_ _STARS(ab)_", "******* ******* ababababababab"},
    {"stars_of_full_points", "_STARS(*)_", "*******", [](Situation& s) { s.verdict.score = 7.96; }},
    {"stars_none", "_STARS(*)_", "", [](Situation& s) { s.verdict.score = -3; }},
    {"stars_at_most_50", "_STARS(*)_", "**************************************************",
     [](Situation& s) { s.verdict.score = 1e9; }},
    {"report", "_REPORT_",
     "\n*   4.0 SPF_FAIL SPF: fail\n\t*   2.5 A_RULE says why\n\t*   0.5 B_RULE\n\t*  -0.0 C_RULE"},
    {"summary", "_SUMMARY_",
     " 4.0 SPF_FAIL               SPF: fail\n 2.5 A_RULE                 says why\n"
     " 0.5 B_RULE\n-0.0 C_RULE\n"},
    {"host", "_HOSTNAME_", "mx.here.example"},
    {"host_without_an_mta", "_HOSTNAME_", "localhost", [](Situation& s) { s.connection = {}; }},
    {"version", "_VERSION_", GATEPOST_VERSION},
    {"subversion_without_rules", "<_SUBVERSION_>", "<>"},
    {"date", "_DATE_", "Thu, 26 Nov 2026 10:00:00 +0000"},
    {"sender_domain", "_SENDERDOMAIN_", "sender.example"},
    {"sender_domain_of_the_null_path", "<_SENDERDOMAIN_>", "<>",
     [](Situation& s) { s.envelope = {}; }},
    {"author_domain", "_AUTHORDOMAIN_", "author.example"},
    {"author_domain_without_the_check", "_AUTHORDOMAIN_", "from.example",
     [](Situation& s) {
       s.facts.author.reset();
       s.message = mail::parse_message("From: x@From.Example\n\n");
     }},
    {"unsupported_is_empty", "<_BAYES_>", "<>"},
    {"unknown_stays", "<_SPAM_>", "<_SPAM_>"},
    // What the message says.
    {"domain_with_line_breaks", "_SENDERDOMAIN_", "?x0d?x0ax-spam-flag:?no",
     [](Situation& s) { s.envelope.mail_from_domain = "\r\nX-Spam-Flag: NO"; }},
    {"domain_with_an_encoded_word", "_SENDERDOMAIN_", "??utf-8?q??0a??",
     [](Situation& s) { s.envelope.mail_from_domain = "=?utf-8?q?=0A?="; }},
    {"domain_that_ends_a_comment", "_SENDERDOMAIN_", "?a???b?",
     [](Situation& s) { s.envelope.mail_from_domain = ")a@(<b>"; }},
    {"domain_that_is_a_tag", "_SENDERDOMAIN_", "_score_",
     [](Situation& s) { s.envelope.mail_from_domain = "_SCORE_"; }},
    {"domain_in_other_letters", "_SENDERDOMAIN_", "gr\xc3\xbc\xc3\x9f.example",
     [](Situation& s) { s.envelope.mail_from_domain = "gr\xc3\xbc\xc3\x9f.example"; }},
    {"author_domain_literal", "_AUTHORDOMAIN_", "[192.0.2.1]",
     [](Situation& s) { s.facts.author->domain = "[192.0.2.1]"; }},
    {"meaning_with_line_breaks", "_REPORT_", "\n*   1.0 R a\\x0ab",
     [](Situation& s) {
       s.verdict.reasons = {{"R", 1, Action::none, "a\nb"}};
     }},
};

TEST(RuleHeaders, Tags) {
  for (const TagCase& row : kTags) {
    Situation s(std::string("add_header all X \"") + row.text + "\"\n");
    if (row.arrange != nullptr) row.arrange(s);
    EXPECT_EQ(s.expanded(), row.value) << row.name;
  }
}

TEST(RuleHeaders, LongValuesAreBounded) {
  Situation s("add_header all X _TESTS(" + std::string(100, '-') + ")_ _REPORT__REPORT__REPORT_\n");
  s.verdict.reasons.assign(10000, {std::string(60, 'R'), 1, Action::none, std::string(300, 'x')});
  EXPECT_LT(s.expanded().size(), kMaxFieldText + 60000);
  std::vector<HeaderEdit> edits;
  add_rule_fields(s.sources(), edits);
  ASSERT_EQ(edits.size(), 1U);
  EXPECT_LE(edits[0].value.size(), kMaxFieldText + 5);
  for (std::size_t begin = 0, end = 0; begin < edits[0].value.size(); begin = end + 1) {
    end = std::min(edits[0].value.find('\n', begin), edits[0].value.size());
    EXPECT_LE(end - begin, 998U);
  }
}

// "+Name: value", "-Name 1", "~Name 1: value"
std::vector<std::string> shown(const std::vector<HeaderEdit>& edits) {
  std::vector<std::string> lines;
  for (const HeaderEdit& edit : edits) {
    const std::string number = " " + std::to_string(edit.index);
    switch (edit.kind) {
      case HeaderEdit::Kind::insert:
        lines.push_back("+" + edit.name + ": " + edit.value);
        break;
      case HeaderEdit::Kind::remove:
        lines.push_back("-" + edit.name + number);
        break;
      case HeaderEdit::Kind::change:
        lines.push_back("~" + edit.name + number + ": " + edit.value);
        break;
    }
  }
  return lines;
}

struct RewriteCase {
  const char* name;
  const char* lines;
  const char* header;
  std::vector<std::string> edits;
  void (*arrange)(Situation&) = nullptr;
};

const RewriteCase kRewrites[] = {
    {"nothing_to_do", "add_header all X y\n", "Subject: a\n\n", {}},
    {"subject",
     "rewrite_header subject [SPAM _SCORE_/_REQD_]\n",
     "Subject: a\n b\n\n",
     {"~Subject 1: [SPAM 7.0/5.0] a\n b"}},
    {"ham_stays", "rewrite_header subject [SPAM]\n", "Subject: a\n\n", {}, ham},
    {"held_mail_is_spam",
     "rewrite_header subject [SPAM]\n",
     "Subject: a\n\n",
     {"~Subject 1: [SPAM] a"},
     [](Situation& s) { s.verdict.action = Action::hold; }},
    {"not_twice", "rewrite_header subject [SPAM]\n", "Subject: [SPAM] a\n\n", {}},
    {"missing_subject",
     "rewrite_header subject [SPAM]\n",
     "From: a@b.example\n\n",
     {"+Subject: [SPAM]"}},
    {"empty_subject", "rewrite_header subject [SPAM]\n", "Subject:\n\n", {"~Subject 1: [SPAM]"}},
    {"each_subject",
     "rewrite_header subject [SPAM]\n",
     "Subject: a\nX: y\nSUBJECT : b\n\n",
     {"~Subject 1: [SPAM] a", "~SUBJECT 2: [SPAM] b"}},
    {"text_that_came_to_nothing", "rewrite_header subject _BAYES_\n", "Subject: a\n\n", {}},
    {"from_and_to",
     "rewrite_header From spam (_SCORE_)\nrewrite_header To spam\n",
     "From: Ann <a@b.example>\nTo: c@d.example,\n e@f.example\nSubject: a\n\n",
     {"~From 1: (spam [7.0]) Ann <a@b.example>", "~To 1: (spam)\tc@d.example,\n e@f.example"}},
    {"missing_from_and_empty_to",
     "rewrite_header From spam\nrewrite_header To spam\n",
     "To: \nSubject: a\n\n",
     {}},
    {"hostile_domain_in_a_comment",
     "rewrite_header From spam of _SENDERDOMAIN_\n",
     "From: a@b.example\n\n",
     {"~From 1: (spam of ?b?c?c?) a@b.example"},
     [](Situation& s) { s.envelope.mail_from_domain = ")b@c<c>"; }},
    {"foreign_text",
     "rewrite_header subject gr\xc3\xbc\xc3\x9f\n",
     "Subject: a\n\n",
     {"~Subject 1: =?utf-8?b?Z3LDvMOf?= a"}},
    {"lines_become_one",
     "rewrite_header subject [_REPORT_]\n",
     "Subject: a\n\n",
     {"~Subject 1: [ * 4.0 SPF_FAIL SPF: fail * 2.5 A_RULE says why * 0.5 B_RULE *\n\t-0.0 C_RULE] "
      "a"}},
    {"no_rule_files",
     "",
     "Subject: a\n\n",
     {},
     [](Situation& s) { s.policy.header_changes.reset(); }},
};

TEST(RuleHeaders, Rewrites) {
  for (const RewriteCase& row : kRewrites) {
    Situation s(row.lines, row.header);
    if (row.arrange != nullptr) row.arrange(s);
    EXPECT_THAT(shown(field_rewrites(s.sources())), ElementsAreArray(row.edits)) << row.name;
  }
}

TEST(RuleHeaders, OfManyFieldsTheFirstAndTheLastAreRewritten) {
  std::string header;
  for (int i = 1; i <= 1000; ++i) header += "Subject: " + std::to_string(i) + "\n";
  const Situation s("rewrite_header subject S\n", header + "\n");
  const auto edits = shown(field_rewrites(s.sources()));
  ASSERT_EQ(edits.size(), static_cast<std::size_t>(kMaxRewritten));
  EXPECT_EQ(edits.front(), "~Subject 1: S 1");
  EXPECT_EQ(edits.back(), "~Subject 1000: S 1000");
}

struct FieldsCase {
  const char* name;
  const char* lines;
  const char* header;
  std::vector<std::string> edits;
  void (*arrange)(Situation&) = nullptr;
};

void own_fields(Situation& s) {
  s.policy.add_spam_headers = true;
  s.verdict.reasons = {{"R", 7, Action::none}};
}

const char* const kStatus = "+X-Spam-Status: Yes, score=7.0 required=5.0 tests=R";

const FieldsCase kFields[] = {
    {"in_order_from_the_top",
     "add_header all One 1\nadd_header all Two 2\n",
     "A: 1\n\n",
     {"+X-Spam-Two: 2", "+X-Spam-One: 1"}},
    {"spam_only", "add_header spam S 1\nadd_header ham H 2\n", "A: 1\n\n", {"+X-Spam-S: 1"}},
    {"ham_only", "add_header spam S 1\nadd_header ham H 2\n", "A: 1\n\n", {"+X-Spam-H: 2"}, ham},
    {"nothing_said", "add_header all E \"\"\nadd_header all L _STARS(*)_\n", "A: 1\n\n", {}, clean},
    {"folded", R"(add_header all X a\nb\tc)", "A: 1\n\n", {"+X-Spam-X: a\n\tb\tc"}},
    {"report",
     R"(add_header all X _REPORT_)",
     "A: 1\n\n",
     {"+X-Spam-X: *   4.0 SPF_FAIL SPF: fail\n\t*   2.5 A_RULE says why\n\t*   0.5 B_RULE\n\t*  "
      "-0.0 "
      "C_RULE"}},
    {"forged_ones_go",
     "add_header spam One 1\nremove_header all Two\n",
     "X-Spam-One: a\nx-spam-two: b\nX-Spam-Three: c\nX-Spam-One: d\n\n",
     {"-X-Spam-One 2", "-x-spam-two 1", "-X-Spam-One 1", "+X-Spam-One: 1"}},
    {"forged_ones_go_from_ham_too",
     "add_header spam One 1\n",
     "X-Spam-One: a\n\n",
     {"-X-Spam-One 1"},
     ham},
    {"own_ones_as_ever",
     "add_header all One 1\n",
     "A: 1\n\n",
     {"+X-Spam-Flag: YES", "+X-Spam-Level: *******", "+X-Spam-Report: *   7.0 R", kStatus,
      "+X-Spam-One: 1"},
     own_fields},
    {"the_rule_file_wins",
     "add_header all Status mine\nadd_header ham Flag _YESNO_\n",
     "A: 1\n\n",
     {"+X-Spam-Flag: YES", "+X-Spam-Level: *******", "+X-Spam-Report: *   7.0 R",
      "+X-Spam-Status: mine"},
     own_fields},
    {"taken_away",
     "remove_header all Report\nremove_header spam LEVEL\nremove_header ham Status\n",
     "A: 1\n\n",
     {"+X-Spam-Flag: YES", kStatus},
     own_fields},
    {"clear_takes_none_of_ours",
     "add_header all One 1\nclear_headers\n",
     "A: 1\n\n",
     {"+X-Spam-Flag: YES", "+X-Spam-Level: *******", "+X-Spam-Report: *   7.0 R", kStatus},
     own_fields},
};

TEST(RuleHeaders, Fields) {
  for (const FieldsCase& row : kFields) {
    Situation s(row.lines, row.header);
    if (row.arrange != nullptr) row.arrange(s);
    EXPECT_THAT(shown(header_edits(s.sources())), ElementsAreArray(row.edits)) << row.name;
  }
}

TEST(RuleHeaders, RewritesStandBetweenRemovalsAndNewFields) {
  Situation s("rewrite_header subject [SPAM]\nadd_header all One 1\n",
              "X-Spam-One: 2\nSubject: a\n\n");
  s.facts.rewrites = field_rewrites(s.sources());
  EXPECT_THAT(shown(header_edits(s.sources())),
              ElementsAre("-X-Spam-One 1", "~Subject 1: [SPAM] a", "+X-Spam-One: 1"));
}

TEST(RuleHeaders, EditedHeaderIsWhatGoesOut) {
  const auto message = mail::parse_message("A: 1\nSubject: a\n b\nA : 2\n\n");
  using Kind = HeaderEdit::Kind;
  const auto fields =
      edited(message.fields, std::vector<HeaderEdit>{{Kind::remove, "a", "", 2},
                                                     {Kind::change, "Subject", "x\n b", 1},
                                                     {Kind::change, "Subject", "no", 2},
                                                     {Kind::insert, "New", "n", 0}});
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[0], (mail::HeaderField{"New", " n"}));
  EXPECT_EQ(fields[1], (mail::HeaderField{"A", " 1"}));
  EXPECT_EQ(fields[2], (mail::HeaderField{"Subject", " x\r\n b"}));
}

}  // namespace
}  // namespace gatepost
