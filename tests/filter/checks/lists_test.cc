// The operator's allow and deny lists, a row a rule.

#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

constexpr std::string_view kZone = R"(
proven.example.   TXT "v=spf1 ip4:192.0.2.1 -all"
forged.example.   TXT "v=spf1 ip4:192.0.2.77 -all"
)";

void set(MatchList& list, const std::vector<std::string>& entries) {
  auto parsed = MatchList::parse(entries);
  ASSERT_TRUE(parsed.ok());
  list = std::move(*parsed);
}

struct Case {
  const char* name;
  void (*policy)(Policy&);
  const char* findings;  // of the last record
  Action action;
  Stage stage;
  Letter letter = {};
  const char* client = "192.0.2.1";
  const char* client_name = "mail.sender.example";
};

const Case kCases[] = {
    {"nothing_listed", [](Policy&) {}, "", Action::none, Stage::end_of_message},
    {"deny_client_by_network", [](Policy& p) { set(p.deny_clients, {"192.0.2.0/24"}); },
     "DENY_CLIENT(192.0.2.0/24)", Action::reject, Stage::rcpt},
    {"deny_client_by_name", [](Policy& p) { set(p.deny_clients, {".sender.example"}); },
     "DENY_CLIENT(.sender.example)", Action::reject, Stage::rcpt},
    {"unknown_is_no_name",
     [](Policy& p) { set(p.deny_clients, {"unknown"}); },
     "",
     Action::none,
     Stage::end_of_message,
     {},
     "192.0.2.1",
     "unknown"},
    {"allow_client_wins",
     [](Policy& p) { set(p.deny_clients, {"192.0.2.0/24"}), set(p.allow_clients, {"192.0.2.1"}); },
     "ALLOW_CLIENT(192.0.2.1) DENY_CLIENT(192.0.2.0/24)", Action::none, Stage::end_of_message},
    {"deny_helo", [](Policy& p) { set(p.deny_helos, {"mail.sender.example"}); },
     "DENY_HELO(mail.sender.example)", Action::reject, Stage::rcpt},
    {"deny_sender_by_domain", [](Policy& p) { set(p.deny_senders, {"sender.example"}); },
     "DENY_SENDER(sender.example)", Action::reject, Stage::rcpt},
    {"deny_sender_local_part_without_case",
     [](Policy& p) { set(p.deny_senders, {"Ann@"}); },
     "DENY_SENDER(ann@)",
     Action::reject,
     Stage::rcpt,
     {.mail_from = "<ANN@sender.example>"}},
    {"null_sender_is_on_no_list",
     [](Policy& p) { set(p.deny_senders, {".example"}); },
     "",
     Action::none,
     Stage::end_of_message,
     {.mail_from = "<>"}},
    {"deny_recipient", [](Policy& p) { set(p.deny_recipients, {"bob@here.example"}); },
     "DENY_RECIPIENT(bob@here.example)", Action::reject, Stage::rcpt},
    {"deny_one_recipient_of_two",
     [](Policy& p) { set(p.deny_recipients, {"bob@here.example"}); },
     "",
     Action::none,
     Stage::end_of_message,
     {.recipients = {"<bob@here.example>", "<eve@here.example>"}}},
    {"allow_recipient",
     [](Policy& p) {
       set(p.deny_clients, {"192.0.2.1"});
       set(p.allow_recipients, {"bob@here.example"});
     },
     "DENY_CLIENT(192.0.2.1) ALLOW_RECIPIENT(bob@here.example)", Action::none,
     Stage::end_of_message},
    {"postmaster_is_reachable_rfc5321_4_5_1",
     [](Policy& p) { set(p.deny_clients, {"192.0.2.1"}); },
     "DENY_CLIENT(192.0.2.1)",
     Action::tag,
     Stage::end_of_message,
     {.recipients = {"<postmaster@here.example>"}}},
    {"allow_sender_that_spf_proves",
     [](Policy& p) {
       set(p.deny_clients, {"192.0.2.1"});
       set(p.allow_senders, {"proven.example"});
     },
     "DENY_CLIENT(192.0.2.1) SPF_PASS(ip4:192.0.2.1) ALLOW_SENDER(proven.example)",
     Action::none,
     Stage::end_of_message,
     {.mail_from = "<ann@proven.example>"}},
    {"allow_sender_that_anyone_could_write",
     [](Policy& p) {
       set(p.deny_clients, {"192.0.2.1"});
       set(p.allow_senders, {"forged.example"});
     },
     "DENY_CLIENT(192.0.2.1) SPF_FAIL(-all) ALLOW_SENDER_UNPROVEN(forged.example)",
     Action::reject,
     Stage::rcpt,
     {.mail_from = "<ann@forged.example>"}},
    {"bounce_to_several_rfc5321_4_5_5",
     [](Policy& p) {
       p.set_rule("MULTI_RECIPIENT_BOUNCE", {1, Action::reject});
     },
     "MULTI_RECIPIENT_BOUNCE(2 recipients)",
     Action::reject,
     Stage::data,
     {.mail_from = "<>", .recipients = {"<bob@here.example>", "<eve@here.example>"}}},
    {"bounce_to_one",
     [](Policy& p) {
       p.set_rule("MULTI_RECIPIENT_BOUNCE", {1, Action::reject});
     },
     "",
     Action::none,
     Stage::end_of_message,
     {.mail_from = "<>"}},
};

class Lists : public ::testing::TestWithParam<Case> {};

TEST_P(Lists, Row) {
  const Case& row = GetParam();
  SessionRig rig(program_checks({"client_lists", "lists", "spf"}), kZone);
  rig.set_policy(row.policy);
  Connection connection = SessionRig::client(row.client);
  connection.client_name = row.client_name;
  const Verdict verdict = rig.send(row.letter, connection);
  EXPECT_EQ(verdict.action, row.action) << verdict.reply.line();
  EXPECT_EQ(verdict.stage, row.stage);
  // SPF of the usual letter says nothing here.
  std::string got = findings_with_details(rig);
  if (const auto at = got.find("SPF_NONE"); at != std::string::npos)
    got.erase(at == 0 ? 0 : at - 1, got.find(')', at) + 1 - at + (at == 0 ? 0 : 1));
  EXPECT_EQ(got, row.findings);
}

INSTANTIATE_TEST_SUITE_P(Rows, Lists, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace gatepost::test
