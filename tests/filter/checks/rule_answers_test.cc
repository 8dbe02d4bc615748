// What rules that ask for SPF, DKIM, DMARC, ARC and DNS lists are told.

#include "filter/checks/rule_answers.h"

#include <gtest/gtest.h>

#include "tests/support/session/fake_rule_set.h"

namespace gatepost::test {
namespace {

struct Situation {
  Facts transaction;
  Facts connection;
  std::string mail_from = "ann@sender.example";
};

spf::Outcome spf_is(spf::ResultCode code) {
  spf::Outcome outcome;
  outcome.code = code;
  return outcome;
}

dkim::SignatureResult signature(std::string domain, dkim::Outcome outcome) {
  dkim::SignatureResult out;
  out.domain = std::move(domain);
  out.outcome = outcome;
  return out;
}

void set_dmarc(Situation& s, dmarc::ResultCode result, dmarc::Policy policy) {
  dmarc::Outcome outcome;
  outcome.result = result;
  outcome.policy = policy;
  s.transaction.dmarc = outcome;
}

void set_author(Situation& s, std::string domain) {
  mail::AuthorIdentity author;
  author.status = mail::AuthorIdentity::Status::single;
  author.domain = std::move(domain);
  s.transaction.author = author;
}

void set_arc(Situation& s, arc::ChainStatus status) {
  s.transaction.arc.emplace();
  s.transaction.arc->status = status;
}

using Arrange = void (*)(Situation&);

void nothing(Situation&) {}
void spf_passes(Situation& s) {
  s.transaction.spf_mail_from = spf_is(spf::ResultCode::pass);
  s.transaction.spf_helo = spf_is(spf::ResultCode::fail);
}
void null_path(Situation& s) {
  s.mail_from.clear();
  s.transaction.spf_mail_from = spf_is(spf::ResultCode::softfail);
}
void signed_well(Situation& s) {
  set_author(s, "author.example");
  s.transaction.dkim = {signature("list.example", dkim::Outcome::fail),
                        signature("author.example", dkim::Outcome::pass),
                        signature("sender.example", dkim::Outcome::pass)};
  s.transaction.results.emplace_back().method = "dkim";
}
void signed_badly(Situation& s) {
  set_author(s, "author.example");
  s.transaction.dkim = {signature("author.example", dkim::Outcome::fail)};
  s.transaction.dkim[0].testing = true;
}
void too_many_signatures(Situation& s) {
  s.transaction.dkim = {signature("", dkim::Outcome::policy)};
}
void on_lists(Situation& s) {
  s.connection.dns_lists = {{"zen.dnsbl.example", "127.0.0.4", false, {"127.0.0.2", "127.0.0.4"}},
                            {"dead.dnsbl.example", "127.255.255.254", true, {"127.255.255.254"}}};
}

struct Case {
  const char* name;
  Arrange arrange;
  const char* function;
  std::vector<std::string> arguments;
  bool holds;
};

const Case kCases[] = {
    {"nothing_is_known", nothing, "check_for_spf_pass", {}, false},
    {"spf_pass", spf_passes, "check_for_spf_pass", {}, true},
    {"spf_other_word", spf_passes, "check_for_spf_fail", {}, false},
    {"spf_helo", spf_passes, "check_for_spf_helo_fail", {}, true},
    {"spf_helo_other_word", spf_passes, "check_for_spf_helo_pass", {}, false},
    {"null_path_has_no_sender", null_path, "check_for_spf_softfail", {}, false},
    {"null_path_is_helo_rfc7208_2_4", null_path, "check_for_spf_helo_softfail", {}, true},
    {"dkim_signed", signed_well, "check_dkim_signed", {}, true},
    {"dkim_signed_by", signed_well, "check_dkim_signed", {"list.example"}, true},
    {"dkim_not_signed_by", signed_well, "check_dkim_signed", {"other.example"}, false},
    {"dkim_subdomains", signed_well, "check_dkim_signed", {"*.example"}, true},
    {"dkim_dot_is_the_domain_too", signed_well, "check_dkim_signed", {".list.example"}, true},
    {"dkim_no_suffix_of_a_name", signed_well, "check_dkim_signed", {".ist.example"}, false},
    {"dkim_valid", signed_well, "check_dkim_valid", {}, true},
    {"dkim_valid_by", signed_well, "check_dkim_valid", {"list.example"}, false},
    {"dkim_author", signed_well, "check_dkim_valid_author_sig", {}, true},
    {"dkim_author_of", signed_well, "check_dkim_valid_author_sig", {"sender.example"}, false},
    {"dkim_envelope", signed_well, "check_dkim_valid_envelopefrom", {}, true},
    {"dkim_dependable", signed_well, "check_dkim_dependable", {}, true},
    {"dkim_not_looked_at", nothing, "check_dkim_dependable", {}, false},
    {"dkim_not_testing", signed_well, "check_dkim_testing", {}, false},
    {"bad_is_signed", signed_badly, "check_dkim_signed", {}, true},
    {"bad_is_not_valid", signed_badly, "check_dkim_valid", {}, false},
    {"bad_author", signed_badly, "check_dkim_valid_author_sig", {}, false},
    {"testing", signed_badly, "check_dkim_testing", {}, true},
    {"unread_signatures_are_none", too_many_signatures, "check_dkim_signed", {}, false},
    {"adsp_is_historic_rfc5617", signed_badly, "check_dkim_adsp", {"*"}, false},
    {"signall_is_historic", signed_badly, "check_dkim_signall", {}, false},
    {"arc_none",
     [](Situation& s) { set_arc(s, arc::ChainStatus::none); },
     "check_arc_signed",
     {},
     false},
    {"arc_signed",
     [](Situation& s) { set_arc(s, arc::ChainStatus::fail); },
     "check_arc_signed",
     {},
     true},
    {"arc_invalid",
     [](Situation& s) { set_arc(s, arc::ChainStatus::fail); },
     "check_arc_valid",
     {},
     false},
    {"arc_valid",
     [](Situation& s) { set_arc(s, arc::ChainStatus::pass); },
     "check_arc_valid",
     {},
     true},
    {"dmarc_pass",
     [](Situation& s) { set_dmarc(s, dmarc::ResultCode::pass, dmarc::Policy::reject); },
     "check_dmarc_pass",
     {},
     true},
    {"dmarc_pass_rejects_nothing",
     [](Situation& s) { set_dmarc(s, dmarc::ResultCode::pass, dmarc::Policy::reject); },
     "check_dmarc_reject",
     {},
     false},
    {"dmarc_reject",
     [](Situation& s) { set_dmarc(s, dmarc::ResultCode::fail, dmarc::Policy::reject); },
     "check_dmarc_reject",
     {},
     true},
    {"dmarc_quarantine",
     [](Situation& s) { set_dmarc(s, dmarc::ResultCode::fail, dmarc::Policy::quarantine); },
     "check_dmarc_quarantine",
     {},
     true},
    {"dmarc_none",
     [](Situation& s) { set_dmarc(s, dmarc::ResultCode::fail, dmarc::Policy::none); },
     "check_dmarc_none",
     {},
     true},
    {"dmarc_missing",
     [](Situation& s) { set_dmarc(s, dmarc::ResultCode::none, dmarc::Policy::none); },
     "check_dmarc_missing",
     {},
     true},
    {"dmarc_temperror_is_nothing",
     [](Situation& s) { set_dmarc(s, dmarc::ResultCode::temperror, dmarc::Policy::none); },
     "check_dmarc_none",
     {},
     false},
    {"rbl", on_lists, "check_rbl", {"zen", "zen.dnsbl.example."}, true},
    {"rbl_case", on_lists, "check_rbl", {"zen", "Zen.dnsbl.example"}, true},
    {"rbl_not_asked", on_lists, "check_rbl", {"zen", "other.dnsbl.example."}, false},
    {"rbl_error_is_no_listing", on_lists, "check_rbl", {"dead", "dead.dnsbl.example."}, false},
    {"rbl_address", on_lists, "check_rbl", {"zen", "zen.dnsbl.example.", "127.0.0.2"}, true},
    {"rbl_other_address", on_lists, "check_rbl", {"zen", "zen.dnsbl.example.", "127.0.0.3"}, false},
    {"rbl_mask", on_lists, "check_rbl", {"zen", "zen.dnsbl.example.", "4"}, true},
    {"rbl_other_mask", on_lists, "check_rbl", {"zen", "zen.dnsbl.example.", "8"}, false},
    {"rbl_pattern",
     on_lists,
     "check_rbl",
     {"zen", "zen.dnsbl.example.", R"(^127\.0\.0\.[45]$)"},
     true},
    {"rbl_sub_of_its_set", on_lists, "check_rbl_sub", {"zen-lastexternal", "127.0.0.4"}, true},
    {"rbl_sub_of_an_unknown_set", on_lists, "check_rbl_sub", {"zen", "127.0.0.4"}, false},
    {"rbl_txt", on_lists, "check_rbl_txt", {"zen", "zen.dnsbl.example."}, true},
    {"rbl_txt_with_a_text_is_not_asked",
     on_lists,
     "check_rbl_txt",
     {"zen", "zen.dnsbl.example.", "spam"},
     false},
    {"rbl_of_the_sender_is_not_asked",
     on_lists,
     "check_rbl_envfrom",
     {"zen", "zen.dnsbl.example."},
     false},
    {"finding", nothing, "check_finding", {"IPREV_FAIL"}, true},
    {"no_such_finding", nothing, "check_finding", {"IPREV_PASS"}, false},
    {"unknown_function", nothing, "check_something", {}, false},
};

class Answered : public ::testing::TestWithParam<Case> {};

TEST_P(Answered, Row) {
  Situation situation;
  GetParam().arrange(situation);
  rules::Rule list;
  list.name = "RCVD_IN_ZEN";
  list.type = rules::RuleType::eval;
  list.eval = {"check_rbl", {"zen-lastexternal", "zen.dnsbl.example."}, rules::RuleType::header};
  const FakeRuleSet set({list});
  const RuleAnswers answers(situation.transaction, situation.connection, situation.mail_from, set,
                            [](std::string_view name) { return name == "IPREV_FAIL"; });
  EXPECT_EQ(answers.holds(GetParam().function, GetParam().arguments), GetParam().holds);
}

INSTANTIATE_TEST_SUITE_P(Rows, Answered, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(RuleAnswersTest, SignedByAValidSignatureAlone) {
  Situation situation;
  signed_well(situation);
  const FakeRuleSet set({});
  const RuleAnswers answers(situation.transaction, situation.connection, "", set,
                            [](std::string_view) { return false; });
  EXPECT_TRUE(answers.is_signed_by("author.example"));
  EXPECT_FALSE(answers.is_signed_by("list.example"));
}

}  // namespace
}  // namespace gatepost::test
