#include "spf/identity.h"

#include <gtest/gtest.h>

namespace gatepost::spf {
namespace {

struct SubjectCase {
  const char* name;
  Identity identity;
  std::string mail_from;
  std::string helo;
  const char* sender;
  const char* domain;
  const char* fault;
};

TEST(MakeSubject, TakesIdentitiesApart) {
  const auto from = Identity::mail_from;
  const auto helo = Identity::helo;
  const std::string long_label(64, 'a');
  const SubjectCase cases[] = {
      {"plain", from, "a@b.example", "h.example", "a@b.example", "b.example", ""},
      {"brackets", from, "<a@b.example>", "h", "a@b.example", "b.example", ""},
      {"null_reverse_path_rfc7208_2_4", from, "", "h.example", "postmaster@h.example", "h.example",
       ""},
      {"null_with_brackets", from, "<>", "h.example", "postmaster@h.example", "h.example", ""},
      {"helo_rfc7208_2_3", helo, "a@b.example", "h.example", "postmaster@h.example", "h.example",
       ""},
      {"no_local_part_4_3", from, "@b.example", "h", "postmaster@b.example", "b.example", ""},
      {"no_at", from, "b.example", "h", "postmaster@b.example", "b.example", ""},
      {"quoted_at", from, "\"a@x\"@b.example", "h", "\"a@x\"@b.example", "b.example", ""},
      {"trailing_dot", from, "a@b.example.", "h", "a@b.example", "b.example", ""},
      {"u_labels_rfc8616_4", from,
       "a@b\xc3\xbc"
       "cher.example",
       "h", "a@xn--bcher-kva.example", "xn--bcher-kva.example", ""},
      {"one_label_4_3", from, "a@b", "h", "a@b", "b", "the domain has only one label"},
      {"literal_4_3", from, "a@[192.0.2.1]", "h", "a@[192.0.2.1]", "[192.0.2.1]",
       "an address literal instead of a domain"},
      {"empty_label_4_3", from, "a@b..example", "h", "a@b..example", "b..example",
       "the domain is malformed"},
      {"no_domain", from, "a@", "h", "a@", "", "no domain"},
      {"no_helo", helo, "", "", "postmaster@", "", "no domain"},
      {"space", from, "a@b c.example", "h", "a@b c.example", "b c.example",
       "the domain has a character that no domain has"},
      {"bad_utf8", from, "a@\xff.example", "h", "a@", "",
       "the domain is neither ASCII nor an internationalized name"},
      {"long_label_4_3", helo, "", long_label + ".x", nullptr, nullptr, "the domain is malformed"},
  };
  for (const auto& c : cases) {
    const Subject subject = make_subject(c.identity, c.mail_from, c.helo);
    if (c.sender != nullptr) {
      EXPECT_EQ(subject.sender, c.sender) << c.name;
    }
    if (c.domain != nullptr) {
      EXPECT_EQ(subject.domain, c.domain) << c.name;
    }
    EXPECT_EQ(subject.fault, c.fault) << c.name;
  }
}

TEST(MakeSubject, HostileLengthsHaveAResult) {
  const std::string million(1'000'000, 'x');
  EXPECT_NE(make_subject(Identity::mail_from, million + "@b.example", "h").fault, "");
  EXPECT_NE(make_subject(Identity::mail_from, "a@" + million + ".example", "h").fault, "");
  EXPECT_EQ(make_subject(Identity::mail_from, "a@b.example", million).helo.size(), 1024U);
  EXPECT_EQ(make_subject(Identity::mail_from, "a@b.example", million).fault, "");
}

TEST(MakeSubject, SaysWhetherTheLocalPartIsAscii) {
  EXPECT_TRUE(make_subject(Identity::mail_from, "a@b.example", "h").ascii_local);
  EXPECT_FALSE(make_subject(Identity::mail_from, "\xc3\xa4@b.example", "h").ascii_local);
}

}  // namespace
}  // namespace gatepost::spf
