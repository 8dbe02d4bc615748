#include "rules/settings.h"

#include <gtest/gtest.h>

#include "rules/parse.h"

namespace gatepost::rules {
namespace {

RuleFile read(std::string text) {
  const Source source{"r.cf", std::move(text)};
  RuleFile file = parse({&source, 1}, {});
  for (const Diagnostic& d : file.diagnostics) ADD_FAILURE() << d.place.text() << ": " << d.what;
  return file;
}

RuleSettings settings(std::string text) {
  return read(std::move(text)).settings;
}

IpAddress ip(std::string_view text) {
  return *IpAddress::parse(text);
}

TEST(Settings, Networks) {
  const RuleSettings s = settings(
      "trusted_networks 192.0.2.0/24 !198.51.100.7 198.51.100.0/24 10/8 172.16. [2001:db8::]/32\n"
      "internal_networks 192.0.2.1\nmsa_networks 192.0.2.9\n"
      "clear_originating_ip_headers\noriginating_ip_headers X-One X-Two x-one\n");
  const NetworkList& trusted = s.networks.trusted;
  for (const char* in :
       {"192.0.2.77", "198.51.100.8", "10.1.2.3", "172.16.4.5", "2001:db8::1", "127.0.0.1"}) {
    EXPECT_TRUE(trusted.contains(ip(in))) << in;
  }
  for (const char* out : {"192.0.3.1", "198.51.100.7", "11.1.2.3", "172.17.4.5", "2001:db9::1"})
    EXPECT_FALSE(trusted.contains(ip(out))) << out;
  EXPECT_TRUE(s.networks.internal.contains(ip("192.0.2.1")));
  EXPECT_TRUE(s.networks.msa.contains(ip("192.0.2.9")));
  EXPECT_EQ(s.networks.originating_ip_headers, (std::vector<std::string>{"X-One", "X-Two"}));
  EXPECT_TRUE(
      settings("trusted_networks 192.0.2.0/24\nclear_trusted_networks\n").networks.trusted.empty());
}

struct ConfiguredCase {
  const char* lines;
  const char* trusted;  // the hops that are, from the newest one
  const char* internal;
};

// 192.0.2.9 is a relay of the program's configuration; the message came to it from 192.0.2.50, to
// there from 203.0.113.4.
constexpr ConfiguredCase kConfigured[] = {
    {"", "192.0.2.9 ", "192.0.2.9 "},
    {"trusted_networks 203.0.113.4\n", "192.0.2.9 ", "192.0.2.9 "},
    {"trusted_networks 192.0.2.50\n", "192.0.2.9 192.0.2.50 ", "192.0.2.9 192.0.2.50 "},
    {"trusted_networks 192.0.2.50\ninternal_networks 10.0.0.0/8\n", "192.0.2.9 192.0.2.50 ",
     "192.0.2.9 "},
    {"trusted_networks !192.0.2.9 192.0.2.50\n", "", ""},
    {"trusted_networks 192.0.2.50\ninternal_networks !192.0.2.9 192.0.2.50\n",
     "192.0.2.9 192.0.2.50 ", ""},
    {"trusted_networks 192.0.2.50\nclear_trusted_networks\n", "192.0.2.9 ", "192.0.2.9 "},
};

TEST(Settings, RelaysOfTheConfigurationAreTrustedUnlessALineTakesThemOut) {
  std::vector<mail::HeaderField> fields;
  for (const char* ip : {"192.0.2.9", "192.0.2.50", "203.0.113.4"}) {
    mail::HeaderField& field = fields.emplace_back();
    field.name = "Received";
    field.value = " from a.example (a.example [" + std::string(ip) +
                  "]) by b.example with ESMTP "
                  "id 1; Thu, 1 Jan 2026 00:00:00 +0000";
  }
  const auto addresses = [](const std::vector<Relay>& relays) {
    std::string out;
    for (const Relay& relay : relays) out += relay.ip + " ";
    return out;
  };
  for (const ConfiguredCase& c : kConfigured) {
    SCOPED_TRACE(c.lines);
    RuleSettings s = settings(c.lines);
    const std::string before = fingerprint(s);
    s.networks.configured.add({*IpNetwork::parse("192.0.2.9"), false});
    EXPECT_NE(fingerprint(s), before);
    const Relays relays = read_relays(fields, s.networks);
    EXPECT_EQ(addresses(relays.trusted), c.trusted);
    EXPECT_EQ(addresses(relays.internal), c.internal);
  }
}

TEST(Settings, DomainsAndLists) {
  const RuleSettings s = settings(
      "util_rb_tld COM org\nutil_rb_2tld co.uk\nutil_rb_3tld a.b.c\n"
      "freemail_domains free.example *.mail.example\nfreemail_whitelist Me@free.example\n"
      "freemail_max_body_emails 7\nfreemail_skip_when_over_max 0\n"
      "enlist_uri_host (BAD) x.example !good.x.example\nblacklist_uri_host z.example\n"
      "delist_uri_host (BAD) gone.example\n"
      "enlist_addrlist (BANKS) *@bank.example\nwhitelist_from *@a.example b?@c.example\n"
      "unwhitelist_from b?@c.example\nblocklist_subject *CHEAP*pills*\n"
      "def_whitelist_from_rcvd *@r.example relay.example\n"
      "def_whitelist_from_dkim *@d.example\nwelcomelist_from_dkim *@e.example f.example\n"
      "rewrite_header Subject [SPAM]\nadd_header all X y\nok_locales en ja\n"
      "body_part_scan_size 1000\nrawbody_part_scan_size 2000\nredirector_pattern m{^x(.*)}i\n");
  EXPECT_EQ(s.top_level, (std::vector<std::string>{"com", "org"}));
  EXPECT_EQ(s.two_level, std::vector<std::string>{"co.uk"});
  EXPECT_EQ(s.three_level, std::vector<std::string>{"a.b.c"});
  EXPECT_TRUE(s.freemail_domains.matches("FREE.example"));
  EXPECT_TRUE(s.freemail_domains.matches("x.mail.example"));
  EXPECT_FALSE(s.freemail_domains.matches("mail.example"));
  EXPECT_TRUE(s.freemail_welcomelist.matches("me@free.example"));
  EXPECT_EQ(s.freemail_max_body_emails, 7u);
  EXPECT_FALSE(s.freemail_skip_when_over_max);
  EXPECT_EQ(s.uri_hosts.at("BAD").at("x.example"), true);
  EXPECT_EQ(s.uri_hosts.at("BAD").at("good.x.example"), false);
  EXPECT_EQ(s.uri_hosts.at("BLOCK").at("z.example"), true);
  EXPECT_TRUE(s.list("BANKS").matches("any@bank.example"));
  EXPECT_FALSE(s.list("BANKS").matches("any@bank.example.org"));
  EXPECT_TRUE(s.list("welcomelist_from").matches("x@a.example"));
  EXPECT_FALSE(s.list("welcomelist_from").matches("bx@c.example"));
  EXPECT_TRUE(s.list("blocklist_subject").is_in("Buy cheap blue Pills now"));
  EXPECT_EQ(s.def_welcomelist_from_rcvd,
            (std::vector<AddressFromRelay>{{"*@r.example", "relay.example"}}));
  EXPECT_EQ(s.def_welcomelist_from_dkim, (std::vector<AddressSignedBy>{{"*@d.example", ""}}));
  EXPECT_EQ(s.welcomelist_from_dkim, (std::vector<AddressSignedBy>{{"*@e.example", "f.example"}}));
  EXPECT_TRUE(s.header.subject);
  EXPECT_TRUE(s.header.names("X-Spam-X"));
  EXPECT_EQ(s.ok_locales, (std::vector<std::string>{"en", "ja"}));
  EXPECT_EQ(s.body_part_scan_size, 1000u);
  EXPECT_EQ(s.rawbody_part_scan_size, 2000u);
  ASSERT_EQ(s.redirectors.size(), 1u);
  EXPECT_EQ(s.redirectors[0].expression, "^x(.*)");
  EXPECT_NE(fingerprint(s), fingerprint(RuleSettings()));
}

struct GlobCase {
  const char* glob;
  const char* text;
  bool matches;
};
TEST(Settings, Globs) {
  const GlobCase kCases[] = {
      {"", "", true},
      {"a", "a", true},
      {"a", "ab", false},
      {"*", "", true},
      {"*", "anything", true},
      {"a*c", "abbbc", true},
      {"a*c", "abbb", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"*@x.y", "a@b@x.y", true},
      {"*a*b*", "xxaxxbxx", true},
      {"*a*b*", "xxbxxaxx", false},
      {"**", "x", true},
  };
  for (const GlobCase& c : kCases)
    EXPECT_EQ(glob_matches(c.glob, c.text), c.matches) << c.glob << " " << c.text;
}

struct TagCase {
  const char* name;
  const char* text;
  const char* expression;
};
TEST(ReplaceTags, Patterns) {
  const TagCase kCases[] = {
      {"a_tag", "replace_tag A [aA@]\nbody R /b<A>d/i\nreplace_rules R", "b[aA@]d"},
      {"later_lines_count", "body R /<A>/i\nreplace_rules R\nreplace_tag A x\nreplace_tag A y",
       "y"},
      {"tags_in_tags", "replace_tag A x<B>x\nreplace_tag B y\nbody R /<A>/i\nreplace_rules R",
       "xyx"},
      {"no_tag", "body R /<X>(?<n>a)<!foo>/i\nreplace_rules R", "<X>(?<n>a)<!foo>"},
      {"without_replace_rules", "replace_tag A x\nbody R /<A>/i", "<A>"},
      {"inter",
       "replace_tag A a\nreplace_tag B b\nreplace_inter W [. ]?\nbody R /<inter W><A><B> "
       "<A>/i\nreplace_rules R",
       "a[. ]?b a"},
      {"post",
       "replace_tag A a\nreplace_tag B b\nreplace_post P +\nbody R /<post P><A>x<B>/i\n"
       "replace_rules R",
       "a+xb+"},
      {"pre", "replace_tag A a\nreplace_pre P q\nbody R /<pre P>x<A>/i\nreplace_rules R", "xqa"},
      {"header_rules_too", "replace_tag A a\nheader R Subject =~ /<A>/\nreplace_rules R", "a"},
  };
  for (const TagCase& c : kCases) {
    const RuleFile file = read(c.text);
    ASSERT_EQ(file.rules.size(), 1u) << c.name;
    EXPECT_EQ(file.rules[0].pattern.expression, c.expression) << c.name;
  }
}

TEST(ReplaceTags, PlacesAreThoseOfTheLine) {
  const RuleFile file = read("replace_tag A [aA@]\nbody R /b<A>dd/i\nreplace_rules R");
  const Pattern& pattern = file.rules.at(0).pattern;
  ASSERT_EQ(pattern.expression, "b[aA@]dd");
  EXPECT_EQ(pattern.place_at(0).text(), "r.cf:2:9");
  EXPECT_EQ(pattern.place_at(1).text(), "r.cf:2:10");
  EXPECT_EQ(pattern.place_at(6).text(), "r.cf:2:13");
  EXPECT_EQ(pattern.place_at(7).text(), "r.cf:2:14");
}

TEST(ReplaceTags, WhatGrowsWithoutBoundIsNotSupported) {
  std::string text = "body R /<A0>/i\nreplace_rules R\n";
  for (int i = 0; i < 5; ++i) {
    text += "replace_tag A" + std::to_string(i) + " ";
    for (int n = 0; n < 40; ++n) text += "<A" + std::to_string(i + 1) + ">";
    text += "\n";
  }
  text += "replace_tag A5 x";
  const Source source{"r.cf", text};
  const RuleFile file = parse({&source, 1}, {});
  EXPECT_TRUE(file.rules.empty());
  ASSERT_EQ(file.unsupported.size(), 1u);
  EXPECT_FALSE(file.has_errors());
}

TEST(Settings, CompatibilityIsAFeature) {
  const char* kText =
      "enable_compat welcomelist_blocklist\n"
      "if can(Mail::SpamAssassin::Conf::compat_welcomelist_blocklist)\nbody A /x/\nendif\n";
  EXPECT_EQ(read(kText).rules.size(), 1u);
}

}  // namespace
}  // namespace gatepost::rules
