#include "filter/session/record.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "tests/support/session/fake_rule_set.h"

namespace gatepost {
namespace {

using Json = nlohmann::json;

Record full_record() {
  Record r;
  r.session_id = "SESSION1-Q2";
  r.reference = "REFEREN1-Q2";
  r.unix_time = 1767225600;
  r.duration_us = 34250;
  r.connection.client = IpAddress::parse("192.0.2.1");
  r.connection.client_name = "mail.sender.example";
  r.connection.helo = "mail.sender.example";
  r.envelope.queue_id = "4YzXk21Qz";
  r.envelope.mail_from = "ann@sender.example";
  r.envelope.recipients = {{"bob@here.example", false}, {"eve@here.example", false}};
  r.message_id = "<1@sender.example>";
  r.message_size = 1234;
  r.findings = {{"SPF_FAIL", Stage::mail, "-all", -1, 1},
                {"DNSLIST_LISTED", Stage::connect, "list.example=127.0.0.2", -1, 4}};
  r.facts.spf_mail_from = spf::Outcome{.code = spf::ResultCode::fail};
  r.verdict.stage = Stage::end_of_message;
  r.verdict.action = Action::tag;
  r.verdict.score = 6;
  r.verdict.reasons = {{"DNSLIST_LISTED", 4, Action::none}, {"SPF_FAIL", 2, Action::none}};
  auto policy = std::make_shared<Policy>();
  policy->hash = "c0ffee123456";
  r.policy = policy;
  return r;
}

struct LineCase {
  const char* name;
  void (*arrange)(Record&);
  const char* line;
};

const LineCase kLines[] = {
    {"tagged", [](Record&) {},
     "4YzXk21Qz: verdict=tag stage=eom score=6.0/15.0 class=spam "
     "rules=DNSLIST_LISTED:4.0,SPF_FAIL:2.0 spf=fail dkim=none dmarc=none "
     "from=<ann@sender.example> rcpt=<bob@here.example>,<eve@here.example> client=[192.0.2.1] "
     "helo=mail.sender.example message-id=<1@sender.example> size=1234 session=SESSION1-Q2 "
     "id=REFEREN1-Q2 policy=c0ffee123456 time=34.2ms"},
    {"observed_refusal_at_rcpt",
     [](Record& r) {
       r.envelope.queue_id.clear();
       r.envelope.mail_from.clear();
       r.refused_recipient = "bob@here.example";
       r.connection.client.reset();
       r.connection.helo.clear();
       r.message_id.clear();
       r.message_size = 0;
       r.verdict.action = Action::reject;
       r.verdict.observed = true;
       r.verdict.stage = Stage::rcpt;
       r.verdict.reasons.clear();
       r.verdict.reply = {550, "5.7.1", "no"};
       r.facts = {};
     },
     "NOQUEUE: verdict=accept would=reject stage=rcpt score=6.0/15.0 class=spam rules=none "
     "spf=none dkim=none dmarc=none from=<> rcpt=<bob@here.example> client=[local] helo=- "
     "reply=\"550 5.7.1 no\" size=0 session=SESSION1-Q2 id=REFEREN1-Q2 policy=c0ffee123456 "
     "time=34.2ms"},
    {"hostile_text_stays_on_the_line",
     [](Record& r) {
       r.envelope.queue_id = "a\nb";
       r.envelope.mail_from = "\"a\r\n4YzXk21Qz: verdict=accept\"@x\x1b[2J.example";
       r.envelope.recipients = {{"\xff\xfe@here.example", false}};
       r.connection.helo = "h\n client=[10.0.0.1] \xe2\x80\xae";
       r.message_id = "<a\tb\\c\x7f>";
     },
     "a\\x0ab: verdict=tag stage=eom score=6.0/15.0 class=spam "
     "rules=DNSLIST_LISTED:4.0,SPF_FAIL:2.0 spf=fail dkim=none dmarc=none "
     "from=<\"a\\x0d\\x0a4YzXk21Qz:\\x20verdict=accept\"@x\\x1b[2J.example> "
     "rcpt=<\\xff\\xfe@here.example> client=[192.0.2.1] "
     "helo=h\\x0a\\x20client=[10.0.0.1]\\x20\\xe2\\x80\\xae message-id=<a\\x09b\\\\c\\x7f> "
     "size=1234 "
     "session=SESSION1-Q2 id=REFEREN1-Q2 policy=c0ffee123456 time=34.2ms"},
    {"what_was_not_done_as_published",
     [](Record& r) {
       r.facts.dmarc = dmarc::Outcome{.result = dmarc::ResultCode::fail};
       r.facts.dmarc_disposition =
           dmarc::Disposition{dmarc::Action::none,
                              {{dmarc::Override::policy_test_mode, "t=y"},
                               {dmarc::Override::mailing_list, "l.example"}},
                              "x"};
       r.verdict.action = Action::none;
       r.verdict.reasons.clear();
       r.verdict.score = 0;
     },
     "4YzXk21Qz: verdict=accept stage=eom score=0.0/15.0 class=ham rules=none spf=fail dkim=none "
     "dmarc=fail dmarc_disposition=none(policy_test_mode,mailing_list) from=<ann@sender.example> "
     "rcpt=<bob@here.example>,<eve@here.example> client=[192.0.2.1] helo=mail.sender.example "
     "message-id=<1@sender.example> size=1234 session=SESSION1-Q2 id=REFEREN1-Q2 "
     "policy=c0ffee123456 time=34.2ms"},
    {"best_signature_counts",
     [](Record& r) {
       r.facts.dkim.resize(3);
       r.facts.dkim[0].outcome = dkim::Outcome::fail;
       r.facts.dkim[1].outcome = dkim::Outcome::pass;
       r.facts.dkim[2].outcome = dkim::Outcome::permerror;
       r.facts.dmarc = dmarc::Outcome{.result = dmarc::ResultCode::pass};
       r.verdict.action = Action::none;
       r.verdict.reasons.clear();
       r.verdict.score = 0;
     },
     "4YzXk21Qz: verdict=accept stage=eom score=0.0/15.0 class=ham rules=none spf=fail dkim=pass "
     "dmarc=pass from=<ann@sender.example> rcpt=<bob@here.example>,<eve@here.example> "
     "client=[192.0.2.1] helo=mail.sender.example message-id=<1@sender.example> size=1234 "
     "session=SESSION1-Q2 id=REFEREN1-Q2 policy=c0ffee123456 time=34.2ms"},
};

class SummaryLine : public ::testing::TestWithParam<LineCase> {};

TEST_P(SummaryLine, Row) {
  Record record = full_record();
  GetParam().arrange(record);
  EXPECT_EQ(summary_line(record), GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(Rows, SummaryLine, ::testing::ValuesIn(kLines),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(SummaryLine, NamesTheRulesThatWereInForce) {
  Record record = full_record();
  auto policy = std::make_shared<Policy>(*record.policy);
  policy->rules = std::make_shared<test::FakeRuleSet>(std::vector<rules::Rule>{},
                                                      "0123456789abcdef0123456789abcdef");
  record.policy = policy;
  EXPECT_NE(summary_line(record).find(" policy=c0ffee123456 ruleset=0123456789ab time="),
            std::string::npos);
  EXPECT_EQ(Json::parse(to_json(record))["rules_hash"], "0123456789abcdef0123456789abcdef");
}

TEST(SummaryLine, StaysShortWithManyReasons) {
  Record record = full_record();
  record.verdict.reasons.assign(10000, {"RULE", 1, Action::none});
  const std::string line = summary_line(record);
  EXPECT_LT(line.size(), 2000U);
  EXPECT_NE(line.find("RULE:1.0,... spf="), std::string::npos) << line;
}

TEST(SummaryLine, StaysShortWithManyRecipients) {
  Record record = full_record();
  record.envelope.recipients.assign(10000, {"someone@here.example", false});
  const std::string line = summary_line(record);
  EXPECT_LT(line.size(), 1200U);
  EXPECT_NE(line.find(">,... client="), std::string::npos) << line;
}

TEST(RecordJson, TellsEverything) {
  Record record = full_record();
  auto answer = std::make_shared<dns::Answer>();
  answer->status = dns::Status::ok;
  answer->texts = {"v=spf1 -all"};
  record.answers.add(dns::make_query("sender.example", dns::RrType::txt), answer);
  const std::string line = to_json(record);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Json json = Json::parse(line);
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["reference"], "REFEREN1-Q2");
  EXPECT_EQ(json["session"], "SESSION1-Q2");
  EXPECT_EQ(json["queue_id"], "4YzXk21Qz");
  EXPECT_EQ(json["client"], "192.0.2.1");
  EXPECT_EQ(json["mail_from"], "ann@sender.example");
  EXPECT_EQ(json["recipients"], Json({"bob@here.example", "eve@here.example"}));
  EXPECT_EQ(json["verdict"], "tag");
  EXPECT_EQ(json["stage"], "eom");
  EXPECT_EQ(json["class"], "spam");
  EXPECT_EQ(json["reasons"][0]["name"], "DNSLIST_LISTED");
  EXPECT_EQ(json["findings"][1]["score"], 4.0) << "with the factor";
  EXPECT_EQ(json["findings"][0]["detail"], "-all");
  EXPECT_EQ(json["spf"], "fail");
  EXPECT_EQ(json["policy"], "c0ffee123456");
  EXPECT_EQ(json["answers"][0]["name"], "sender.example");
  EXPECT_EQ(json["answers"][0]["data"][0], "v=spf1 -all");
  EXPECT_EQ(json["rules_hash"], "");
  EXPECT_FALSE(json.contains("refused_recipient"));
}

TEST(RecordJson, AnswersHaveTheirTtlAndWhyTheyFailed) {
  Record record = full_record();
  record.answers.add(dns::make_query("a.example", dns::RrType::a),
                     dns::empty_answer(dns::Status::refused, 0, "got REFUSED"));
  record.answers.add(dns::make_query("b.example", dns::RrType::a),
                     dns::empty_answer(dns::Status::nxdomain, 77));
  const Json json = Json::parse(to_json(record));
  EXPECT_EQ(json["answers"][0]["status"], "refused");
  EXPECT_EQ(json["answers"][0]["reason"], "got REFUSED");
  EXPECT_EQ(json["answers"][1]["status"], "nxdomain");
  EXPECT_EQ(json["answers"][1]["ttl"], 77);
}

TEST(RecordJson, StaysBoundedWithManyAndLargeAnswers) {
  Record record = full_record();
  const auto large = std::make_shared<dns::Answer>();
  large->status = dns::Status::ok;
  large->texts = {"small", std::string(65000, 'x')};
  for (int i = 0; i < 2000; ++i)
    record.answers.add(
        dns::make_query("n" + std::to_string(10000 + i) + ".example", dns::RrType::txt), large);
  const std::string line = to_json(record);
  EXPECT_LT(line.size(), 200'000U);
  const Json json = Json::parse(line);
  ASSERT_EQ(json["answers"].size(), 501U);
  EXPECT_EQ(json["answers"][0]["data"].size(), 2U);
  EXPECT_EQ(json["answers"][1]["data"].size(), 1U);
  EXPECT_EQ(json["answers"][1]["cut"], true);
  EXPECT_EQ(json["answers"][500]["omitted"], 1500);
}

// Whatever a sender writes, the line is one line of valid JSON in valid UTF-8.
TEST(RecordJson, IsValidWhateverIsInIt) {
  for (const std::string_view hostile :
       {std::string_view("\xff\xfe\xc3"), std::string_view("a\0b", 3), std::string_view("\"},{\""),
        std::string_view("\xed\xa0\x80"), std::string_view("line\r\nline"),
        std::string_view("\xf4\x90\x80\x80")}) {
    Record record = full_record();
    const std::string text(hostile);
    record.envelope.queue_id = record.envelope.mail_from = record.envelope.auth_authen = text;
    record.envelope.recipients = {{text, false}};
    record.connection.helo = record.connection.client_name = text;
    record.message_id = record.refused_recipient = text;
    record.findings[0].detail = text;
    record.verdict.reply = {550, "5.7.1", text};
    record.facts.dkim.resize(1);
    record.facts.dkim[0].domain = record.facts.dkim[0].reason = text;
    auto answer = std::make_shared<dns::Answer>();
    answer->status = dns::Status::ok;
    answer->texts = {text};
    record.answers.add(dns::make_query("sender.example", dns::RrType::txt), answer);
    const std::string line = to_json(record);
    EXPECT_TRUE(is_valid_utf8(line));
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_FALSE(Json::parse(line, nullptr, false).is_discarded()) << line;
  }
}

}  // namespace
}  // namespace gatepost
