#include "filter/policy/sender_map.h"

#include <gtest/gtest.h>

#include "filter/policy/policy.h"

namespace gatepost {
namespace {

constexpr char kMap[] =
    "# who may use what\n"
    "ann@our.example   ann\n"
    "boss@our.example  boss@our.example, ann,secretary\n"
    "  carol\n"
    "\n"
    "@shop.example     bob dave\r\n"
    "first@shop.example eve\n"
    "List@B\xc3\xbc"
    "cher.example ann\n"
    "\"odd name\"@our.example ann\n";

SenderMap map_of(std::string_view text) {
  SenderMap map;
  for (const auto& fault : map.add_text(text)) ADD_FAILURE() << fault.line << ": " << fault.what;
  return map;
}

struct Ownership {
  const char* name;
  const char* login;
  const char* address;
  bool owns;
};

const Ownership kOwnership[] = {
    {"listed", "ann", "ann@our.example", true},
    {"listed_for_another", "bob", "ann@our.example", false},
    {"letter_case_of_the_address", "ann", "Ann@our.example", true},
    {"letter_case_of_the_login", "ANN", "ann@our.example", true},
    {"one_of_several_logins", "secretary", "boss@our.example", true},
    {"a_login_on_a_continued_line", "carol", "boss@our.example", true},
    {"extension", "ann", "ann+lists@our.example", true},
    {"extension_of_another", "bob", "ann+lists@our.example", false},
    {"whole_domain", "bob", "anything@shop.example", true},
    {"second_login_of_a_domain", "dave", "x@shop.example", true},
    {"not_a_subdomain", "bob", "x@www.shop.example", false},
    {"an_address_of_its_own_beats_its_domain", "bob", "first@shop.example", false},
    {"and_is_for_its_own_login", "eve", "first@shop.example", true},
    {"not_listed", "ann", "carol@our.example", false},
    {"other_domain", "ann", "ann@other.example", false},
    {"u_label_is_compared_as_a_label", "ann", "list@xn--bcher-kva.example", true},
    {"quoted_local_part", "ann", "\"odd name\"@our.example", true},
    {"login_is_the_address", "zoe@our.example", "zoe@our.example", true},
    {"login_is_the_address_with_extension", "zoe@our.example", "zoe+x@our.example", true},
    {"login_is_the_address_in_a_listed_domain", "zoe@shop.example", "zoe@shop.example", true},
    {"login_is_an_address_that_is_given_to_another", "first@shop.example", "first@shop.example",
     false},
    {"domain_owner_is_no_prefix", "bo", "x@shop.example", false},
    {"no_login", "", "ann@our.example", false},
    {"no_domain", "ann", "ann", false},
    {"plus_in_front_is_no_extension", "ann", "+ann@our.example", false},
    {"plus_in_the_domain_is_none", "ann", "ann@our.example+x", false},
};

class Owns : public testing::TestWithParam<Ownership> {};
TEST_P(Owns, AsWritten) {
  EXPECT_EQ(map_of(kMap).owns(GetParam().login, GetParam().address), GetParam().owns);
}
INSTANTIATE_TEST_SUITE_P(SenderMap, Owns, testing::ValuesIn(kOwnership),
                         [](const auto& row) { return row.param.name; });

struct FaultCase {
  const char* name;
  const char* text;
  const char* faults;
};

const FaultCase kFaults[] = {
    {"empty", "", ""},
    {"comments_only", "# x\n  # y\n\n", ""},
    {"no_login", "a@b.example\n", "1: expected a login behind a@b.example"},
    {"commas_only", "a@b.example , ,\n", "1: expected a login behind a@b.example"},
    {"no_domain", "\nann ann\n", "2: 'ann' is no sender, expected user@domain or @domain"},
    {"bad_domain", "@b..example ann\n",
     "1: '@b..example' is no sender, expected user@domain or @domain"},
    {"all_at_once", "a\nx@y.example z\nb c\n",
     "1: expected a login behind a; 3: 'b' is no sender, expected user@domain or @domain"},
    {"angle_brackets", "<a@b.example> a\n",
     "1: '<a@b.example>' is no sender, expected user@domain or @domain"},
    {"controls_are_escaped", "\x1b[31m ann\n",
     "1: '\\x1b[31m' is no sender, expected user@domain or @domain"},
};

class Faults : public testing::TestWithParam<FaultCase> {};
TEST_P(Faults, NameTheLine) {
  SenderMap map;
  std::string shown;
  for (const auto& fault : map.add_text(GetParam().text))
    shown += (shown.empty() ? "" : "; ") + std::to_string(fault.line) + ": " + fault.what;
  EXPECT_EQ(shown, GetParam().faults);
}
INSTANTIATE_TEST_SUITE_P(SenderMap, Faults, testing::ValuesIn(kFaults),
                         [](const auto& row) { return row.param.name; });

// Whom we sign for, by what the operator wrote.
TEST(MaySignAs, WithoutAMapALoginSignsForItsOwnDomain) {
  const Policy policy;
  EXPECT_TRUE(may_sign_as(policy, "ann@our.example", "ann@our.example"));
  EXPECT_TRUE(may_sign_as(policy, "ann@our.example", "bob@our.example"));
  EXPECT_FALSE(may_sign_as(policy, "ann@our.example", "ann@shop.example"));
  EXPECT_FALSE(may_sign_as(policy, "ann@our.example", "ann@sub.our.example"));
  EXPECT_TRUE(may_sign_as(policy, "ann", "ann@our.example")) << "a user of this site";
  EXPECT_FALSE(may_send_as(policy, "ann", "ann@our.example")) << "only when it is checked";
}

TEST(MaySignAs, WithAMapTheAddressMustBeTheLogins) {
  Policy policy;
  policy.senders = std::make_shared<const SenderMap>(map_of(kMap));
  EXPECT_TRUE(may_sign_as(policy, "ann", "ann@our.example"));
  EXPECT_FALSE(may_sign_as(policy, "ann", "carol@our.example"));
  EXPECT_FALSE(may_sign_as(policy, "ann@our.example", "bob@our.example"));
}

TEST(SenderCheckOf, IsAutomaticallyOnWithAMap) {
  Policy policy;
  EXPECT_EQ(sender_check(policy), SenderCheck::off);
  policy.senders = std::make_shared<const SenderMap>();
  EXPECT_EQ(sender_check(policy), SenderCheck::both);
  policy.check_sender = SenderCheck::envelope;
  EXPECT_EQ(sender_check(policy), SenderCheck::envelope);
}

}  // namespace
}  // namespace gatepost
