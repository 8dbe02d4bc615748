#include "core/dns/name.h"

#include <gtest/gtest.h>

namespace gatepost::dns {
namespace {

const std::string k63(63, 'a');
const std::string k253 = k63 + "." + k63 + "." + k63 + "." + std::string(61, 'b');

struct WireCase {
  const char* name;
  std::string text;
  bool possible;
};

const WireCase kWireCases[] = {
    {"root", "", true},
    {"plain", "example.org", true},
    {"any_octets", std::string("a\0b c._x", 8), true},
    {"label_63_rfc1035_2_3_4", k63, true},
    {"label_64_rfc1035_2_3_4", k63 + "a", false},
    {"total_253", k253, true},
    {"total_254", k253 + "b", false},
    {"empty_label", "a..b", false},
    {"leading_dot", ".a", false},
    {"trailing_dot_is_not_canonical", "a.", false},
    {"only_dot", ".", false},
};

TEST(Name, FitsTheWire) {
  for (const auto& c : kWireCases) EXPECT_EQ(is_wire_name(c.text), c.possible) << c.name;
}

struct AsciiCase {
  const char* name;
  std::string text;
  std::string expected;  // "!" = refused
};

const AsciiCase kAsciiCases[] = {
    {"ascii_is_lowered", "Example.ORG", "example.org"},
    {"trailing_dot_goes", "example.org.", "example.org"},
    {"underscore_stays", "_dmarc.example.org", "_dmarc.example.org"},
    {"u_label_rfc5891_4",
     "b\xC3\xBC"
     "cher.example",
     "xn--bcher-kva.example"},
    {"upper_case_mapped_uts46",
     "B\xC3\x9C"
     "CHER.example",
     "xn--bcher-kva.example"},
    {"sharp_s_non_transitional", "fa\xC3\x9F.de", "xn--fa-hia.de"},
    {"underscore_beside_u_label",
     "_dmarc.b\xC3\xBC"
     "cher.example",
     "_dmarc.xn--bcher-kva.example"},
    {"ideographic_full_stop",
     "a\xE3\x80\x82"
     "b",
     "a.b"},
    {"invalid_utf8", "a\xFF.example", "!"},
    {"empty_label", "a..b", "!"},
    {"label_too_long_when_converted", std::string(62, 'a') + "\xC3\xBC.example", "!"},
    {"very_long", std::string(2000, 'a') + "\xC3\xBC", "!"},
};

TEST(Name, BecomesAscii) {
  for (const auto& c : kAsciiCases) {
    const auto ascii = to_ascii_name(c.text);
    EXPECT_EQ(ascii ? *ascii : "!", c.expected) << c.name;
    if (!ascii) {
      EXPECT_EQ(ascii.error().kind, ErrorKind::permanent) << c.name;
    }
  }
}

TEST(Name, LastLabels) {
  EXPECT_EQ(last_labels("a.b.example.org", 2), "example.org");
  EXPECT_EQ(last_labels("a.b", 2), "a.b");
  EXPECT_EQ(last_labels("a.b", 5), "a.b");
  EXPECT_EQ(last_labels("a.b", 0), "");
  EXPECT_EQ(last_labels("", 3), "");
}

TEST(Name, AtOrBelow) {
  EXPECT_TRUE(is_at_or_below("a.example.org", "example.org"));
  EXPECT_TRUE(is_at_or_below("example.org", "example.org"));
  EXPECT_TRUE(is_at_or_below("example.org", ""));
  EXPECT_FALSE(is_at_or_below("badexample.org", "example.org"));
  EXPECT_FALSE(is_at_or_below("org", "example.org"));
}

}  // namespace
}  // namespace gatepost::dns
