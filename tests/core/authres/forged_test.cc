#include "core/authres/forged.h"

#include <gtest/gtest.h>

namespace gatepost::authres {
namespace {

const std::vector<std::string> kIds = {"mail.example.com",
                                       "B\xc3\xbc"
                                       "cher.example",
                                       "my filter"};

struct ClaimCase {
  const char* name;
  std::string value;
  bool claims;
};

const ClaimCase kClaims[] = {
    {"plain, RFC 8601 5", " mail.example.com; dkim=pass", true},
    {"no blank", "mail.example.com;dkim=pass", true},
    {"letter case", " MAIL.Example.COM; dkim=pass", true},
    {"version", " mail.example.com 1; dkim=pass", true},
    {"unknown version", " mail.example.com 99; dkim=pass", true},
    {"quoted", " \"mail.example.com\"; dkim=pass", true},
    {"quoted pairs", " \"ma\\il.example.com\"; dkim=pass", true},
    {"half quoted", " \"mail.\"example.com; dkim=pass", true},
    {"quotes not closed", " \"mail.example.com; dkim=pass", true},
    {"folded", "\r\n mail.example.com\r\n ; dkim=pass", true},
    {"LF fold", "\n\tmail.example.com;\n\tdkim=pass", true},
    {"fold inside", " mail.\r\n example.com; dkim=pass", true},
    {"blank before a dot", " mail .example.com; dkim=pass", true},
    {"comment in front", " (hi) mail.example.com; dkim=pass", true},
    {"comment behind", " mail.example.com(hi); dkim=pass", true},
    {"comment inside", " mail.exa(hi)mple.com; dkim=pass", true},
    {"comment at a dot", " mail.(hi)example.com; dkim=pass", true},
    {"comment with a semicolon", " (a;b) mail.example.com; dkim=pass", true},
    {"nested comment", " (a(b;)c) mail.example.com; dkim=pass", true},
    {"comment closed for who does not nest", " (a;(b) mail.example.com; dkim=pass", true},
    {"comment closed for who knows no escapes", " (a;\\) mail.example.com; dkim=pass", true},
    {"escaped parenthesis", " (a;\\)b) mail.example.com; dkim=pass", true},
    {"comment not closed", " (a; mail.example.com; dkim=pass", true},
    {"id in a comment", " (mail.example.com; dkim=pass", true},
    {"parenthesis in quotes", " \"(;\" mail.example.com \")\"; dkim=pass", true},
    {"nothing behind", " mail.example.com", true},
    {"no semicolon", " mail.example.com dkim=pass", true},
    {"comma for semicolon", " mail.example.com, dkim=pass", true},
    {"broken rest", " mail.example.com; \"(((", true},
    {"empty part in front", " ; mail.example.com; dkim=pass", true},
    {"dot behind", " mail.example.com.; dkim=pass", true},
    {"slash behind", " mail.example.com/1; dkim=pass", true},
    {"equals in front", " =mail.example.com; dkim=pass", true},
    {"NUL inside", std::string(" mail.exa\0mple.com; dkim=pass", 29), true},
    {"NUL behind", std::string(" mail.example.com\0.evil.example; dkim=pass", 42), true},
    {"control inside",
     " mail.\x01"
     "example.com; dkim=pass",
     true},
    {"8-bit behind", " mail.example.com\xff; dkim=pass", true},
    {"no-break space", " \xc2\xa0mail.example.com; dkim=pass", true},
    {"soft hyphen", " mail.exa\xc2\xadmple.com; dkim=pass", true},
    {"full-width letter",
     " \xef\xbd\x8d"
     "ail.example.com; dkim=pass",
     true},
    {"encoded word, Q", " =?utf-8?q?mail.example.com?=; dkim=pass", true},
    {"encoded word, B", " =?utf-8?b?bWFpbC5leGFtcGxlLmNvbQ==?=; dkim=pass", true},
    {"U-label",
     " b\xc3\xbc"
     "cher.example; dkim=pass",
     true},
    {"U-label, other case",
     " B\xc3\x9c"
     "CHER.example; dkim=pass",
     true},
    {"A-label", " xn--bcher-kva.example; dkim=pass", true},
    {"id with a blank", " my \r\n\t filter; dkim=pass", true},

    {"someone else", " mx.example.net; dkim=pass", false},
    {"host below ours", " x.mail.example.com; dkim=pass", false},
    {"ours as its beginning", " mail.example.com.evil.example; dkim=pass", false},
    {"ours with letters behind", " mail.example.community; dkim=pass", false},
    {"ours with letters in front", " gmail.example.com; dkim=pass", false},
    {"hyphen in front", " x-mail.example.com; dkim=pass", false},
    {"in a property", " mx.example.net; spf=pass smtp.helo=mail.example.com", false},
    {"in a property, no id", " spf=pass smtp.helo=mail.example.com; dkim=pass", false},
    {"in a later comment", " mx.example.net; spf=pass (mail.example.com: ok)", false},
    {"in a quoted reason", " mx.example.net; spf=pass reason=\"mail.example.com\"", false},
    {"nothing", "", false},
};

TEST(ClaimsAuthservId, ForgedOnesNeverSurvive) {
  for (const auto& c : kClaims) EXPECT_EQ(claims_authserv_id(c.value, kIds), c.claims) << c.name;
  EXPECT_FALSE(claims_authserv_id(" ; dkim=pass", std::vector<std::string>{"", " "}));
  EXPECT_FALSE(claims_authserv_id(" mail.example.com; dkim=pass", {}));
}

TEST(ClaimsAuthservId, OddIds) {
  EXPECT_TRUE(claims_authserv_id(" \"mx/1=a\"; x=y", std::vector<std::string>{"mx/1=a"}));
  EXPECT_TRUE(claims_authserv_id(" mx; x=y", std::vector<std::string>{"MX"}));
}

TEST(ClaimsAuthservId, WhatIsBeyondTheBudgetsCountsAsAClaim) {
  std::string words;
  for (int i = 0; i < 30; ++i) words += " \xc3\xa9";
  EXPECT_FALSE(claims_authserv_id(words + "; x=y", kIds));
  EXPECT_TRUE(claims_authserv_id(words + words + "; x=y", kIds));
  EXPECT_FALSE(claims_authserv_id(std::string(4000, 'a') + "; x=y", kIds));
  EXPECT_TRUE(claims_authserv_id(std::string(5000, 'a') + "; x=y", kIds));
  EXPECT_TRUE(claims_authserv_id("(" + std::string(60000, ';') + ") mail.example.com; x=y", kIds));
  EXPECT_FALSE(claims_authserv_id("a; x=y (" + std::string(60000, 'b') + ")", kIds));
}

TEST(ForgedIndices, FromLastToFirst) {
  const std::vector<mail::HeaderField> fields = {
      {"Received", " from x"},
      {"Authentication-Results", " mail.example.com; dkim=pass"},
      {"Subject", " mail.example.com"},
      {"authentication-results", " other.example; dkim=pass"},
      {"AUTHENTICATION-RESULTS ", " mail.example.com; dkim=pass"},
      {"ARC-Authentication-Results", " i=1; mail.example.com; dkim=pass"},
      {"Authentication-Results", " Mail.Example.Com 1; none"},
  };
  EXPECT_EQ(forged_indices(fields, kIds), (std::vector<int>{4, 3, 1}));
  EXPECT_TRUE(forged_indices({}, kIds).empty());
}

}  // namespace
}  // namespace gatepost::authres
