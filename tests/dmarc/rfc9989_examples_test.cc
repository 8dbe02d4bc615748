// The examples and normative statements of RFC 9989 and RFC 9990, as data.
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dmarc/disposition.h"
#include "dmarc/report/external_destination.h"
#include "dmarc/report/file_name.h"
#include "tests/dmarc/zone.h"
#include "tests/support/shared_data.h"

namespace gatepost::dmarc {
namespace {

using nlohmann::json;
using test::author;
using test::run;
using test::with_dkim;
using test::with_spf;
using test::Zone;

Zone zone_of(const json& test_case) {
  Zone zone;
  const json records = test_case.value("zone", json::object());
  for (const auto& [name, value] : records.items()) {
    if (value.is_string()) {
      zone.add(name, value.get<std::string>());
    } else {
      for (const auto& text : value) zone.add(name, text.get<std::string>());
    }
  }
  return zone;
}

TreeWalk walk(const Zone& zone, const std::string& domain) {
  std::vector<std::unique_ptr<dns::Answer>> kept;
  const auto result = walk_tree(domain, [&](const dns::Query& query) {
    kept.push_back(std::make_unique<dns::Answer>(zone.answer(query)));
    return kept.back().get();
  });
  EXPECT_TRUE(result.has_value());
  return *result;
}

std::vector<std::string> examined(const TreeWalk& walk) {
  std::vector<std::string> names;
  for (const WalkStep& step : walk.steps) names.push_back(record_query(step.domain).name);
  return names;
}

// start, zone -> queries, org_domain, records_used
void check_walk(const json& test_case) {
  const TreeWalk result = walk(zone_of(test_case), test_case["start"]);
  if (test_case.contains("queries")) {
    EXPECT_EQ(examined(result), test_case["queries"].get<std::vector<std::string>>());
  }
  if (test_case.contains("org_domain")) {
    EXPECT_EQ(organizational_domain(result), test_case["org_domain"].get<std::string>());
  }
  if (test_case.contains("records_used")) {
    const auto used = std::count_if(result.steps.begin(), result.steps.end(),
                                    [](const WalkStep& step) { return step.record.has_value(); });
    EXPECT_EQ(used, test_case["records_used"].get<int>());
  }
}

// author_domain, mail_from, dkim_domain, zone -> org, queries, alignment, policy_domain
void check_message(const json& test_case) {
  const Zone zone = zone_of(test_case);
  for (const auto& [domain, expected] : test_case["org"].items()) {
    EXPECT_EQ(organizational_domain(walk(zone, domain)), expected.get<std::string>()) << domain;
  }
  for (const auto& [domain, expected] : test_case["queries"].items()) {
    EXPECT_EQ(examined(walk(zone, domain)), expected.get<std::vector<std::string>>()) << domain;
  }
  const Request base = author(test_case["author_domain"]);
  const Request request =
      with_dkim(with_spf(base, test_case["mail_from"]), test_case["dkim_domain"]);
  const Outcome outcome = run(request, zone).outcome;
  EXPECT_EQ(outcome.spf.aligned, test_case["spf_aligned_relaxed"].get<bool>());
  EXPECT_EQ(outcome.dkim.aligned, test_case["dkim_aligned_relaxed"].get<bool>());
  EXPECT_EQ(outcome.record_domain, test_case["policy_domain"].get<std::string>());
  EXPECT_EQ(outcome.result, ResultCode::pass);
}

// record -> valid, applies, result, applied_policy
void check_record(const json& test_case) {
  const std::string text = test_case["record"];
  const auto record = parse_record(text);
  EXPECT_EQ(record.ok(), test_case.value("valid", true));
  Zone zone;
  zone.add("_dmarc.example.com", text);
  const Outcome outcome = run(author("example.com"), zone).outcome;
  const bool applies = test_case.value("applies", test_case.value("valid", true));
  EXPECT_EQ(outcome.result, applies ? ResultCode::fail : ResultCode::none);
  if (test_case.contains("result")) {
    EXPECT_EQ(to_string(outcome.result), test_case["result"].get<std::string>());
  }
  if (test_case.contains("applied_policy")) {
    EXPECT_EQ(to_string(outcome.applied_policy), test_case["applied_policy"].get<std::string>());
  }
}

// author_domain, author_exists, zone -> applied_policy
void check_existence(const json& test_case) {
  Zone zone = zone_of(test_case);
  const std::string domain = test_case["author_domain"];
  if (test_case["author_exists"].get<bool>()) zone.address(domain, dns::Status::ok);
  const Outcome outcome = run(author(domain), zone).outcome;
  EXPECT_EQ(outcome.result, ResultCode::fail);
  EXPECT_EQ(to_string(outcome.applied_policy), test_case["applied_policy"].get<std::string>());
}

void check_joined_strings(const json& test_case) {
  std::string text;
  for (const auto& piece : test_case["txt_strings"]) text += piece.get<std::string>();
  const auto record = parse_record(text);
  ASSERT_TRUE(record.ok());
  ASSERT_EQ(record->rua.size(), 1U);
  ASSERT_EQ(record->ruf.size(), 1U);
  EXPECT_EQ(record->rua[0].mailbox, "dmarc-feedback@example.com");
  EXPECT_EQ(record->ruf[0].mailbox, "auth-reports@example.com");
}

void check_destination(const json& test_case) {
  const auto uris = parse_report_uris(test_case["rua"].get<std::string>());
  ASSERT_EQ(uris.size(), 1U);
  const std::string policy_domain = test_case["policy_domain"];
  EXPECT_TRUE(report::needs_permission(policy_domain, uris[0].host));
  const auto query = report::permission_query(policy_domain, uris[0].host);
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->name, test_case["query"].get<std::string>());
  dns::Answer answer;
  answer.texts = test_case["answer"].get<std::vector<std::string>>();
  answer.status = answer.texts.empty() ? dns::Status::nxdomain : dns::Status::ok;
  const auto destinations = report::permitted_destinations(uris[0], answer);
  ASSERT_TRUE(destinations.ok());
  std::vector<std::string> sent_to;
  for (const ReportUri& uri : *destinations) sent_to.push_back(uri.uri);
  EXPECT_EQ(sent_to, test_case["send_to"].get<std::vector<std::string>>());
}

void check_file_name(const json& test_case) {
  const std::string receiver = test_case["receiver"];
  const std::string policy_domain = test_case["policy_domain"];
  const auto name =
      report::file_name({receiver, policy_domain, test_case["begin"], test_case["end"], "", true});
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(*name, test_case["filename"].get<std::string>());
  EXPECT_EQ(report::media_type(true), test_case["media_type"].get<std::string>());
}

void check(const json& test_case) {
  if (test_case.contains("start")) return check_walk(test_case);
  if (test_case.contains("org")) return check_message(test_case);
  if (test_case.contains("record")) return check_record(test_case);
  if (test_case.contains("author_exists")) return check_existence(test_case);
  if (test_case.contains("txt_strings")) return check_joined_strings(test_case);
  if (test_case.contains("query")) return check_destination(test_case);
  if (test_case.contains("filename")) return check_file_name(test_case);
  ADD_FAILURE() << "nothing checks this case";
}

TEST(Rfc9989, Examples) {
  const auto path = gatepost::test::shared_data("conformance/dmarc/rfc9989-examples.json");
  if (!path) GTEST_SKIP() << "no shared data: conformance/dmarc/rfc9989-examples.json";
  std::ifstream file(*path);
  const json document = json::parse(file);
  int checked = 0;
  for (const auto& test_case : document["cases"]) {
    SCOPED_TRACE(test_case["id"].get<std::string>());
    check(test_case);
    ++checked;
  }
  EXPECT_EQ(checked, 27);
}

}  // namespace
}  // namespace gatepost::dmarc
