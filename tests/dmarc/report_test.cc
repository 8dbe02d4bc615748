#include <gtest/gtest.h>

#include "dmarc/report/external_destination.h"
#include "dmarc/report/file_name.h"

namespace gatepost::dmarc::report {
namespace {

TEST(Permission, NeededForAnotherOrganization) {
  EXPECT_FALSE(needs_permission("example.com", "Example.com"));
  EXPECT_TRUE(needs_permission("example.com", "example.net"));
}

TEST(Permission, Query) {
  const auto query = permission_query("Blue.example.com", "red.example.net.");
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->name, "blue.example.com._report._dmarc.red.example.net");
  EXPECT_EQ(query->type, dns::RrType::txt);
  std::string longest = "a";
  while (longest.size() < 240) longest += ".a";
  EXPECT_FALSE(permission_query(longest, "red.example.net").ok());  // step 4
  EXPECT_FALSE(permission_query("a b", "red.example.net").ok());
  EXPECT_FALSE(permission_query("example.com", "").ok());
}

struct Case {
  const char* name;
  std::vector<std::string> texts;
  std::vector<std::string> expected;
};

const Case kCases[] = {
    {"plain_step_8", {"v=DMARC1"}, {"mailto:r@red.example"}},
    {"trailing_semicolon_step_6", {"v=DMARC1;"}, {"mailto:r@red.example"}},
    {"nothing_step_7", {}, {}},
    {"no_dmarc_record_step_7", {"v=spf1 -all", "v=dmarc1"}, {}},
    {"override_step_9", {"v=DMARC1; rua=mailto:x@red.example"}, {"mailto:x@red.example"}},
    {"override_other_host_step_9", {"v=DMARC1; rua=mailto:x@blue.example"}, {}},
    {"override_subdomain_is_another_host", {"v=DMARC1; rua=mailto:x@a.red.example"}, {}},
    {"one_of_two_overrides_elsewhere",
     {"v=DMARC1; rua=mailto:x@red.example,mailto:y@blue.example"},
     {}},
    {"several_records_step_8",
     {"v=DMARC1", "v=DMARC1; rua=mailto:x@red.example", "junk"},
     {"mailto:x@red.example"}},
    {"invalid_override_is_none", {"v=DMARC1; rua=x"}, {"mailto:r@red.example"}},
};

TEST(Permission, Answers) {
  const auto published = parse_report_uris("mailto:r@red.example").at(0);
  for (const auto& c : kCases) {
    dns::Answer answer;
    answer.status = c.texts.empty() ? dns::Status::nxdomain : dns::Status::ok;
    answer.texts = c.texts;
    const auto destinations = permitted_destinations(published, answer);
    ASSERT_TRUE(destinations.ok()) << c.name;
    std::vector<std::string> uris;
    for (const ReportUri& uri : *destinations) uris.push_back(uri.uri);
    EXPECT_EQ(uris, c.expected) << c.name;
  }
  dns::Answer failed;
  failed.status = dns::Status::timeout;
  const auto later = permitted_destinations(published, failed);
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(later.error().kind, ErrorKind::temporary);
}

struct NameCase {
  const char* name;
  FileName parts;
  const char* expected;  // null = refused
};

constexpr NameCase kNameCases[] = {
    {"gzip",
     {"mx.example", "Example.com", 10, 20, "", true},
     "mx.example!example.com!10!20.xml.gz"},
    {"plain_with_id",
     {"mx.example", "example.com", 10, 20, "a1", false},
     "mx.example!example.com!10!20!a1.xml"},
    {"path", {"../mx", "example.com", 10, 20, "", true}, nullptr},
    {"mark_in_domain", {"mx.example", "exa!mple.com", 10, 20, "", true}, nullptr},
    {"id_characters", {"mx.example", "example.com", 10, 20, "a/b", true}, nullptr},
    {"backwards", {"mx.example", "example.com", 20, 10, "", true}, nullptr},
    {"negative", {"mx.example", "example.com", -1, 10, "", true}, nullptr},
};

TEST(ReportFile, Names) {
  for (const auto& c : kNameCases) {
    const auto name = file_name(c.parts);
    EXPECT_EQ(name.ok(), c.expected != nullptr) << c.name;
    if (name.ok() && c.expected != nullptr) {
      EXPECT_EQ(*name, c.expected) << c.name;
    }
  }
  EXPECT_STREQ(media_type(false), "text/xml");
}

}  // namespace
}  // namespace gatepost::dmarc::report
