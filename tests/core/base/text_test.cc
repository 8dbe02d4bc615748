#include "core/base/text.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"

namespace gatepost {
namespace {

struct PrintableCase {
  const char* name;
  std::string_view text;
  const char* expected;
};

constexpr PrintableCase kPrintableCases[] = {
    {"plain", "Grüße", "Grüße"},
    {"escape_sequence", "\x1b[31mred", "\\x1b[31mred"},
    {"line_break_would_forge_a_log_line", "a\r\nverdict=accept", "a\\x0d\\x0averdict=accept"},
    {"right_to_left_override",
     "\xe2\x80\xae"
     "abc",
     "\\xe2\\x80\\xaeabc"},
    {"invalid_utf8", "\xff\xfe", "\\xff\\xfe"},
    {"overlong_utf8", "\xc0\xaf", "\\xc0\\xaf"},
    {"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
    {"backslash", "a\\b", "a\\\\b"},
    {"cut_sequence", "\xe2\x82", "\\xe2\\x82"},
};

TEST(Printable, NothingHarmfulIsShown) {
  for (const auto& c : kPrintableCases) EXPECT_EQ(printable(c.text), c.expected) << c.name;
  EXPECT_EQ(printable(std::string(600, 'a')), std::string(512, 'a') + "...");
}

TEST(DidYouMean, NearestWithinTwoEdits) {
  EXPECT_EQ(did_you_mean("thershold", {"threshold", "mode"}), "threshold");
  EXPECT_EQ(did_you_mean("mod", {"threshold", "mode"}), "mode");
  EXPECT_EQ(did_you_mean("x", {"threshold", "mode"}), "");
}

struct Base64Case {
  const char* text;
  const char* octets;  // null = refused
};

constexpr Base64Case kBase64Cases[] = {
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm 9v\r\n YmFy", "foobar"},
    {"Zm8", "fo"},
    {"Z", nullptr},
    {"Zg=", nullptr},
    {"Zm9v=", nullptr},
    {"Zm9v!", nullptr},
    {"Z=g=", nullptr},
};

TEST(Base64, DecodesRfc4648) {
  for (const auto& c : kBase64Cases) {
    const auto octets = base64_decode(c.text);
    EXPECT_EQ(octets.has_value(), c.octets != nullptr) << c.text;
    EXPECT_EQ(octets.value_or(""), c.octets ? c.octets : "") << c.text;
  }
}

TEST(Base64, RoundTrips) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
    EXPECT_EQ(base64_decode(base64_encode(all)), all);
  }
}

}  // namespace
}  // namespace gatepost
