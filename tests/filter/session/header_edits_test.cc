#include "filter/session/header_edits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/mail/header_block.h"

namespace gatepost {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// "-X-Spam-Flag 2" removes the second one, "+X-Spam-Flag: YES @0" inserts at position 0.
std::vector<std::string> shown(const std::vector<HeaderEdit>& edits) {
  std::vector<std::string> lines;
  for (const HeaderEdit& edit : edits) {
    lines.push_back(edit.kind == HeaderEdit::Kind::remove
                        ? "-" + edit.name + " " + std::to_string(edit.index)
                        : "+" + edit.name + ": " + edit.value + " @" + std::to_string(edit.index));
  }
  return lines;
}

struct Situation {
  Policy policy;
  Connection connection;
  Envelope envelope;
  Verdict verdict;
  Facts facts;

  HeaderSources sources(std::span<const mail::HeaderField> fields) const {
    return {fields, policy, connection, envelope, verdict, facts};
  }
};

Situation plain() {
  Situation situation;
  situation.policy.mode = Mode::enforce;
  situation.policy.add_authentication_results = false;
  situation.policy.add_spam_headers = false;
  situation.connection.mta_name = "mx.here.example";
  situation.verdict.stage = Stage::end_of_message;
  return situation;
}

std::vector<std::string> edits_for(std::string_view header, const Situation& s) {
  const auto message = mail::parse_message(header);
  return shown(header_edits(s.sources(message.fields)));
}

// What is taken away.
struct RemovalCase {
  const char* name;
  const char* header;
  std::vector<std::string> removed;
  void (*arrange)(Situation&) = nullptr;
};

const RemovalCase kRemovals[] = {
    {"nothing_to_remove", "From: a@b.example\nSubject: x\n\n", {}},
    {"others_results_stay", "Authentication-Results: mx.other.example; spf=pass\n\n", {}},
    {"ours_go_last_first",
     "Authentication-Results: mx.here.example; spf=pass\nA: 1\n"
     "Authentication-Results: mx.other.example; spf=pass\n"
     "authentication-results: MX.Here.Example; dkim=pass\n\n",
     {"-Authentication-Results 3", "-Authentication-Results 1"}},
    {"configured_name",
     "Authentication-Results: mx.here.example; none\nAuthentication-Results: id.example; none\n\n",
     {"-Authentication-Results 2"},
     [](Situation& s) { s.policy.authserv_id = "id.example"; }},
    {"further_names",
     "Authentication-Results: mx2.here.example; none\n\n",
     {"-Authentication-Results 1"},
     [](Situation& s) { s.policy.own_authserv_ids = {"mx2.here.example"}; }},
    {"trusted_foreign_names_from_a_stranger",
     "Authentication-Results: mx.front.example; dmarc=pass\n"
     "Authentication-Results: mx.other.example; none\n\n",
     {"-Authentication-Results 1"},
     [](Situation& s) { s.policy.trusted_authserv_ids = {"mx.front.example"}; }},
    {"trusted_foreign_names_from_a_trusted_relay",
     "Authentication-Results: mx.front.example; dmarc=pass\n\n",
     {},
     [](Situation& s) {
       s.policy.trusted_authserv_ids = {"mx.front.example"};
       s.connection.trusted_relay = true;
     }},
    {"name_of_the_mta_in_every_disguise",
     "Authentication-Results: MX.HERE.EXAMPLE; none\n"
     "Authentication-Results: (x) mx.here.example (y) 1 (z); none\n"
     "Authentication-Results:\n mx.here.example\n ; none\n"
     "Authentication-Results: \"mx.here.example\" 2; none\n"
     "AUTHENTICATION-RESULTS: mx.here.example/1; none\n\n",
     {"-Authentication-Results 5", "-Authentication-Results 4", "-Authentication-Results 3",
      "-Authentication-Results 2", "-Authentication-Results 1"}},
    {"trusted_relay_keeps_results",
     "Authentication-Results: mx.here.example; spf=pass\nX-Spam-Flag: NO\n\n",
     {"-X-Spam-Flag 1"},
     [](Situation& s) { s.connection.trusted_relay = true; }},
    {"spam_fields_of_ours",
     "X-Spam-Status: No\nX-Spam-Flag: NO\nX-Spam-Level: *\nX-Spam-Score: 1\nX-Spam-Report: x\n"
     "X-Spam-Checker-Version: SpamAssassin\nX-Spam: yes\n\n",
     {"-X-Spam-Report 1", "-X-Spam-Score 1", "-X-Spam-Level 1", "-X-Spam-Flag 1",
      "-X-Spam-Status 1"}},
    {"each_name_counts_for_itself",
     "X-Spam-Flag: NO\nx-spam-status: No\nX-SPAM-FLAG: NO\nX-Spam-Flag : NO\n\n",
     {"-X-Spam-Flag 3", "-X-SPAM-FLAG 2", "-x-spam-status 1", "-X-Spam-Flag 1"}},
};

class HeaderRemovals : public ::testing::TestWithParam<RemovalCase> {};

TEST_P(HeaderRemovals, Row) {
  Situation situation = plain();
  if (GetParam().arrange != nullptr) GetParam().arrange(situation);
  EXPECT_THAT(edits_for(GetParam().header, situation), ElementsAreArray(GetParam().removed));
}

INSTANTIATE_TEST_SUITE_P(Rows, HeaderRemovals, ::testing::ValuesIn(kRemovals),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(HeaderEdits, CleanMailGetsStatusAndResultsOnTop) {
  Situation s = plain();
  s.policy.add_authentication_results = s.policy.add_spam_headers = true;
  s.facts.results.push_back({"spf", "pass", "", {{"smtp", "mailfrom", "a@b.example"}}, "", ""});
  EXPECT_THAT(
      edits_for("Authentication-Results: mx.here.example; none\nX-Spam-Flag: NO\n\n", s),
      ElementsAre("-Authentication-Results 1", "-X-Spam-Flag 1",
                  "+X-Spam-Status: No, score=0.0 required=5.0 tests=none @0",
                  "+Authentication-Results: mx.here.example;\n\tspf=pass smtp.mailfrom=a@b.example "
                  "@0"));
}

TEST(HeaderEdits, SignaturesOfOursStandOnTop) {
  Situation s = plain();
  s.policy.add_authentication_results = true;
  s.facts.signatures = {{"b.example", "r", "v=1;\n\tb=x"}, {"b.example", "e", "v=1; b=y"}};
  EXPECT_THAT(edits_for("A: 1\n\n", s),
              ElementsAre("+Authentication-Results: mx.here.example; none @0",
                          "+DKIM-Signature: v=1;\n\tb=x @0", "+DKIM-Signature: v=1; b=y @0"));
}

TEST(HeaderEdits, ReceivedSpfStandsBelowAuthenticationResults) {
  Situation s = plain();
  s.policy.add_authentication_results = true;
  s.facts.received_spf = {"pass (m)", "fail (h)"};
  EXPECT_THAT(edits_for("Received-SPF: pass (earlier)\n\n", s),
              ElementsAre("+Received-SPF: fail (h) @0", "+Received-SPF: pass (m) @0",
                          "+Authentication-Results: mx.here.example; none @0"));
}

TEST(HeaderEdits, TaggedMailGetsFlagAndLevel) {
  Situation s = plain();
  s.policy.add_spam_headers = true;
  s.verdict.action = Action::tag;
  s.verdict.score = 7.96;
  s.verdict.reasons = {{"DNSLIST_LISTED", 4, Action::none}, {"SPF_FAIL", 3.96, Action::none}};
  EXPECT_THAT(
      edits_for("A: 1\n\n", s),
      ElementsAre("+X-Spam-Flag: YES @0", "+X-Spam-Level: ******* @0",
                  "+X-Spam-Report: *   4.0 DNSLIST_LISTED the client is on a DNS list; "
                  "score\n\t*       times the list's weight\n\t*   4.0 SPF_FAIL SPF: fail @0",
                  "+X-Spam-Status: Yes, score=8.0 required=5.0 "
                  "tests=DNSLIST_LISTED,SPF_FAIL @0"));
}

TEST(HeaderEdits, LevelHasAtMostFiftyStarsAndNeverLessThanNone) {
  for (const auto& [score, stars] : {std::pair{1e6, 50}, {-3.0, 0}, {0.9, 0}, {50.5, 50}}) {
    Situation s = plain();
    s.policy.add_spam_headers = true;
    s.verdict.action = Action::tag;
    s.verdict.score = score;
    std::size_t level = 0;
    for (const std::string& line : edits_for("A: 1\n\n", s)) {
      if (line.starts_with("+X-Spam-Level: "))
        level = line.size() - std::string_view("+X-Spam-Level:  @0").size();
    }
    EXPECT_EQ(level, static_cast<std::size_t>(stars)) << score;
  }
}

struct ReportCase {
  const char* name;
  const char* description;
  const char* report;
};

const ReportCase kReports[] = {
    {"no_description", "", "*   2.5 RULE"},
    {"plain", "says why", "*   2.5 RULE says why"},
    {"folded_between_words",
     "a description that is so long that it does not fit in one line of a header field",
     "*   2.5 RULE a description that is so long that it does not\n"
     "\t*       fit in one line of a header field"},
    {"other_languages_as_encoded_words",
     "gr\xc3\xbc\xc3\x9f"
     "e",
     "*   2.5 RULE =?utf-8?b?Z3LDvMOfZQ==?="},
    {"no_encoded_word_of_its_own",
     "=?utf-8?q?=0AX?=", "*   2.5 RULE =?utf-8?b?PT91dGYtOD9xPz0wQVg/PQ==?="},
    {"line_breaks_are_shown", "a\nX-Spam-Flag: NO\r\n",
     "*   2.5 RULE a\\x0aX-Spam-Flag: NO\\x0d\\x0a"},
    {"escapes_and_bidi_are_shown", "\x1b[2J\xe2\x80\xae", "*   2.5 RULE \\x1b[2J\\xe2\\x80\\xae"},
    {"no_utf8", "\xff", "*   2.5 RULE \\xff"},
};

TEST(HeaderEdits, ReportSaysWhatEachReasonMeans) {
  for (const ReportCase& row : kReports) {
    Situation s = plain();
    s.policy.add_spam_headers = true;
    s.verdict.action = Action::tag;
    s.verdict.reasons = {{"RULE", 2.5, Action::none, row.description}};
    EXPECT_THAT(edits_for("A: 1\n\n", s),
                ::testing::Contains("+X-Spam-Report: " + std::string(row.report) + " @0"))
        << row.name;
  }
}

TEST(HeaderEdits, ReasonsAreBounded) {
  Situation s = plain();
  s.policy.add_spam_headers = true;
  s.verdict.action = Action::tag;
  s.verdict.reasons.assign(10000, {"RULE", 1, Action::none, std::string(5000, 'x')});
  for (const HeaderEdit& edit : header_edits(s.sources({})))
    EXPECT_LT(edit.value.size(), 50000U) << edit.name;
  const auto lines = edits_for("A: 1\n\n", s);
  EXPECT_THAT(lines, ::testing::Contains(::testing::EndsWith("\n\t* and 9900 more @0")));
  EXPECT_THAT(lines, ::testing::Contains(::testing::EndsWith("RULE,... @0")));
}

TEST(HeaderEdits, LongListsOfTestsAreFolded) {
  Situation s = plain();
  s.policy.add_spam_headers = true;
  s.verdict.reasons.assign(30, {"SOME_LONGER_FINDING", 0.1, Action::none});
  const std::vector<HeaderEdit> edits = header_edits(s.sources({}));
  ASSERT_EQ(edits.size(), 1U);
  std::string line = "X-Spam-Status: ";
  for (const char c : edits[0].value) {
    if (c == '\n') {
      EXPECT_LE(line.size(), 78U) << line;
      line.clear();
    } else {
      line += c;
    }
  }
  EXPECT_LE(line.size(), 78U) << line;
  EXPECT_GT(std::count(edits[0].value.begin(), edits[0].value.end(), '\n'), 5);
}

TEST(AuthservId, PolicyThenMtaThenLocalhost) {
  Policy policy;
  Connection connection;
  EXPECT_EQ(authserv_id(policy, connection), "localhost");
  connection.mta_name = "mx.here.example";
  EXPECT_EQ(authserv_id(policy, connection), "mx.here.example");
  policy.authserv_id = "id.example";
  EXPECT_EQ(authserv_id(policy, connection), "id.example");
}

}  // namespace
}  // namespace gatepost
