#include "core/mail/encoded_word.h"

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace gatepost::mail {
namespace {

struct WordCase {
  const char* name;
  const char* text;
  const char* expected;
};

constexpr WordCase kWords[] = {
    {"plain", "hello", "hello"},
    {"Q, RFC 2047 4.2", "=?iso-8859-1?q?a=FCb_c?=",
     "a\xc3\xbc"
     "b c"},
    {"B, RFC 2047 4.1", "=?UTF-8?B?w7w=?=", "\xc3\xbc"},
    {"B without padding", "=?UTF-8?B?w7w?=", "\xc3\xbc"},
    {"language, RFC 2231 5", "=?us-ascii*en-us?q?hi?=", "hi"},
    {"text around", "a =?utf-8?q?b?= c", "a b c"},
    {"blank between words goes, RFC 2047 6.2", "=?utf-8?q?a?= \r\n =?utf-8?q?b?=", "ab"},
    {"also between charsets", "=?utf-8?q?a?= =?iso-8859-1?q?b?=", "ab"},
    {"underscore is a blank", "=?utf-8?q?a_?= =?utf-8?q?b?=", "a b"},
    {"no blank between word and text, as readers take it", "x=?utf-8?q?a?=y", "xay"},
    {"character split between words", "=?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "\xe2\x82\xac"},
    {"ISO-2022-JP", "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
    {"windows-1252", "=?windows-1252?q?=80?=", "\xe2\x82\xac"},
    {"invalid UTF-8", "=?utf-8?q?a=FFb?=",
     "a\xef\xbf\xbd"
     "b"},
    {"8-bit in us-ascii", "=?us-ascii?q?a=FFb?=",
     "a\xef\xbf\xbd"
     "b"},
    {"character cut off", "=?utf-8?q?a=E2=82?=", "a\xef\xbf\xbd"},
    {"unknown charset stays", "=?x-nothing?q?a?= b", "=?x-nothing?q?a?= b"},
    {"charset with a path stays", "=?../../x//TRANSLIT?q?a?=", "=?../../x//TRANSLIT?q?a?="},
    {"unknown encoding stays", "=?utf-8?x?a?=", "=?utf-8?x?a?="},
    {"bad base64 stays", "=?utf-8?b?!!?=", "=?utf-8?b?!!?="},
    {"not closed", "=?utf-8?q?a", "=?utf-8?q?a"},
    {"not closed early", "=?utf-8?", "=?utf-8?"},
    {"only the start", "=?", "=?"},
    {"blank inside stays", "=?utf-8?q?a b?=", "=?utf-8?q?a b?="},
    {"empty",
     "=?utf-8?q?"
     "?=",
     ""},
    {"equals that starts no octet", "=?utf-8?q?a=zz=?=", "a=zz="},
    {"octets outside stay", "\xff =?utf-8?q?a?=", "\xff a"},
    {"word in front of broken one", "=?utf-8?q?a?= =?utf-8?q?b", "a =?utf-8?q?b"},
};

TEST(EncodedWord, Rfc2047) {
  for (const auto& c : kWords) EXPECT_EQ(decode_encoded_words(c.text), c.expected) << c.name;
}

TEST(EncodedWord, CharsetRunsAreLimited) {
  std::string text;
  for (std::size_t i = 0; i < kMaxCharsetRuns + 5; ++i) text += "=?utf-8?q?a?=,";
  const std::string decoded = decode_encoded_words(text);
  EXPECT_EQ(decoded.substr(0, 6), "a,a,a,");
  EXPECT_TRUE(decoded.ends_with("=?utf-8?q?a?=,"));
}

TEST(EncodedWord, LongConversions) {
  std::string octets(10000, '\xe4');
  std::string out;
  ASSERT_TRUE(append_as_utf8(octets, "iso-8859-1", out));
  EXPECT_EQ(out.size(), 20000U);
  EXPECT_TRUE(is_valid_utf8(out));
  EXPECT_FALSE(append_as_utf8("a", "", out));
  EXPECT_FALSE(append_as_utf8("a", "utf-8//IGNORE", out));
}

TEST(EncodeWords, GoThereAndBack) {
  const std::string long_text = [] {
    std::string text;
    for (int i = 0; i < 50; ++i) text += "\xc3\xa4\xe2\x82\xac";
    return text;
  }();
  for (const std::string& text : {std::string("plain text"), std::string(), long_text,
                                  std::string("tab\tand\nline"), std::string("=?utf-8?q?x?=")}) {
    const std::string words = encode_words(text);
    EXPECT_EQ(decode_encoded_words(words), text);
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= words.size(); ++i) {
      if (i != words.size() && words[i] != ' ') {
        EXPECT_TRUE(words[i] > 32 && words[i] < 127);
        continue;
      }
      EXPECT_LE(i - begin, 75U) << "RFC 2047 section 2";
      begin = i + 1;
    }
  }
  EXPECT_EQ(encode_words("plain text"), "plain text");
}

}  // namespace
}  // namespace gatepost::mail
