#include "core/authres/trusted.h"

#include <gtest/gtest.h>

#include "core/authres/forged.h"

namespace gatepost::authres {
namespace {

const std::vector<std::string> kIds = {"mail.example.com", "xn--bcher-kva.example", "mx/7", " ",
                                       ""};

struct Case {
  const char* name;
  std::string value;
  bool trusted;
};

const Case kCases[] = {
    {"plain", " mail.example.com; dkim=pass", true},
    {"letter case and version", " Mail.Example.COM 1; dkim=pass", true},
    {"comments and folds", "\r\n (x) mail.example.com (y)\r\n ; dkim=pass", true},
    {"quoted", " \"mail.example.com\"; dkim=pass", true},
    {"U-label for an A-label",
     " b\xc3\xbc"
     "cher.example; dkim=pass",
     true},
    {"id that is no name", " \"mx/7\"; dkim=pass", true},
    {"nothing checked", " mail.example.com; none", true},

    {"someone else", " mail.example.net; dkim=pass", false},
    {"name below ours", " x.mail.example.com; dkim=pass", false},
    {"no id", " dkim=pass header.d=mail.example.com", false},
    {"empty id", " \"\"; dkim=pass", false},
    {"unknown version, RFC 8601 2.2", " mail.example.com 2; dkim=pass", false},
    {"comment inside of the id", " mail.(x)example.com; dkim=pass", false},
    {"encoded word", " =?utf-8?q?mail.example.com?=; dkim=pass", false},
    {"not closed", " mail.example.com; dkim=pass (x", false},
    {"NUL", std::string(" mail.example.com\0; dkim=pass", 29), false},
};

TEST(TrustedResults, PlainReadingOnly) {
  for (const Case& c : kCases) {
    const std::vector<mail::HeaderField> fields = {{"Authentication-Results", c.value}};
    EXPECT_EQ(trusted_results(fields, kIds).size(), c.trusted ? 1U : 0U) << c.name;
    // What is believed from a relay is removed when a stranger writes it.
    EXPECT_TRUE(!c.trusted || claims_authserv_id(c.value, kIds)) << c.name;
  }
}

TEST(TrustedResults, InOrderAndBounded) {
  std::vector<mail::HeaderField> fields;
  for (int i = 0; i < 50; ++i) {
    fields.push_back(
        {"authentication-results", " mail.example.com; spf=" + std::string(i ? "fail" : "pass")});
    fields.push_back({"Subject", " mail.example.com; spf=pass"});
  }
  const auto found = trusted_results(fields, kIds);
  ASSERT_EQ(found.size(), kMaxTrustedFields);
  EXPECT_EQ(found[0].results.at(0).result, "pass");
  EXPECT_EQ(found[1].results.at(0).result, "fail");
  EXPECT_TRUE(trusted_results(fields, {}).empty());
}

}  // namespace
}  // namespace gatepost::authres
