// What a message can make us ask.
#include <gtest/gtest.h>

#include "tests/dmarc/zone.h"

namespace gatepost::dmarc {
namespace {

using test::author;
using test::run;
using test::with_dkim;
using test::with_spf;
using test::Zone;

using Rounds = std::vector<std::vector<std::string>>;

struct QuestionCase {
  const char* name;
  Request request;
  Zone zone;
  Rounds expected;
};

const QuestionCase kQuestionCases[] = {
    {"author_alone",
     author("a.example.com"),
     {{"example.com", "v=DMARC1;p=reject"}},
     {{"_dmarc.a.example.com", "_dmarc.example.com", "_dmarc.com"}}},
    {"same_identifiers_cost_nothing",
     with_dkim(with_spf(author("example.com"), "example.com"), "example.com"),
     {{"example.com", "v=DMARC1;p=reject"}},
     {{"_dmarc.example.com", "_dmarc.com"}}},
    {"related_walk_goes_out_with_the_authors",
     with_spf(author("example.com"), "b.example.com"),
     {{"example.com", "v=DMARC1;p=reject"}},
     {{"_dmarc.example.com", "_dmarc.com", "_dmarc.b.example.com"}}},
    {"parent_costs_nothing",
     with_spf(author("a.example.com"), "example.com"),
     {{"example.com", "v=DMARC1;p=reject"}},
     {{"_dmarc.a.example.com", "_dmarc.example.com", "_dmarc.com"}}},
    {"equal_ones_are_asked_once",
     with_dkim(with_dkim(with_spf(author("example.com"), "b.example.com"), "b.example.com"),
               "B.example.com"),
     {{"example.com", "v=DMARC1;p=reject"}},
     {{"_dmarc.example.com", "_dmarc.com", "_dmarc.b.example.com"}}},
    {"unrelated_ones_are_not_asked",
     with_dkim(with_spf(author("example.com"), "example.net"), "a.other.com"),
     {{"example.com", "v=DMARC1;p=reject"}},
     {{"_dmarc.example.com", "_dmarc.com"}}},
    {"failed_ones_are_not_asked",
     with_spf(author("example.com"), "b.example.com", Authentication::fail),
     {{"example.com", "v=DMARC1;p=reject"}},
     {{"_dmarc.example.com", "_dmarc.com"}}},
    {"second_round_where_only_the_policy_tells",
     with_spf(author("a.example"), "b.example"),
     {{"example", "v=DMARC1;p=reject"}},
     {{"_dmarc.a.example", "_dmarc.example"}, {"_dmarc.b.example"}}},
    {"existence_and_walks_in_one_round",
     with_spf(author("a.example"), "b.example"),
     {{"example", "v=DMARC1;p=none;np=reject"}},
     {{"_dmarc.a.example", "_dmarc.example"}, {"_dmarc.b.example", "A a.example"}}},
    {"no_policy_no_second_round",
     with_spf(author("a.example"), "b.example"),
     {},
     {{"_dmarc.a.example", "_dmarc.example"}}},
};

TEST(Budget, Questions) {
  for (const auto& c : kQuestionCases) {
    EXPECT_EQ(run(c.request, c.zone).rounds, c.expected) << c.name;
  }
}

std::string deep(const std::string& label, const std::string& below) {
  std::string name = below;
  for (int i = 0; i < 30; ++i) name.insert(0, label + std::to_string(i) + ".");
  return name;
}

TEST(Budget, DeepAuthorAsksEight) {
  const auto result = run(author(deep("x", "example.com")), {});
  ASSERT_EQ(result.rounds.size(), 1U);
  EXPECT_EQ(result.asked, kMaxTreeWalkQueries);
}

// Every signature passes and has a walk of its own: 60 domains of the author's organization.
TEST(Budget, ManySignatures) {
  Request request = author("example.com");
  for (int i = 0; i < 60; ++i) {
    request = with_dkim(request, deep("y" + std::to_string(i) + "-", "example.com"));
  }
  const Zone none_aligned{{"example.com", "v=DMARC1;p=reject;adkim=s"}};
  EXPECT_LE(run(request, none_aligned).asked, kMaxQueries);

  // The first one fits and is aligned; the rest does not change that.
  const auto passes = run(request, {{"example.com", "v=DMARC1;p=reject"}});
  EXPECT_LE(passes.asked, kMaxQueries);
  EXPECT_EQ(passes.outcome.result, ResultCode::pass);

  // An aligned signature behind the budget still counts when it needs no question.
  request.dkim.push_back({"example.com", "last", Authentication::pass});
  const auto last = run(request, none_aligned);
  EXPECT_EQ(last.outcome.result, ResultCode::pass);
  EXPECT_EQ(last.outcome.dkim.selector, "last");
}

TEST(Budget, BeyondItIsNotAligned) {
  Zone zone{{"org.example.com", "v=DMARC1;p=reject;psd=n"}};
  Request request = author("org.example.com");
  for (int i = 0; i < 10; ++i) {
    const std::string domain = "n" + std::to_string(i) + ".org.example.com";
    const std::string under = deep("y", domain);
    zone.add("_dmarc." + domain, "v=DMARC1;p=none;psd=n");
    request = with_dkim(request, under);
  }
  request = with_dkim(request, deep("z", "org.example.com"));
  const auto result = run(request, zone);
  EXPECT_LE(result.asked, kMaxQueries);
  EXPECT_EQ(result.outcome.result, ResultCode::fail);
}

TEST(Budget, RoundsAndTotalWithDeferredWalks) {
  // One common label only: nothing is asked ahead, all in the second round.
  Request request = author("a.example");
  for (int i = 0; i < 50; ++i) request = with_dkim(request, "b" + std::to_string(i) + ".c.example");
  const auto result = run(request, {{"example", "v=DMARC1;p=reject;np=none"}});
  EXPECT_EQ(result.rounds.size(), 2U);
  EXPECT_LE(result.asked, kMaxQueries);
  EXPECT_EQ(result.outcome.result, ResultCode::pass);
}

}  // namespace
}  // namespace gatepost::dmarc
