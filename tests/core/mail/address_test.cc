#include "core/mail/address.h"

#include <gtest/gtest.h>

namespace gatepost::mail {
namespace {

struct PathCase {
  const char* name;
  std::string path;
  const char* expected;  // Address::text(); "" = null path; null = permanent error
};

const std::string kLong(513, 'a');
const std::string kLabel(63, 'b');

const PathCase kReversePaths[] = {
    {"angle brackets, RFC 5321 4.1.2", "<user@example.com>", "user@example.com"},
    {"bare, as some MTAs hand it over", "user@example.com", "user@example.com"},
    {"null path, RFC 5321 4.5.5", "<>", ""},
    {"null path, bare", "", ""},
    {"domain becomes lower case, local part stays", "<User@EXAMPLE.Com>", "User@example.com"},
    {"source route is dropped, RFC 5321 F.2", "<@a.example,@b.example:user@c.example>",
     "user@c.example"},
    {"source route of one host", "<@a.example:user@c.example>", "user@c.example"},
    {"source route without comma", "<@a.example@b.example:user@c.example>", nullptr},
    {"source route without colon", "<@a.example>", nullptr},
    {"source route with comma at its end", "<@a.example,:user@c.example>", nullptr},
    {"source route with a bad host", "<@a..b:user@c.example>", nullptr},
    {"quoted local part, RFC 5321 4.1.2", "<\"a b\"@example.com>", "\"a b\"@example.com"},
    {"needless quotes go", "<\"ab\"@example.com>", "ab@example.com"},
    {"quoted at", "<\"a@b\"@example.com>", "\"a@b\"@example.com"},
    {"quoted pair", "<\"a\\\"b\\\\c\"@example.com>", "\"a\\\"b\\\\c\"@example.com"},
    {"empty quoted local part", "<\"\"@example.com>", "\"\"@example.com"},
    {"quotes not closed", "<\"a@example.com>", nullptr},
    {"text behind the quotes", "<\"a\"b@example.com>", nullptr},
    {"empty atoms are taken, carriers send them", "<a..b.@example.com>", "\"a..b.\"@example.com"},
    {"IPv4 literal, RFC 5321 4.1.3", "<u@[192.0.2.1]>", "u@[192.0.2.1]"},
    {"IPv6 literal", "<u@[IPv6:2001:DB8::1]>", "u@[ipv6:2001:db8::1]"},
    {"IPv6 literal, mapped", "<u@[IPv6:::ffff:192.0.2.1]>", "u@[ipv6:::ffff:192.0.2.1]"},
    {"IPv6 literal without its tag", "<u@[2001:db8::1]>", nullptr},
    {"tagged literal", "<u@[x400:c=se]>", "u@[x400:c=se]"},
    {"literal that is no address", "<u@[300.0.2.1]>", nullptr},
    {"literal not closed", "<u@[192.0.2.1>", nullptr},
    {"literal with text behind", "<u@[192.0.2.1].example>", nullptr},
    {"U-label becomes A-label, RFC 6531 3.2",
     "<info@b\xc3\xbc"
     "cher.example>",
     "info@xn--bcher-kva.example"},
    {"ideographic full stop, UTS 46",
     "<info@a\xe3\x80\x82"
     "example>",
     "info@a.example"},
    {"full-width at sign is no at",
     "<info@a\xef\xbc\xa0"
     "b.example>",
     nullptr},
    {"UTF-8 local part, RFC 6531 3.3", "<\xc3\xbc@example.com>", "\xc3\xbc@example.com"},
    {"invalid UTF-8 in the local part", "<\xff@example.com>", nullptr},
    {"invalid UTF-8 in the domain", "<a@\xff.com>", nullptr},
    {"underscore is taken", "<a@my_host.example>", "a@my_host.example"},
    {"no domain", "<user>", nullptr},
    {"postmaster needs a domain here", "<postmaster>", nullptr},
    {"empty domain", "<user@>", nullptr},
    {"no local part", "<@example.com>", nullptr},
    {"two ats", "<a@b@example.com>", nullptr},
    {"blank inside", "<a b@example.com>", nullptr},
    {"blank behind the domain", "<a@example.com >", nullptr},
    {"parenthesis in the domain", "<any@legitimate.com(a.attack.com>", nullptr},
    {"comma in the domain", "<a@b,c>", nullptr},
    {"dot at the end of the domain, RFC 5321 2.3.5", "<a@example.com.>", nullptr},
    {"bracket not closed", "<a@example.com", nullptr},
    {"bracket not opened", "a@example.com>", nullptr},
    {"NUL", std::string("<a@exam\0ple.com>", 16), nullptr},
    {"line break", "<a@example.com\r\n>", nullptr},
    {"local part of 512", "<" + kLong.substr(1) + "@e.example>", kLong.c_str() + 1},
    {"local part of 513", "<" + kLong + "@e.example>", nullptr},
    {"label of 63", "<a@" + kLabel + ".example>", "a@*"},
    {"label of 64", "<a@b" + kLabel + ".example>", nullptr},
    {"domain of 319",
     "<a@" + kLabel + "." + kLabel + "." + kLabel + "." + kLabel + "." + kLabel + ">", nullptr},
    {"path of 3000", "<" + std::string(3000, '@') + ">", nullptr},
};

TEST(ReversePath, Rules) {
  for (const auto& c : kReversePaths) {
    const auto address = parse_reverse_path(c.path);
    EXPECT_EQ(address.ok(), c.expected != nullptr) << c.name;
    if (!address) {
      EXPECT_EQ(address.error().kind, ErrorKind::permanent) << c.name;
      EXPECT_FALSE(address.error().what.empty()) << c.name;
      continue;
    }
    const std::string text = address->has_value() ? (**address).text() : "";
    const std::string_view expected = c.expected != nullptr ? c.expected : "";
    if (expected.size() > 100) {
      EXPECT_EQ(text, std::string(expected) + "@e.example") << c.name;
    } else if (expected != "a@*") {
      EXPECT_EQ(text, expected) << c.name;
    }
    if (address->has_value()) {
      EXPECT_EQ(parse_forward_path(text).value(), **address) << c.name;
    }
  }
}

TEST(ReversePath, KeepsTheParts) {
  const auto address = parse_reverse_path(
      "<\"a b\"@B\xc3\x9c"
      "CHER.example>");
  ASSERT_TRUE(address.ok() && address->has_value());
  EXPECT_EQ((*address)->local_part, "a b");
  EXPECT_EQ((*address)->domain, "xn--bcher-kva.example");
}

TEST(ForwardPath, BarePostmaster) {  // RFC 5321 section 4.1.1.3
  for (const char* path : {"<postmaster>", "postmaster", "<PostMaster>"}) {
    const auto address = parse_forward_path(path);
    ASSERT_TRUE(address.ok()) << path;
    EXPECT_EQ(address->domain, "");
  }
  EXPECT_FALSE(parse_forward_path("<abuse>").ok());
  EXPECT_FALSE(parse_forward_path("<>").ok());
  EXPECT_EQ(parse_forward_path("<@a.example:postmaster@b.example>").value().text(),
            "postmaster@b.example");
}

struct DomainCase {
  const char* domain;
  const char* expected;  // null = permanent error
};

constexpr DomainCase kDomains[] = {
    {"EXAMPLE.com", "example.com"},
    {"xn--bcher-kva.EXAMPLE", "xn--bcher-kva.example"},
    {"xn--zzzzzzz.example", "xn--zzzzzzz.example"},
    {"stra\xc3\x9f"
     "e.example",
     "xn--strae-oqa.example"},
    {"a_b.-c-.example", "a_b.-c-.example"},
    {"localhost", "localhost"},
    {"", nullptr},
    {".", nullptr},
    {".a", nullptr},
    {"a.", nullptr},
    {"a..b", nullptr},
    {"a b", nullptr},
    {"a/b", nullptr},
    {"\xe2\x84\x80.example", nullptr},  // U+2100 maps to "a/c"
    {"\xc2\xad.example", nullptr},      // only a soft hyphen
};

TEST(Domain, OneForm) {
  for (const auto& c : kDomains) {
    const auto domain = normalize_domain(c.domain);
    EXPECT_EQ(domain.ok(), c.expected != nullptr) << c.domain;
    EXPECT_EQ(domain ? *domain : "", c.expected ? c.expected : "");
  }
}

}  // namespace
}  // namespace gatepost::mail
