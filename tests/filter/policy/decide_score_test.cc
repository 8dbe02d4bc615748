// What comes of scores, and what quarantine makes of it.

#include "tests/filter/policy/decide_case.h"

namespace gatepost {
namespace {

using test::DecideCase;
using test::recipient_of;

const DecideCase kCases[] = {
    {"score_tags",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}, {"SPF_FAIL", Stage::mail}},
     Stage::end_of_message,
     Action::tag,
     0,
     ""},
    {"score_is_not_answered_before_the_end",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}, {"SPF_FAIL", Stage::mail}},
     Stage::data,
     Action::none,
     0,
     ""},
    {"score_rejects",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::reject,
     550,
     "5.7.1",
     [](Policy& p, Connection&, Envelope&) { p.reject_score = 3; }},
    {"score_holds_between",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::hold,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.quarantine_score = 3; }},
    {"score_stores_between",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::store,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) {
       p.quarantine_score = 3, p.quarantine_as = Action::store;
     }},
    {"dmarc_quarantine_as_store",
     {{"DMARC_QUARANTINE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::store,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_quarantine_as = Action::store; }},
    {"store_and_reject_has_a_reply",
     {{"DMARC_QUARANTINE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::store,
     550,
     "5.7.26",
     [](Policy& p, Connection&, Envelope&) {
       p.dmarc_quarantine_as = Action::store, p.store_and_reject = true;
     }},
    {"store_and_reject_refuses_no_login",
     {{"DMARC_QUARANTINE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::store,
     0,
     "",
     [](Policy& p, Connection&, Envelope& e) {
       p.dmarc_quarantine_as = Action::store, p.store_and_reject = true, e.auth_authen = "ann";
     }},
    {"a_quarantine_that_cannot_take_it_defers",
     {{"DMARC_QUARANTINE", Stage::end_of_message},
      {"QUARANTINE_UNAVAILABLE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tempfail,
     452,
     "4.3.1",
     [](Policy& p, Connection&, Envelope&) { p.dmarc_quarantine_as = Action::store; }},
    {"local_mail_is_tagged_then",
     {{"DMARC_QUARANTINE", Stage::end_of_message},
      {"QUARANTINE_UNAVAILABLE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection& c, Envelope&) {
       p.dmarc_quarantine_as = Action::store, c.local = true;
     }},
    {"a_score_is_not_stored_then",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}, {"QUARANTINE_UNAVAILABLE", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) {
       p.quarantine_score = 3, p.quarantine_as = Action::store;
       p.set_rule("QUARANTINE_UNAVAILABLE", {0, Action::none});
     }},
    {"a_released_message_passes",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers},
      {"NUL_IN_MESSAGE", Stage::end_of_message},
      {"RELEASED", Stage::end_of_message}},
     Stage::end_of_message,
     Action::none,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) {
       p.reject_score = 1;
       p.set_rule("NUL_IN_MESSAGE", {9, Action::reject});
     }},
    {"a_released_message_waits_for_space",
     {{"NO_SPACE", Stage::end_of_message}, {"RELEASED", Stage::end_of_message}},
     Stage::end_of_message,
     Action::tempfail,
     452,
     "4.3.1"},
    {"a_bad_token_is_any_mail",
     {{"RELEASE_TOKEN_BAD", Stage::end_of_message}},
     Stage::end_of_message,
     Action::none,
     0,
     ""},
    {"score_of_a_login_only_tags",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope& e) { p.reject_score = 3, e.auth_authen = "ann"; }},
    {"block_lists_say_nothing_of_a_login",
     {{"DNSLIST_LISTED", Stage::connect}, {"IPREV_FAIL", Stage::connect}},
     Stage::end_of_message,
     Action::none,
     0,
     "",
     [](Policy& p, Connection&, Envelope& e) { p.tag_score = 1, e.auth_authen = "ann"; }},
    {"block_lists_tag_a_stranger",
     {{"DNSLIST_LISTED", Stage::connect}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope&) { p.tag_score = 1; }},
    {"postmaster_gets_spam_tagged",
     {{"AMBIGUOUS_FROM", Stage::end_of_headers}},
     Stage::end_of_message,
     Action::tag,
     0,
     "",
     [](Policy& p, Connection&, Envelope& e) {
       p.reject_score = 3, e.recipients = {recipient_of("abuse@b.example")};
     }},
};

TEST(DecideScore, Table) {
  test::expect_decided(kCases);
}

}  // namespace
}  // namespace gatepost
