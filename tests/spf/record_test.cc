#include "spf/record.h"

#include <gtest/gtest.h>

namespace gatepost::spf {
namespace {

struct RecordCase {
  const char* name;
  std::string_view text;
  const char* error;  // "" = accepted, else "column N: reason"
};

using namespace std::string_view_literals;

constexpr RecordCase kRecordCases[] = {
    {"empty_rfc7208_4_5", "v=spf1", ""},
    {"version_any_case", "V=SPF1 -ALL", ""},
    {"spaces_4_6_1", "v=spf1  a   -all  ", ""},
    {"not_a_record", "v=spf10 -all", "record does not begin with v=spf1"},
    {"tab_is_no_separator_12", "v=spf1 a\t-all",
     "column 9: octet outside printable US-ASCII: \\x09"},
    {"nul", "v=spf1 a:a.b\0"sv, "column 13: octet outside printable US-ASCII: \\x00"},
    {"not_ascii_3_1", "v=spf1 a:\xc3\xa4.example",
     "column 10: octet outside printable US-ASCII: \\xc3"},
    {"unknown_mechanism_4_6_1", "v=spf1 moo -all", "column 8: unknown mechanism: moo"},
    {"error_behind_all_4_6", "v=spf1 -all moo", "column 13: unknown mechanism: moo"},
    {"all_dot_5_1", "v=spf1 -all.", "column 8: unknown mechanism: -all."},
    {"all_argument_5_1", "v=spf1 -all:x", "column 8: all takes nothing behind it: -all:x"},
    {"lone_qualifier", "v=spf1 -", "column 8: neither a mechanism nor a modifier: -"},
    {"two_qualifiers", "v=spf1 --all", "column 8: neither a mechanism nor a modifier: --all"},
    {"include_without_domain_5_2", "v=spf1 include", "column 8: a domain is missing: include"},
    {"include_empty_5_2", "v=spf1 include:", "column 8: empty domain: include:"},
    {"include_cidr_5_2", "v=spf1 include:a.example/24",
     "column 16: domain does not end in a top label: a.example/24"},
    {"a_dual_cidr_5_3", "v=spf1 a/24//64 a:x.example/0//0 a//128", ""},
    {"a_cidr_33_5_3", "v=spf1 a/33", "column 10: IPv4 prefix length is not 0 to 32: 33"},
    {"a_cidr_leading_zero_12", "v=spf1 a/08", "column 10: IPv4 prefix length is not 0 to 32: 08"},
    {"a_cidr6_129_5_3", "v=spf1 a//129", "column 11: IPv6 prefix length is not 0 to 128: 129"},
    {"a_cidr_huge", "v=spf1 a/99999999999999999999",
     "column 10: IPv4 prefix length is not 0 to 32: 99999999999999999999"},
    {"a_cidr_order", "v=spf1 a//64/24", "column 8: bad prefix length: a//64/24"},
    {"a_bare_slash", "v=spf1 a/", "column 8: bad prefix length: a/"},
    {"a_slash_in_macro_delimiter_7_1", "v=spf1 a:%{l1r/}.example.com/24", ""},
    {"a_address_7_1", "v=spf1 a:192.0.2.1",
     "column 10: an address where a domain is expected (ip4: was meant?): 192.0.2.1"},
    {"a_one_label_7_1", "v=spf1 a:museum.",
     "column 10: domain is not followed by a dot and a top label: museum."},
    {"a_hyphens_in_top_label_7_1", "v=spf1 a:x.xn--zckzah", ""},
    {"a_top_label_ends_in_hyphen", "v=spf1 a:x.com-",
     "column 10: domain does not end in a top label: x.com-"},
    {"a_any_visible_7_1", "v=spf1 a:foo:bar/baz.example.com", ""},
    {"macro_end_7_1", "v=spf1 exists:x%{i}", ""},
    {"macro_then_dot_is_no_end_7_1", "v=spf1 exists:%{d}.",
     "column 19: domain is not followed by a dot and a top label: ."},
    {"macro_then_label_is_no_end_7_1", "v=spf1 exists:%{d}com",
     "column 19: domain is not followed by a dot and a top label: com"},
    {"escape_is_an_end_7_1", "v=spf1 exists:x%%", ""},
    {"ptr_cidr_5_5", "v=spf1 ptr/0", "column 8: ptr takes only a domain: ptr/0"},
    {"ip4_5_6", "v=spf1 ip4:192.0.2.0/24 ip4:0.0.0.0/0 ip4:1.2.3.4", ""},
    {"ip4_missing", "v=spf1 ip4", "column 8: an address is missing: ip4"},
    {"ip4_short_5_6", "v=spf1 ip4:1.2.3", "column 8: not an IPv4 network: ip4:1.2.3"},
    {"ip4_long", "v=spf1 ip4:1.2.3.4.5", "column 8: not an IPv4 network: ip4:1.2.3.4.5"},
    {"ip4_leading_zero_12", "v=spf1 ip4:1.2.3.04", "column 8: not an IPv4 network: ip4:1.2.3.04"},
    {"ip4_256", "v=spf1 ip4:1.2.3.256", "column 8: not an IPv4 network: ip4:1.2.3.256"},
    {"ip4_port", "v=spf1 ip4:1.2.3.4:25", "column 8: not an IPv4 network: ip4:1.2.3.4:25"},
    {"ip4_empty_cidr", "v=spf1 ip4:1.2.3.4/",
     "column 8: IPv4 prefix length is not 0 to 32: ip4:1.2.3.4/"},
    {"ip4_dual_cidr_5_6", "v=spf1 ip4:1.2.3.4//32",
     "column 8: IPv4 prefix length is not 0 to 32: ip4:1.2.3.4//32"},
    {"ip4_is_ip6", "v=spf1 ip4:2001:db8::1", "column 8: not an IPv4 network: ip4:2001:db8::1"},
    {"ip6_5_6", "v=spf1 ip6:2001:DB8::/32 ip6:::1.1.1.1/0 ip6:::ffff:1.2.3.4", ""},
    {"ip6_bad", "v=spf1 ip6::CAFE::BABE", "column 8: not an IPv6 network: ip6::CAFE::BABE"},
    {"ip6_zone", "v=spf1 ip6:fe80::1%eth0", "column 8: not an IPv6 network: ip6:fe80::1%eth0"},
    {"ip6_is_ip4", "v=spf1 ip6:1.2.3.4", "column 8: not an IPv6 network: ip6:1.2.3.4"},
    {"redirect_colon_4_6_1", "v=spf1 redirect:x.example",
     "column 8: unknown mechanism: redirect:x.example"},
    {"redirect_twice_6", "v=spf1 redirect=a.example REDIRECT=b.example",
     "column 27: redirect or exp stands twice: REDIRECT=b.example"},
    {"exp_twice_6", "v=spf1 exp=a.b exp=a.b", "column 16: redirect or exp stands twice: exp=a.b"},
    {"exp_empty_6_2", "v=spf1 exp= -all", "column 8: empty domain: exp="},
    {"exp_letter_7_2", "v=spf1 exp=%{r}.example",
     "column 12: macro letter that is only allowed in explanations: %{r}.example"},
    {"modifier_with_qualifier_4_6_1", "v=spf1 -exp=a.b",
     "column 8: modifier with a qualifier: -exp=a.b"},
    {"modifier_name_12", "v=spf1 1up=foo", "column 8: neither a mechanism nor a modifier: 1up=foo"},
    {"modifier_without_name", "v=spf1 =all", "column 8: modifier without a name: =all"},
    {"unknown_modifier_6", "v=spf1 moo.cow-far_out=man:dog/cat x= y=%{t} -all", ""},
    {"unknown_modifier_macro_12", "v=spf1 foo=%abc",
     "column 12: % is not followed by {, %, _ or -: %abc"},
    {"macro_without_end", "v=spf1 a:%{d", "column 10: macro without }: %{d"},
    {"macro_unknown_letter_7_1", "v=spf1 a:%{x}.b", "column 10: unknown macro letter: %{x}.b"},
    {"macro_empty", "v=spf1 a:%{}.b", "column 10: unknown macro letter: %{}.b"},
    {"macro_zero_labels_7_3", "v=spf1 a:%{d0}.b", "column 10: macro keeps 0 labels: %{d0}.b"},
    {"macro_many_labels_7_3", "v=spf1 a:%{d128}.b a:%{d99999999999999999999}.b", ""},
    {"macro_bad_delimiter_7_1", "v=spf1 a:%{d2r;}.b",
     "column 10: bad macro transformer or delimiter: %{d2r;}.b"},
    {"macro_transformers_in_order_7_1", "v=spf1 a:%{dr2}.b",
     "column 10: bad macro transformer or delimiter: %{dr2}.b"},
};

TEST(ParseRecord, KeepsToTheGrammar) {
  for (const auto& c : kRecordCases) {
    const auto record = parse_record(c.text);
    EXPECT_EQ(record.ok() ? "" : record.error().text(), c.error) << c.name;
    if (!record.ok()) {
      EXPECT_EQ(record.error().kind, ErrorKind::permanent) << c.name;
    }
  }
}

TEST(ParseRecord, TermsStandInOrder) {
  const std::string_view text =
      "v=spf1 +a:x.example/24//64 ?include:%{p}.%{l}.example -ip4:192.0.2.7/29 foo=bar "
      "exp=e.example redirect=r.example ~all";
  const auto record = parse_record(text);
  ASSERT_TRUE(record.ok());
  ASSERT_EQ(record->mechanisms.size(), 4U);
  const Mechanism& a = record->mechanisms[0];
  EXPECT_EQ(a.kind, MechanismKind::a);
  EXPECT_EQ(a.qualifier, Qualifier::pass);
  EXPECT_EQ(a.text, "+a:x.example/24//64");
  EXPECT_EQ(a.domain.text, "x.example");
  EXPECT_EQ(a.prefix4, 24);
  EXPECT_EQ(a.prefix6, 64);
  const Mechanism& include = record->mechanisms[1];
  EXPECT_EQ(include.qualifier, Qualifier::neutral);
  EXPECT_TRUE(include.domain.uses_validated);
  EXPECT_TRUE(include.domain.uses_local_part);
  EXPECT_EQ(record->mechanisms[2].qualifier, Qualifier::fail);
  EXPECT_EQ(record->mechanisms[2].prefix4, 29);
  EXPECT_EQ(record->mechanisms[3].qualifier, Qualifier::softfail);
  EXPECT_TRUE(record->has_all);
  EXPECT_EQ(record->exp->value.text, "e.example");
  EXPECT_EQ(record->redirect->value.text, "r.example");
  ASSERT_EQ(record->unknown.size(), 1U);
  EXPECT_EQ(record->unknown[0].name, "foo");
  EXPECT_EQ(record->unknown[0].value.text, "bar");
}

struct NetworkCase {
  const char* record;
  const char* client;
  bool contains;
};

constexpr NetworkCase kNetworkCases[] = {
    {"v=spf1 ip4:192.0.2.8/29", "192.0.2.15", true},
    {"v=spf1 ip4:192.0.2.8/29", "192.0.2.16", false},
    {"v=spf1 ip4:1.1.1.1/0", "203.0.113.1", true},
    {"v=spf1 ip4:1.1.1.1/0", "2001:db8::1", false},
    {"v=spf1 ip4:192.0.2.1", "::ffff:192.0.2.1", true},
    {"v=spf1 ip6:::ffff:192.0.2.1", "::ffff:192.0.2.1", false},  // section 5: it is IPv4
    {"v=spf1 ip6:::/0", "192.0.2.1", false},
    {"v=spf1 ip6:2001:db8::/33", "2001:db8:7fff::1", true},
    {"v=spf1 ip6:2001:db8::/33", "2001:db8:8000::1", false},
};

TEST(Mechanism, NetworkContains) {
  for (const auto& c : kNetworkCases) {
    const auto record = parse_record(c.record);
    ASSERT_TRUE(record.ok());
    EXPECT_EQ(record->mechanisms[0].network_contains(*IpAddress::parse(c.client)), c.contains)
        << c.record << " " << c.client;
  }
}

TEST(SelectRecord, OnlyWholeVersionCountsRfc7208Section45) {
  const auto count = [](std::vector<std::string> texts) { return select_record(texts).count; };
  EXPECT_EQ(count({}), 0U);
  EXPECT_EQ(count({"v=spf10", "v=spf", " v=spf1", "v=spf1-all", "v=spf1\t-all", ""}), 0U);
  EXPECT_EQ(count({"x", "v=spf1", "v=spf2.0/pra"}), 1U);
  EXPECT_EQ(count({"v=spf1 -all", "V=spf1 -all"}), 2U);
}

}  // namespace
}  // namespace gatepost::spf
