#include "dmarc/discovery.h"

#include <gtest/gtest.h>

#include "tests/dmarc/zone.h"

namespace gatepost::dmarc {
namespace {

using test::Zone;

struct NamesCase {
  const char* name;
  const char* domain;
  std::vector<std::string> expected;
};

const NamesCase kNamesCases[] = {
    {"one_label", "com", {"com"}},
    {"two_labels", "example.com", {"example.com", "com"}},
    {"seven_labels_4_10",
     "a.b.c.d.e.f.g",
     {"a.b.c.d.e.f.g", "b.c.d.e.f.g", "c.d.e.f.g", "d.e.f.g", "e.f.g", "f.g", "g"}},
    {"eight_labels_4_10",
     "a.b.c.d.e.f.g.h",
     {"a.b.c.d.e.f.g.h", "b.c.d.e.f.g.h", "c.d.e.f.g.h", "d.e.f.g.h", "e.f.g.h", "f.g.h", "g.h",
      "h"}},
    {"nine_labels_skip_one_4_10_step_4",
     "a.b.c.d.e.f.g.h.i",
     {"a.b.c.d.e.f.g.h.i", "c.d.e.f.g.h.i", "d.e.f.g.h.i", "e.f.g.h.i", "f.g.h.i", "g.h.i", "h.i",
      "i"}},
};

TEST(TreeWalk, Names) {
  for (const auto& c : kNamesCases) EXPECT_EQ(tree_walk_names(c.domain), c.expected) << c.name;
  std::string deep = "x";
  while (deep.size() < 250) deep += ".x";
  EXPECT_EQ(tree_walk_names(deep).size(), kMaxTreeWalkQueries);
}

TreeWalk walk(const Zone& zone, const char* domain) {
  std::vector<std::unique_ptr<dns::Answer>> kept;
  const auto result = walk_tree(domain, [&](const dns::Query& query) {
    kept.push_back(std::make_unique<dns::Answer>(zone.answer(query)));
    return kept.back().get();
  });
  EXPECT_TRUE(result.has_value());
  return *result;
}

struct OrganizationCase {
  const char* name;
  const char* start;
  Zone zone;
  const char* expected;
  std::size_t examined;
};

const OrganizationCase kOrganizationCases[] = {
    {"nothing_is_the_start_4_10_2", "a.example.com", {}, "a.example.com", 3},
    {"fewest_labels_4_10_2_rule_3",
     "a.b.example.com",
     {{"a.b.example.com", "v=DMARC1;p=none"}, {"example.com", "v=DMARC1;p=none"}},
     "example.com",
     4},
    {"psd_n_stops_4_10_2_rule_1",
     "a.b.example.com",
     {{"b.example.com", "v=DMARC1;p=none;psd=n"}, {"example.com", "v=DMARC1;p=none"}},
     "b.example.com",
     2},
    {"psd_n_at_start",
     "a.example.com",
     {{"a.example.com", "v=DMARC1;p=none;psd=n"}, {"example.com", "v=DMARC1;p=none"}},
     "a.example.com",
     1},
    {"psd_y_4_10_2_rule_2",
     "a.b.example.com",
     {{"com", "v=DMARC1;p=none;psd=y"}},
     "example.com",
     4},
    {"psd_y_beats_lower_record",
     "a.b.example.com",
     {{"b.example.com", "v=DMARC1;p=none"}, {"com", "v=DMARC1;p=none;psd=y"}},
     "example.com",
     4},
    {"psd_y_at_start_does_not_move_it_4_10_2_rule_2",
     "bank.example",
     {{"bank.example", "v=DMARC1;p=none;psd=y"}, {"example", "v=DMARC1;p=none"}},
     "bank.example",
     1},
    {"psd_u_walks_on",
     "a.example.com",
     {{"a.example.com", "v=DMARC1;p=none;psd=u"}, {"example.com", "v=DMARC1;p=none"}},
     "example.com",
     3},
    {"single_psd_n_below_psd_y",
     "a.b.gov.example",
     {{"b.gov.example", "v=DMARC1;p=none;psd=n"}, {"gov.example", "v=DMARC1;p=none;psd=y"}},
     "b.gov.example",
     2},
    {"psd_y_far_above_a_deep_name_counts_its_labels",
     "a.b.c.d.e.f.g.h.i.example",
     {{"example", "v=DMARC1;p=none;psd=y"}},
     "i.example",
     8},
    {"record_without_policy_still_counts",
     "a.example.com",
     {{"example.com", "v=DMARC1;psd=n"}},
     "example.com",
     2},
    {"several_records_are_none_4_10", "a.example.com",
     Zone{{"a.example.com", "v=DMARC1;p=none"}, {"example.com", "v=DMARC1;p=none;psd=n"}}.add(
         "_dmarc.example.com", "v=DMARC1;p=none;psd=n"),
     "a.example.com", 3},
};

TEST(TreeWalk, Organization) {
  for (const auto& c : kOrganizationCases) {
    const TreeWalk result = walk(c.zone, c.start);
    EXPECT_EQ(organizational_domain(result), c.expected) << c.name;
    EXPECT_EQ(result.steps.size(), c.examined) << c.name;
    EXPECT_EQ(result.first_failure(), nullptr) << c.name;
  }
}

struct SameCase {
  const char* name;
  const char* a;
  const char* b;
  Zone zone;
  std::optional<bool> expected;
};

const SameCase kSameCases[] = {
    {"known_same", "example.com", "mail.example.com", {{"example.com", "v=DMARC1;p=none"}}, true},
    {"known_other",
     "example.com",
     "mail.example.com",
     {{"mail.example.com", "v=DMARC1;p=none;psd=n"}, {"example.com", "v=DMARC1;p=none"}},
     false},
    {"failure_above_a_common_record_does_not_matter",
     "example.com",
     "mail.example.com",
     {{"example.com", "v=DMARC1;p=none"}, {"com", "servfail"}},
     true},
    {"failure_behind_the_end_of_the_walk",
     "example.com",
     "mail.example.com",
     {{"example.com", "v=DMARC1;p=none;psd=n"}, {"com", "servfail"}},
     true},
    {"failure_at_the_identifier_could_cut_it_off",
     "example.com",
     "mail.example.com",
     {{"mail.example.com", "servfail"}, {"example.com", "v=DMARC1;p=none"}},
     std::nullopt},
    {"failure_above_without_records_could_join",
     "example.com",
     "example.net.com",
     {{"com", "servfail"}},
     std::nullopt},
    {"no_common_name_never_joins",
     "a.example",
     "b.test",
     {{"example", "servfail"}, {"test", "timeout"}},
     false},
    {"too_many_failures_are_not_guessed",
     "a.b.c.d.example",
     "x.a.b.c.d.example",
     {{"a.b.c.d.example", "servfail"},
      {"b.c.d.example", "servfail"},
      {"c.d.example", "servfail"},
      {"d.example", "servfail"},
      {"example", "servfail"}},
     std::nullopt},
};

TEST(TreeWalk, SameOrganizationUnderFailures) {
  for (const auto& c : kSameCases) {
    const TreeWalk a = walk(c.zone, c.a);
    const TreeWalk b = walk(c.zone, c.b);
    EXPECT_EQ(same_organization(a, b), c.expected) << c.name;
    EXPECT_EQ(same_organization(b, a), c.expected) << c.name;
  }
}

using Kind = DiscoveredPolicy::Kind;

struct PolicyCase {
  const char* name;
  const char* author;
  Zone zone;
  Kind kind;
  RecordLocation location;
  const char* domain;
};

const PolicyCase kPolicyCases[] = {
    {"own_4_10_1",
     "a.example.com",
     {{"a.example.com", "v=DMARC1;p=none"}, {"example.com", "v=DMARC1;p=none"}},
     Kind::found,
     RecordLocation::author_domain,
     "a.example.com"},
    {"organization_4_10_1",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=none"}},
     Kind::found,
     RecordLocation::organizational_domain,
     "example.com"},
    {"organization_skips_what_is_between_4_10_1",
     "a.b.example.com",
     {{"b.example.com", "v=DMARC1;p=none"}, {"example.com", "v=DMARC1;p=none"}},
     Kind::found,
     RecordLocation::organizational_domain,
     "example.com"},
    {"public_suffix_domain_4_10_1",
     "a.b.example",
     {{"example", "v=DMARC1;p=none;psd=y"}},
     Kind::found,
     RecordLocation::public_suffix_domain,
     "example"},
    {"psd_is_not_used_when_the_organization_has_one_4_10_1",
     "a.b.example",
     {{"b.example", "v=DMARC1;p=none"}, {"example", "v=DMARC1;p=none;psd=y"}},
     Kind::found,
     RecordLocation::organizational_domain,
     "b.example"},
    {"psd_is_used_when_only_a_name_between_has_one",
     "a.b.c.example",
     {{"b.c.example", "v=DMARC1;p=none"}, {"example", "v=DMARC1;p=none;psd=y"}},
     Kind::found,
     RecordLocation::public_suffix_domain,
     "example"},
    {"nothing_4_10_1", "a.example.com", {}, Kind::absent, RecordLocation::none, ""},
    {"own_record_settles_it_despite_failures_above",
     "a.example.com",
     {{"a.example.com", "v=DMARC1;p=none"}, {"example.com", "servfail"}, {"com", "timeout"}},
     Kind::found,
     RecordLocation::author_domain,
     "a.example.com"},
    {"own_failure",
     "a.example.com",
     {{"a.example.com", "servfail"}, {"example.com", "v=DMARC1;p=none"}},
     Kind::temporary,
     RecordLocation::none,
     ""},
    {"failure_above",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=none"}, {"com", "servfail"}},
     Kind::temporary,
     RecordLocation::none,
     ""},
    {"failure_behind_psd_n",
     "a.example.com",
     {{"example.com", "v=DMARC1;p=none;psd=n"}, {"com", "servfail"}},
     Kind::found,
     RecordLocation::organizational_domain,
     "example.com"},
};

TEST(PolicyDiscovery, TreeWalk) {
  for (const auto& c : kPolicyCases) {
    const auto found = discover_policy(walk(c.zone, c.author));
    EXPECT_EQ(found.kind, c.kind) << c.name;
    EXPECT_EQ(found.location, c.location) << c.name;
    EXPECT_EQ(found.domain, c.domain) << c.name;
    EXPECT_EQ(found.record.has_value(), c.kind == Kind::found) << c.name;
    EXPECT_EQ(found.reason.empty(), c.kind == Kind::found) << c.name;
  }
}

TEST(PolicyDiscovery, Reasons) {
  Zone zone{{"example.com", "v=DMARC1;p=none"}};
  zone.add("_dmarc.example.com", "v=DMARC1;p=reject");
  EXPECT_EQ(discover_policy(walk(zone, "a.example.com")).reason,
            "no DMARC record at _dmarc.a.example.com or above; 2 records at _dmarc.example.com, so "
            "none of them counts");
  EXPECT_EQ(discover_policy(walk(Zone{{"com", "timeout"}}, "example.com")).reason,
            "_dmarc.com: timeout");
  Zone big;
  big.add("_dmarc.example.com", "v=DMARC1;p=reject;" + std::string(5000, ' '));
  const auto unusable = discover_policy(walk(big, "a.example.com"));
  EXPECT_EQ(unusable.kind, Kind::unusable);
  EXPECT_EQ(unusable.reason, "the record at _dmarc.example.com has more than 4096 octets");
}

}  // namespace
}  // namespace gatepost::dmarc
