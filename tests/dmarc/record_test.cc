#include "dmarc/record.h"

#include <gtest/gtest.h>

namespace gatepost::dmarc {
namespace {

struct VersionCase {
  const char* name;
  const char* text;
  bool valid;
};

constexpr VersionCase kVersionCases[] = {
    {"only_version", "v=DMARC1", true},
    {"trailing_semicolon_4_8", "v=DMARC1;", true},
    {"white_space_around_equals_4_8", "v \t= DMARC1 ; p=none", true},
    {"tag_name_any_case_4_8", "V=DMARC1; p=none", true},
    {"version_case_4_7", "v=dmarc1; p=none", false},
    {"version_not_first_4_7", "p=none; v=DMARC1", false},
    {"other_version", "v=DMARC2; p=none", false},
    {"longer_version", "v=DMARC10; p=none", false},
    {"no_separator", "v=DMARC1 p=none", false},
    {"white_space_first_4_8", " v=DMARC1; p=none", false},
    {"semicolon_first", ";v=DMARC1", false},
    {"line_break_is_no_wsp", "v=DMARC1\n; p=none", false},
    {"other_name", "vv=DMARC1; p=none", false},
    {"spf_record", "v=spf1 -all", false},
    {"no_equals", "vDMARC1", false},
    {"empty", "", false},
};

TEST(Record, Version) {
  for (const auto& c : kVersionCases) {
    EXPECT_EQ(is_dmarc_record(c.text), c.valid) << c.name;
    const auto record = parse_record(c.text);
    EXPECT_EQ(record.ok(), c.valid) << c.name;
    if (!record.ok()) {
      EXPECT_EQ(record.error().kind, ErrorKind::permanent) << c.name;
      EXPECT_EQ(record.error().text(), "v: record does not start with v=DMARC1") << c.name;
    }
  }
}

struct PolicyCase {
  const char* name;
  const char* tags;
  bool applies;
  Policy p;
  std::optional<Policy> sp;
  std::optional<Policy> np;
};

const PolicyCase kPolicyCases[] = {
    {"none", "p=none", true, Policy::none, {}, {}},
    {"quarantine", "p=quarantine", true, Policy::quarantine, {}, {}},
    {"reject", "p=reject", true, Policy::reject, {}, {}},
    {"any_case_4_8", "P=Reject; SP=NONE", true, Policy::reject, Policy::none, {}},
    {"sp_and_np", "p=none; sp=quarantine; np=reject", true, Policy::none, Policy::quarantine,
     Policy::reject},
    {"p_last", "np=reject; p=quarantine", true, Policy::quarantine, {}, Policy::reject},
    {"no_p_no_rua_4_10_1", "sp=reject", false, Policy::none, {}, {}},
    {"no_p_with_rua_4_10_1", "sp=reject; rua=mailto:d@example.com", true, Policy::none, {}, {}},
    {"bad_p_no_rua_4_10_1", "p=rejects", false, Policy::none, {}, {}},
    {"bad_p_with_rua_4_10_1", "p=rejects; rua=mailto:d@example.com", true, Policy::none, {}, {}},
    {"bad_p_with_bad_rua_4_10_1", "p=x; rua=example.com", false, Policy::none, {}, {}},
    {"bad_p_with_ruf_only_4_10_1", "p=x; ruf=mailto:d@example.com", false, Policy::none, {}, {}},
    {"bad_sp_with_rua_4_10_1",
     "p=reject; sp=x; rua=mailto:d@example.com",
     true,
     Policy::none,
     {},
     {}},
    {"bad_sp_no_rua_4_10_1", "p=reject; sp=x", false, Policy::none, {}, {}},
    {"bad_np_no_rua_4_10_1", "p=reject; np=x", false, Policy::none, {}, {}},
    {"empty_p_is_missing", "p=; rua=mailto:d@example.com", true, Policy::none, {}, {}},
    {"first_of_two_counts", "p=quarantine; p=reject", true, Policy::quarantine, {}, {}},
    {"unknown_tags_4_7", "pct=10; rf=afrf; ri=1; x=y; p=reject", true, Policy::reject, {}, {}},
    {"empty_pieces", ";;p=reject; ;", true, Policy::reject, {}, {}},
    {"garbage_between_4_7", "p=reject; garbage; =x; 1=2; a b=c", true, Policy::reject, {}, {}},
    {"control_character_in_value", "p=re\001ject", false, Policy::none, {}, {}},
    {"white_space_4_8", "  p \t=\t reject  ", true, Policy::reject, {}, {}},
};

TEST(Record, Policies) {
  for (const auto& c : kPolicyCases) {
    const auto record = parse_record("v=DMARC1; " + std::string(c.tags));
    ASSERT_TRUE(record.ok()) << c.name;
    EXPECT_EQ(record->applies, c.applies) << c.name;
    EXPECT_EQ(record->policy, c.p) << c.name;
    EXPECT_EQ(record->subdomain_policy, c.sp) << c.name;
    EXPECT_EQ(record->nonexistent_policy, c.np) << c.name;
  }
}

struct TagCase {
  const char* name;
  const char* tags;
  AlignmentMode dkim;
  AlignmentMode spf;
  Psd psd;
  bool testing;
};

constexpr auto kRelaxed = AlignmentMode::relaxed;
constexpr auto kStrict = AlignmentMode::strict;

constexpr TagCase kTagCases[] = {
    {"defaults_4_7", "p=none", kRelaxed, kRelaxed, Psd::unknown, false},
    {"adkim_strict_4_7", "adkim=s", kStrict, kRelaxed, Psd::unknown, false},
    {"aspf_strict_4_7", "aspf=S", kRelaxed, kStrict, Psd::unknown, false},
    {"relaxed_4_7", "adkim=r; aspf=r", kRelaxed, kRelaxed, Psd::unknown, false},
    {"bad_alignment_is_default_4_7", "adkim=strict; aspf=x", kRelaxed, kRelaxed, Psd::unknown,
     false},
    {"psd_y_4_7", "psd=y", kRelaxed, kRelaxed, Psd::yes, false},
    {"psd_n_4_7", "psd=n", kRelaxed, kRelaxed, Psd::no, false},
    {"psd_u_4_7", "psd=u", kRelaxed, kRelaxed, Psd::unknown, false},
    {"bad_psd_is_default_4_7", "psd=yes", kRelaxed, kRelaxed, Psd::unknown, false},
    {"t_y_4_7", "t=y", kRelaxed, kRelaxed, Psd::unknown, true},
    {"t_n_4_7", "t=n", kRelaxed, kRelaxed, Psd::unknown, false},
    {"bad_t_is_default_4_7", "t=yes", kRelaxed, kRelaxed, Psd::unknown, false},
};

TEST(Record, OtherTags) {
  for (const auto& c : kTagCases) {
    const auto record = parse_record("v=DMARC1; " + std::string(c.tags));
    ASSERT_TRUE(record.ok()) << c.name;
    EXPECT_EQ(record->dkim_alignment, c.dkim) << c.name;
    EXPECT_EQ(record->spf_alignment, c.spf) << c.name;
    EXPECT_EQ(record->psd, c.psd) << c.name;
    EXPECT_EQ(record->testing, c.testing) << c.name;
  }
}

struct FailureOptionCase {
  const char* name;
  const char* tags;
  FailureOptions expected;  // 0, 1, d, s
};

constexpr FailureOptionCase kFailureOptionCases[] = {
    {"default_4_7", "ruf=mailto:a@example.com", {true, false, false, false}},
    {"one", "fo=1; ruf=mailto:a@example.com", {false, true, false, false}},
    {"list_4_7", "fo=0:d; ruf=mailto:a@example.com", {true, false, true, false}},
    {"all", "fo=0:1:d:s; ruf=mailto:a@example.com", {true, true, true, true}},
    {"spaces", "fo=d : s; ruf=mailto:a@example.com", {false, false, true, true}},
    {"invalid_is_default_4_7", "fo=x:1; ruf=mailto:a@example.com", {true, false, false, false}},
    {"ignored_without_ruf_4_7", "fo=1", {true, false, false, false}},
};

TEST(Record, FailureOptions) {
  for (const auto& c : kFailureOptionCases) {
    const auto record = parse_record("v=DMARC1; p=none; " + std::string(c.tags));
    ASSERT_TRUE(record.ok()) << c.name;
    EXPECT_EQ(record->failure_options, c.expected) << c.name;
  }
}

struct UriCase {
  const char* name;
  const char* list;
  std::vector<ReportUri> expected;
};

const UriCase kUriCases[] = {
    {"one",
     "mailto:d@Example.COM",
     {{"mailto:d@Example.COM", "mailto", "d@Example.COM", "example.com", 0}}},
    {"two_4_6",
     "mailto:a@example.com , mailto:b@example.net",
     {{"mailto:a@example.com", "mailto", "a@example.com", "example.com", 0},
      {"mailto:b@example.net", "mailto", "b@example.net", "example.net", 0}}},
    {"size_suffix_rfc7489_6_2",
     "mailto:a@example.com!10m",
     {{"mailto:a@example.com", "mailto", "a@example.com", "example.com", 10U << 20}}},
    {"size_in_octets",
     "mailto:a@example.com!500",
     {{"mailto:a@example.com", "mailto", "a@example.com", "example.com", 500}}},
    {"other_scheme_is_kept_4_7",
     "https://User@Reports.example:443/in?x#y",
     {{"https://User@Reports.example:443/in?x#y", "https", "", "reports.example", 0}}},
    {"percent_encoded_rfc3986_2_1", "MAILTO:a%2Cb%21c@example.com", {}},
    {"percent_encoded_mark",
     "MAILTO:b%21c@example.com",
     {{"MAILTO:b%21c@example.com", "mailto", "b!c@example.com", "example.com", 0}}},
    {"header_fields_cut",
     "mailto:a@example.com?subject=x",
     {{"mailto:a@example.com?subject=x", "mailto", "a@example.com", "example.com", 0}}},
    {"bad_ones_left_out",
     "x, mailto:, mailto:a, mailto:@b, :x, 1a:b, mailto:a@b_c..d, mailto:a b@c",
     {}},
    {"line_break_encoded", "mailto:a%0d%0aRCPT@example.com", {}},
    {"broken_escape", "mailto:a%2@example.com,mailto:a%zz@example.com,mailto:a@example.com%", {}},
    {"source_route", "mailto:%40x:a@example.com", {}},
    {"angle_brackets", "mailto:%3Ca@example.com", {}},
    {"size_not_a_number", "mailto:a@example.com!x,mailto:a@example.com!,mailto:a!1!2@b.c", {}},
    {"size_too_long", "mailto:a@example.com!9999999t", {}},
    {"address_literal", "mailto:a@[192.0.2.1]", {}},
    {"empty", "", {}},
};

TEST(Record, ReportUris) {
  for (const auto& c : kUriCases) EXPECT_EQ(parse_report_uris(c.list), c.expected) << c.name;
}

TEST(Record, Limits) {
  std::string list = "mailto:a@example.com";
  for (int i = 0; i < 50; ++i) list += ",mailto:a@example.com";
  EXPECT_EQ(parse_report_uris(list).size(), kMaxReportUris);

  std::string text = "v=DMARC1; p=reject; ";
  text.append(kMaxRecordOctets - text.size(), ';');
  ASSERT_TRUE(parse_record(text).ok());
  EXPECT_EQ(parse_record(text)->policy, Policy::reject);
  const auto longer = parse_record(text + ";");
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.error().text(), "record has 4097 octets, at most 4096 are read");

  std::string warnings = "v=DMARC1; p=none";
  for (int i = 0; i < 100; ++i) warnings += "; x=1";
  EXPECT_EQ(parse_record(warnings)->warnings.size(), kMaxRecordWarnings);
}

struct WarningCase {
  const char* tags;
  std::vector<std::string> expected;
};

const WarningCase kWarningCases[] = {
    {"p=reject;", {}},
    {"p=rejct", {"p=rejct is not valid"}},
    {"p=none; pct=5", {"unknown tag pct="}},
    {"p=none; p=none", {"p= comes again, the first one counts"}},
    {"p=none; v=DMARC1", {"v=DMARC1 is not valid"}},
    {"p=none; x", {"\"x\" is not name=value"}},
    {"p=none; rua=mailto:a@example.com,b", {"rua=mailto:a@example.com,b is not valid"}},
    {"p=none; t=maybe", {"t=maybe is not valid"}},
};

TEST(Record, Warnings) {
  for (const auto& c : kWarningCases) {
    EXPECT_EQ(parse_record("v=DMARC1;" + std::string(c.tags))->warnings, c.expected) << c.tags;
  }
}

struct SelectCase {
  const char* name;
  std::vector<std::string> texts;
  int found;
  bool used;
};

const SelectCase kSelectCases[] = {
    {"none", {}, 0, false},
    {"one", {"v=DMARC1; p=none"}, 1, true},
    {"others_discarded_4_10_step_2", {"v=spf1 -all", "v=DMARC1; p=none", "x"}, 1, true},
    {"several_all_discarded_4_10_step_2", {"v=DMARC1; p=none", "v=DMARC1; p=none"}, 2, false},
    {"broken_one_counts_as_record", {"v=DMARC1", "v=DMARC1; p=none"}, 2, false},
    {"other_version_is_none", {"v=DMARC2; p=none", "v=DMARC1; p=none"}, 1, true},
};

TEST(Record, Selection) {
  for (const auto& c : kSelectCases) {
    const auto selected = select_record(c.texts);
    EXPECT_EQ(selected.found, c.found) << c.name;
    EXPECT_EQ(selected.record.has_value(), c.used) << c.name;
    EXPECT_FALSE(selected.too_long) << c.name;
  }
  EXPECT_TRUE(select_record({"v=DMARC1;" + std::string(5000, ' ')}).too_long);
}

}  // namespace
}  // namespace gatepost::dmarc
