#include "spf/macro.h"

#include <gtest/gtest.h>

namespace gatepost::spf {
namespace {

MacroValues example_values(const char* client = "192.0.2.3") {
  MacroValues values;
  values.sender = "strong-bad@email.example.com";
  values.local_part = "strong-bad";
  values.sender_domain = "email.example.com";
  values.domain = "email.example.com";
  values.helo = "mail.example.org";
  values.receiver = "mx.example.net";
  values.validated = "mx.example.org";
  values.client = *IpAddress::parse(client);
  values.unix_time = 1767225600;
  return values;
}

struct ExpandCase {
  const char* text;
  const char* expected;
};

// RFC 7208 section 7.4
constexpr ExpandCase kRfcExamples[] = {
    {"%{s}", "strong-bad@email.example.com"},
    {"%{o}", "email.example.com"},
    {"%{d}", "email.example.com"},
    {"%{d4}", "email.example.com"},
    {"%{d3}", "email.example.com"},
    {"%{d2}", "example.com"},
    {"%{d1}", "com"},
    {"%{dr}", "com.example.email"},
    {"%{d2r}", "example.email"},
    {"%{l}", "strong-bad"},
    {"%{l-}", "strong.bad"},
    {"%{lr}", "strong-bad"},
    {"%{lr-}", "bad.strong"},
    {"%{l1r-}", "strong"},
    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
    {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
    {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
    {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
};

TEST(ExpandDomain, ExamplesOfRfc7208Section74) {
  for (const auto& c : kRfcExamples) {
    EXPECT_EQ(expand_domain(c.text, example_values()), c.expected) << c.text;
  }
  // Nibbles are upper case here, as the OpenSPF suite wants them; a name has no case.
  EXPECT_EQ(expand_domain("%{ir}.%{v}._spf.%{d2}", example_values("2001:db8::cb01")),
            "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com");
}

constexpr ExpandCase kExplanations[] = {
    {"", ""},
    {"%{c} %{i} %{v} %{t}", "192.0.2.3 192.0.2.3 in-addr 1767225600"},
    {"%{r} %{p} %{h}", "mx.example.net mx.example.org mail.example.org"},
    {"50%% off%_now%-", "50% off now%20"},
    {"%{S}", "strong-bad%40email.example.com"},
    {"%%{d}", "%{d}"},
    {"%{D2R.}", "example.email"},
    {"ends with a dot.", "ends with a dot."},
};

TEST(ExpandExplanation, AllLetters) {
  for (const auto& c : kExplanations) {
    EXPECT_EQ(expand_explanation(c.text, example_values(), 100), c.expected) << c.text;
  }
}

TEST(ExpandExplanation, NothingWhenUnusable) {
  const auto values = example_values();
  for (const char* text : {"%", "%{", "%{x}", "%{d0}", "100%", "tab\there", "na\xc3\xafve"}) {
    EXPECT_FALSE(expand_explanation(text, values, 100)) << text;
  }
  EXPECT_FALSE(expand_explanation("%{s}%{s}%{s}%{s}", values, 100));  // over the limit
  auto hostile = values;
  hostile.local_part = "a\r\n250 ok";
  EXPECT_FALSE(expand_explanation("hello %{l}", hostile, 100));
  EXPECT_EQ(expand_explanation("hello %{L}", hostile, 100), "hello a%0D%0A250%20ok");
}

TEST(ExpandExplanation, UnknownWhenThereIsNone) {
  auto values = example_values();
  values.receiver = {};
  values.validated = {};
  EXPECT_EQ(expand_explanation("%{r} %{p}", values, 100), "unknown unknown");
}

TEST(ExpandDomain, CutsLabelsFromTheLeftRfc7208Section73) {
  const std::string label(62, 'x');
  const std::string name = label + "." + label + "." + label + "." + label + "." + "e.example";
  auto values = example_values();
  values.domain = name;
  EXPECT_EQ(expand_domain("%{d}", values), name.substr(63));
  EXPECT_EQ(expand_domain(name, values), name.substr(63));
  EXPECT_EQ(expand_domain("%{d}.%{d}.", values), name.substr(63));
  // Exactly 253 octets stay; one more loses a whole label.
  const std::string tail = name.substr(name.size() - 190);
  const std::string exact = std::string(62, 'b') + "." + tail;
  ASSERT_EQ(exact.size(), 253U);
  EXPECT_EQ(expand_domain(exact, values), exact);
  EXPECT_EQ(expand_domain(exact + ".", values), exact);
  EXPECT_EQ(expand_domain("c" + exact, values), tail);
  EXPECT_EQ(expand_domain("%{l1r-}" + exact, values), tail);
}

TEST(ExpandDomain, MultipleDelimiters) {
  auto values = example_values();
  values.local_part = "foo-bar+zip+quux";
  EXPECT_EQ(expand_domain("%{l2r+-}.user.%{d2}", values), "bar.foo.user.example.com");
  EXPECT_EQ(expand_domain("%{l+++++----+}.x", values), "foo.bar.zip.quux.x");
  values.local_part = "-a--b-";
  EXPECT_EQ(expand_domain("%{l-}.x", values), ".a..b..x");
}

struct NameCase {
  const char* name;
  std::string text;
  bool queryable;
};

TEST(IsQueryable, WhatFitsOnTheWire) {
  const NameCase cases[] = {
      {"plain", "a.example", true},
      {"one_label", "a", true},
      {"odd_characters", "[192.0.2.1] it's/odd.example", true},
      {"empty", "", false},
      {"empty_label", "a..b", false},
      {"leading_dot", ".a", false},
      {"trailing_dot", "a.", false},
      {"label_63", std::string(63, 'a') + ".b", true},
      {"label_64", std::string(64, 'a') + ".b", false},
      {"nul", std::string("a\0b", 3), false},
      {"not_ascii", "\xc3\xa4.example", false},
  };
  for (const auto& c : cases) EXPECT_EQ(is_queryable(c.text), c.queryable) << c.name;
}

}  // namespace
}  // namespace gatepost::spf
