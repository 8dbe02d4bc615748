#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "core/base/snapshot.h"
#include "rules/match_state.h"
#include "tests/rules/engine.h"

namespace gatepost::rules::test {
namespace {

const std::vector<mail::HeaderField> kFields = {
    {"Received", " from a by b;\r\n\tMon, 1 Jan 2026"},
    {"Received", " from c by d"},
    {"From", " \"Müller, Max\" <Max@Example.com>"},
    {"To", " a@x.org, Bee <b@x.org>"},
    {"Cc", " c@x.org (Cee)"},
    {"subject", " =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_an_alle?="},
    {"Message-Id", " <=?utf-8?q?a?=@x>"},
    {"X-Empty", ""},
};

struct HeaderCase {
  const char* name;
  const char* rule;
  bool hit;
};

constexpr HeaderCase kHeaders[] = {
    {"encoded_words_are_decoded", "Subject =~ /^Grüße an alle$/", true},
    {"names_without_letter_case", "SUBJECT =~ /alle/", true},
    {"raw_is_as_written", R"(Subject:raw =~ /^ =\?utf-8\?q\?Gr=C3/)", true},
    {"raw_keeps_folds", R"(Subject:raw =~ /\?=\n =\?/)", true},
    {"message_id_is_not_decoded", R"(Message-ID =~ /=\?utf-8/)", true},
    {"folds_are_a_blank", "Received =~ /b; Mon/", true},
    {"fields_of_a_name_follow_one_another", R"(Received =~ /2026\nfrom c/)", true},
    {"begin_is_that_of_the_first", "Received =~ /^from c/", false},
    {"with_m_of_each", "Received =~ /^from c/m", true},
    {"end_before_the_last_line_end", "Received =~ /by d$/", true},
    {"addr_of_all_mailboxes", R"(To:addr =~ /^a@x\.org\nb@x\.org$/)", true},
    {"addr_keeps_letter_case", R"(From:addr =~ /^Max@Example\.com$/)", true},
    {"name_is_the_phrase", "From:name =~ /^Müller, Max$/", true},
    {"name_may_be_a_comment", "Cc:name =~ /^Cee$/", true},
    {"tocc", R"(ToCc =~ /Bee.*\n.*Cee/)", true},
    {"all_has_names", "ALL =~ /^To: a@x/m", true},
    {"all_decoded", "ALL =~ /^subject: Grüße/m", true},
    {"messageid", "MESSAGEID =~ /@x/", true},
    {"envelope_from", "EnvelopeFrom =~ /^bounce@x$/", true},
    {"exists", "exists:x-empty", true},
    {"exists_not", "exists:X-None", false},
    {"not_exists", "!exists:X-None", true},
    {"not_exists_of_one_that_is", "!exists:Cc", false},
    {"missing_is_empty", "X-None =~ /^$/", true},
    {"missing_does_not_match", "X-None =~ /x/", false},
    {"negated", "Subject !~ /alle/", false},
    {"negated_hits", "Subject !~ /niemand/", true},
    {"negated_of_missing_hits", "X-None !~ /x/", true},
    {"empty_field_is_a_line_end", R"(X-Empty =~ /^\n$/)", true},
    {"octets_are_characters", "Subject =~ /Gr..{2}..?e/", true},
    {"caseless_is_ascii", "Subject =~ /GRüßE/i", true},
    {"caseless_leaves_other_octets", "Subject =~ /GRÜßE/i", false},
};

TEST(Headers, AreThoseOfTheTable) {
  std::vector<Rule> rules;
  std::string expected;
  for (const HeaderCase& c : kHeaders) {
    rules.push_back(header_rule(c.name, c.rule));
    if (c.hit) expected += (expected.empty() ? "" : " ") + std::string(c.name);
  }
  const auto set = compile_here(file_of(rules));
  ASSERT_TRUE(set);
  for (int round = 0; round < 2; ++round)  // the second one with used memory
    EXPECT_EQ(hits(*set, {}, kFields, "bounce@x"), expected);
}

TEST(Headers, IfUnset) {
  Rule a = header_rule("A", "X-None =~ /^UNSET$/");
  a.header.if_unset = "UNSET";
  Rule b = header_rule("B", "Cc =~ /UNSET/");
  b.header.if_unset = "UNSET";
  const auto set = compile_here(file_of({a, b, header_rule("C", "X-None =~ /UNSET/")}));
  EXPECT_EQ(hits(*set, {}, kFields), "A");
  EXPECT_EQ(hits(*set, {}, {}), "A B");
}

struct BodyCase {
  const char* name;
  const char* pattern;
  std::vector<std::string> pieces;
  int count;  // with tflags multiple; without, 1 for any
};

const BodyCase kBodies[] = {
    {"literal", "/foo/", {"a foo", "foo foo"}, 3},
    {"not_across_pieces", R"(/foo\s+bar/)", {"foo", "bar"}, 0},
    {"within_one_piece_though_another_crosses", R"(/foo\s+bar/)", {"foo", "bar", "foo bar"}, 1},
    {"line_end_of_a_piece_is_its_own", R"(/foo\s/)", {"foo", "bar"}, 1},
    {"end_behind_the_line_end", R"(/foo\s$/)", {"foo", "bar", "foo x"}, 1},
    {"absolute_end_behind_the_line_end", R"(/[^a-z]\z/)", {"foo", "bar"}, 2},
    {"nothing_behind_the_line_end", R"(/foo\s./)", {"foo", "bar"}, 0},
    {"line_end_inside", R"(/foo\nbar/)", {"foo\nbar"}, 1},
    {"begin_of_piece", "/^foo/", {"x", "foo", "xfoo"}, 1},
    {"begin_is_not_begin_of_line", "/^foo/", {"x\nfoo"}, 0},
    {"with_m_it_is", "/^foo/m", {"x\nfoo", "foo\nfoo"}, 3},
    {"end_of_piece", "/foo$/", {"foo", "foo x", "x foo"}, 2},
    {"end_before_last_line_end_alone", "/foo$/", {"foo\n", "foo\nx", "foo"}, 1},
    {"absolute_end", R"(/foo\n\z/)", {"foo\n", "foo"}, 1},
    {"boundaries_at_the_ends", R"(/\bfoo\b/)", {"foo", "xfoo", "foo"}, 2},
    {"look_ahead_ends_with_the_piece", "/foo(?!bar)/", {"foo", "foobar"}, 1},
    {"look_behind_starts_with_it", R"(/(?<!\n)foo/)", {"x", "foo"}, 1},
    {"back_reference", R"(/(\w+) \1/)", {"the the", "a b"}, 1},
    {"empty_matches", "/x*/", {"axb"}, 5},
    {"empty_piece", "/^$/", {"", "a"}, 1},
    {"not_overlapping", "/aa/", {"aaaaa"}, 2},
    {"extended", "/f o o # a comment/x", {"foo"}, 1},
    {"alternatives", "/(?:^|x)foo/", {"foo xfoo", "yfoo"}, 2},
};

TEST(Body, IsThatOfTheTable) {
  for (const RuleType type : {RuleType::body, RuleType::rawbody}) {
    for (const BodyCase& c : kBodies) {
      const Rule rule = make_rule("R", type, c.pattern);
      const auto set = compile_here(file_of({rule, multiple(make_rule("M", type, c.pattern)),
                                             multiple(make_rule("MAX", type, c.pattern), 2)}));
      mail::Content content;
      (type == RuleType::body ? content.body : content.rawbody) = pieces_of(c.pieces);
      const auto times = [](int n) { return n == 1 ? "" : "*" + std::to_string(n); };
      const std::string expected =
          c.count == 0 ? "" : "R M" + times(c.count) + " MAX" + times(std::min(c.count, 2));
      EXPECT_EQ(hits(*set, content), expected) << c.name;
    }
  }
}

// Too large for Hyperscan: its words are counted in each piece before PCRE2 is asked.
TEST(Body, WordsThatMustComeSeveralTimes) {
  std::string expression = "/(?:(?:";
  for (int i = 0; i < 60; ++i) expression += "field" + std::to_string(100 + i) + "\\W{1,90}|";
  expression += "name\\W{1,90})x?){3}$/";
  const auto set = compile_here(file_of({make_rule("FORM", RuleType::body, expression)}));
  const auto hits_of = [&](const std::vector<std::string>& pieces) {
    mail::Content content;
    content.body = pieces_of(pieces);
    return hits(*set, content);
  };
  EXPECT_EQ(hits_of({"s", "name: field101: name:"}), "FORM");
  EXPECT_EQ(hits_of({"s", "name: name: name: name:"}), "FORM");
  EXPECT_EQ(hits_of({"s", "name: field101:"}), "");
  EXPECT_EQ(hits_of({"s", "name: field101:", "name:"}), "");  // none across pieces
  EXPECT_EQ(hits_of({"s", "name: name:", "and then", "name: name: name:"}), "FORM");
  EXPECT_EQ(hits_of({"s", "name and name and name"}), "");  // words enough, yet no match
}

TEST(Body, NoSubject) {
  Rule rule = make_rule("R", RuleType::body, "/foo/");
  rule.flags.others = {"nosubject"};
  const auto set = compile_here(file_of({rule}));
  mail::Content content;
  content.body = pieces_of({"foo", "bar"});
  EXPECT_EQ(hits(*set, content), "");
  content.body = pieces_of({"foo", "foo"});
  EXPECT_EQ(hits(*set, content), "R");
}

TEST(Matcher, ShowsWhatItHit) {
  const auto set = compile_here(file_of({make_rule("EXACT", RuleType::body, "/pil+s? now/"),
                                         make_rule("CONFIRMED", RuleType::body, R"(/(l)\1s/)"),
                                         make_rule("LONG", RuleType::full, "/x{150}/")}));
  mail::Content content;
  content.body = pieces_of({"buy pills now please"});
  content.full = std::string(300, 'x');
  const std::vector<mail::HeaderField> none;
  const MatchOutcome outcome = set->match({none, content, ""});
  ASSERT_EQ(outcome.hits.size(), 3U);
  EXPECT_EQ(outcome.hits[0].matched, "pills now");
  EXPECT_EQ(outcome.hits[1].matched, "lls");
  EXPECT_EQ(outcome.hits[2].matched, std::string(100, 'x'));
  EXPECT_EQ(set->match({none, content, "", false}).hits[0].matched, "");
}

TEST(Matcher, Metas) {
  Rule off = make_rule("OFF", RuleType::body, "/foo/");
  off.scored = true;
  off.scores = {0, 0, 0, 0};
  const auto set = compile_here(file_of(
      {meta_rule("BOTH", "__FOO && __BAR"), make_rule("__FOO", RuleType::body, "/foo/"),
       make_rule("__BAR", RuleType::body, "/bar/"), meta_rule("NEITHER", "!__FOO && !__BAR"),
       meta_rule("USES_META", "NEITHER || (BOTH > 0)"), meta_rule("NOT_NEITHER", "!NEITHER"),
       multiple(make_rule("__MANY", RuleType::body, "/o/")), meta_rule("MANY", "__MANY > 2"), off,
       meta_rule("USES_OFF", "OFF"), meta_rule("UNKNOWN", "NO_SUCH_RULE || 0")}));
  ASSERT_TRUE(set);
  mail::Content content;
  content.body = pieces_of({"nothing"});
  EXPECT_EQ(hits(*set, content), "NEITHER USES_META __MANY");
  content.body = pieces_of({"foo bar oo"});
  EXPECT_EQ(hits(*set, content), "BOTH __FOO __BAR USES_META NOT_NEITHER __MANY*4 MANY");
  content.body = pieces_of({"foo"});
  EXPECT_EQ(hits(*set, content), "__FOO NOT_NEITHER __MANY*2");
}

TEST(Matcher, NothingToLookAt) {
  const auto empty = compile_here(file_of({}));
  EXPECT_EQ(hits(*empty, {}), "");
  const auto set = compile_here(
      file_of({make_rule("A", RuleType::full, "/a/"), make_rule("B", RuleType::full, "/^$/"),
               make_rule("C", RuleType::body, "/^/")}));
  EXPECT_EQ(hits(*set, {}), "B");
}

// Hyperscan is linear in them; PCRE2, where it is needed, stops at its limits.
TEST(Matcher, CatastrophicPatternsEnd) {
  const auto set = compile_here(
      file_of({make_rule("LINEAR", RuleType::full, "/(a+)+$/"),
               make_rule("LIMITED", RuleType::full, "/^(a|aa|a?)+x(?=q)/"),
               make_rule("QUADRATIC", RuleType::full, R"(/(?<!q)[a ]+[a ]+(?=[xy]q)/)"),
               header_rule("NEGATED", "X !~ /^(a|aa|a?)+x(?=q)/"),
               make_rule("FINE", RuleType::full, "/aaa/")}));
  mail::Content content;
  content.full = std::string(200000, 'a') + "xc";
  const std::vector<mail::HeaderField> fields = {{"X", std::string(60000, 'a') + "xc"}};
  const MatchOutcome outcome = set->match({fields, content, ""});
  EXPECT_EQ(names(outcome), "FINE");
  EXPECT_TRUE(outcome.budget_exceeded);
  EXPECT_GE(outcome.limited, 2U);
  // The next message has its budget again.
  content.full = "aaa";
  EXPECT_FALSE(set->match({{}, content, ""}).budget_exceeded);
}

TEST(Matcher, ConfirmationsHaveABudget) {
  CompileOptions options;
  options.match.max_confirmations = 3;
  const auto compiled = compile(file_of({make_rule("A", RuleType::body, R"(/foo\s+bar/)"),
                                         make_rule("B", RuleType::body, "/foo/")}),
                                options);
  ASSERT_TRUE(compiled.ok());
  mail::Content content;
  content.body = pieces_of({"foo", "bar", "foo", "bar", "foo", "bar", "foo", "bar", "foo bar"});
  // Matches that reach over a piece's end are no business of PCRE2 when they end in another piece
  // that has not begun with them: each of the pieces "bar" costs a look.
  const MatchOutcome outcome = compiled->rules->match({{}, content, ""});
  EXPECT_EQ(names(outcome), "B");
  EXPECT_TRUE(outcome.budget_exceeded);
}

// Label tsan: sets are swapped while others match; a message's hits are those of one set.
TEST(Matcher, SwapWhileMatching) {
  const auto make = [](const std::string& generation) {
    return compile_here(file_of({make_rule("A" + generation, RuleType::body, R"(/foo\s+bar/)"),
                                 make_rule("B" + generation, RuleType::body, "/foo(?= )/"),
                                 header_rule("C" + generation, "Subject =~ /x/"),
                                 meta_rule("D" + generation, "A" + generation)}));
  };
  Snapshot<RuleSet> current(make("0"));
  mail::Content content;
  content.body = pieces_of({"foo bar", "foo  bar"});
  const std::vector<mail::HeaderField> fields = {{"Subject", " x"}};
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> matched{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto set = current.get();
        const MatchOutcome outcome = set->match({fields, content, ""});
        const std::string g = set->rules()[0].name.substr(1);
        if (names(outcome) != "A" + g + " B" + g + " C" + g + " D" + g) ++wrong;
        ++matched;
      }
    });
  }
  for (int i = 1; i <= 20; ++i) {
    const int before = matched;
    current.swap(make(std::to_string(i)));
    while (matched < before + 4) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Matcher, ReloadsKeepNoScratch) {
  const std::size_t before = MatchStatePool::open_scratches();
  mail::Content content;
  content.body = pieces_of({"foo 1"});
  for (int i = 0; i < 100; ++i) {
    const auto set =
        compile_here(file_of({make_rule("A", RuleType::body, "/foo " + std::to_string(i) + "/"),
                              make_rule("B", RuleType::body, "/foo/")}));
    hits(*set, content);
    EXPECT_EQ(MatchStatePool::open_scratches(), before + 2);  // the prototype and one state
  }
  EXPECT_EQ(MatchStatePool::open_scratches(), before);
}

// Matched in two steps, with the texts gone for the second one, the hits are the same.
TEST(InTwoSteps, TheHitsAreThoseOfOne) {
  Rule asks;
  asks.name = "ASKS";
  asks.type = RuleType::eval;
  asks.eval = {"check_for_spf_pass", {}, RuleType::header};
  const auto set = compile_here(file_of(
      {meta_rule("BOTH", "ASKS && MANY > 1"), asks, header_rule("NOT", "Subject !~ /niemand/"),
       multiple(make_rule("MANY", RuleType::body, "/b.y/")),
       make_rule("__SUB", RuleType::body, "/and/"), meta_rule("NEITHER", "!ASKS && __SUB"),
       make_rule("FULL", RuleType::full, "/(?<=x)y/")}));
  ASSERT_TRUE(set);
  for (const bool yes : {false, true}) {
    const Says says(yes);
    mail::Content content;
    content.body = pieces_of({"subject", "buy and boy"});
    content.full = "xy";
    Subject subject{kFields, content, "a@b.example"};
    subject.answers = &says;
    const MatchOutcome at_once = set->match(subject);
    Subject without_answers = subject;
    without_answers.answers = nullptr;
    PartialMatch scanned = set->scan(without_answers);
    content = {};
    const MatchOutcome outcome = set->conclude(subject, std::move(scanned));
    EXPECT_EQ(names(outcome),
              yes ? "BOTH ASKS NOT MANY*2 __SUB FULL" : "NOT MANY*2 __SUB NEITHER FULL");
    EXPECT_EQ(names(outcome), names(at_once));
    ASSERT_EQ(outcome.hits.size(), at_once.hits.size());
    for (std::size_t i = 0; i < outcome.hits.size(); ++i) {
      if (!outcome.hits[i].rule->is_subrule()) {
        EXPECT_EQ(outcome.hits[i].matched, at_once.hits[i].matched) << outcome.hits[i].rule->name;
      }
    }
  }
}

}  // namespace
}  // namespace gatepost::rules::test
