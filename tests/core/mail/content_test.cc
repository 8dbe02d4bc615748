// What rules read: texts, encodings, charsets, pieces, and what hostile messages cost.

#include "core/mail/content.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "core/mail/header_block.h"
#include "tests/core/mail/content_support.h"
#include "tests/support/shared_data.h"

namespace gatepost::mail {
namespace {

using gatepost::test::content_of;
using gatepost::test::joined;

struct Case {
  const char* name;
  std::string message;
  std::string body;     // the pieces, each in brackets
  std::string rawbody;  // the same; "=" for not compared
  ContentDefects defects = {};
};

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

const std::string kMixed =
    "Subject: s\nContent-Type: multipart/mixed; boundary=\"b\"\n\npreamble\n";

const Case kCases[] = {
    {"plain", "Subject: hello\n\nfirst line\nsecond\n", "[hello][first line second ]",
     "[first line\nsecond]"},
    {"no subject gives an empty piece", "From: a@b.example\n\nx\n", "[][x ]", "[x]"},
    {"empty message", "", "[]", ""},
    {"header only", "Subject: s\n\n", "[s]", ""},
    {"body only", "\nx\n", "[][x ]", "[x]"},
    {"paragraphs end at empty lines", "Subject: s\n\na\nb\n\n  c\t \td  \n \n\ne",
     "[s][a b][ c d ][e]", "="},
    {"unicode white space is a blank", "Subject: s\n\na\xc2\xa0\xe2\x80\x83\xe3\x80\x80 b\n",
     "[s][a b ]", "="},
    {"other characters with those lead octets stay",
     "Subject: s\n\n\xc2\xa1\xe2\x82\xac\xe3\x81\x82", "[s][\xc2\xa1\xe2\x82\xac\xe3\x81\x82]",
     "="},
    {"NUL ends a paragraph", std::string("Subject: s\n\na\0b\n", 16), "[s][a][b ]", "="},
    {"encoded subject", "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n =?utf-8?b?IQ==?=\n\n",
     "[gr\xc3\xbc\xc3\x9f"
     "e!]",
     ""},
    {"subject in Windows-1252 octets", "Subject: caf\xe9\n\n", "[caf\xc3\xa9]", ""},

    {"quoted-printable_rfc2045_6_7",
     "Subject: s\nContent-Transfer-Encoding: Quoted-Printable\n\nsoft=\nbreak =3D =e4=\n=F6 "
     "\t\nx=\n",
     "[s][softbreak = \xc3\xa4\xc3\xb6 x]", "[softbreak = \xe4\xf6\nx]"},
    {"quoted-printable with faults goes on",
     "Subject: s\nContent-Transfer-Encoding: quoted-printable\n\na=ZZb = c=4\n",
     "[s][a=ZZb = c=4 ]",
     "=",
     {.bad_encoding = true}},
    {"base64_rfc2045_6_8", "Subject: s\nContent-Transfer-Encoding: base64\n\nYSBi\nCmM=\n",
     "[s][a b c]", "[a b\nc]"},
    {"base64 with CRLF inside", "Subject: s\nContent-Transfer-Encoding: base64\n\nYQ0KYg0K\n",
     "[s][a b ]", "[a\nb]"},
    {"truncated base64",
     "Subject: s\nContent-Transfer-Encoding: base64\n\naGVsbG8gd29ybG\n",
     "[s][hello worl]",
     "=",
     {.bad_encoding = true}},
    {"base64 with one character too many",
     "Subject: s\nContent-Transfer-Encoding: base64\n\naGVsbG8gd29yb\n",
     "[s][hello wor]",
     "=",
     {.bad_encoding = true}},
    {"base64 with foreign characters",
     "Subject: s\nContent-Transfer-Encoding: base64\n\naG-Vs*bG8=\n",
     "[s][hello]",
     "=",
     {.bad_encoding = true}},
    {"base64 goes on behind padding",
     "Subject: s\nContent-Transfer-Encoding: base64\n\naGk=\naGk=\n", "[s][hihi]", "="},
    {"unknown encoding is none", "Subject: s\nContent-Transfer-Encoding: x-rot13\n\na=20b\n",
     "[s][a=20b ]", "="},

    {"charset utf-8", "Subject: s\nContent-Type: text/plain; charset=utf-8\n\n\xc3\xa4",
     "[s][\xc3\xa4]", "[\xc3\xa4]"},
    {"wrong octets in utf-8",
     "Subject: s\nContent-Type: text/plain; charset=UTF-8\n\na\xff"
     "b",
     "[s][a\xc3\xbf"
     "b]",
     "[a\xff"
     "b]"},
    {"charset iso-8859-1 is windows-1252",
     "Subject: s\nContent-Type: text/plain; charset=\"ISO-8859-1\"\n\n\xe4\x93",
     "[s][\xc3\xa4\xe2\x80\x9c]", "="},
    {"charset windows-1251",
     "Subject: s\nContent-Type: text/plain; charset=windows-1251\n\n\xcf\xf0",
     "[s][\xd0\x9f\xd1\x80]", "[\xcf\xf0]"},
    {"charset koi8-r", "Subject: s\nContent-Type: text/html; charset=koi8-r\n\n<b>\xf0\xd2</b>",
     "[s][\xd0\x9f\xd1\x80]", "="},
    {"charset iso-2022-jp is not ASCII",
     "Subject: s\nContent-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$\"\x1b(B",
     "[s][\xe3\x81\x82]", "="},
    {"utf-8 under another name", "Subject: s\nContent-Type: text/plain; charset=koi8-r\n\n\xc3\xa4",
     "[s][\xc3\xa4]", "="},
    {"unknown charset",
     "Subject: s\nContent-Type: text/plain; charset=x-none\n\na\xe4",
     "[s][a\xc3\xa4]",
     "=",
     {.unknown_charset = true}},
    {"iconv's own words are no charset",
     "Subject: s\nContent-Type: text/plain; charset=\"ascii//TRANSLIT\"\n\na\xe4",
     "[s][a\xc3\xa4]",
     "=",
     {.unknown_charset = true}},
    {"no charset with octets above 127", "Subject: s\n\nna\xefve", "[s][na\xc3\xafve]",
     "[na\xefve]"},

    {"html is rendered", "Subject: s\nContent-Type: text/html\n\n<p>a</p>\n\n&amp;", "[s][a][&]",
     "[<p>a</p>\n\n&amp;]"},
    {"a name makes html of anything",
     "Subject: s\nContent-Type: application/x-y\nContent-Disposition: attachment; "
     "filename=\"a.HTM\"\n\n<b>x</b>",
     "[s][x]", "[<b>x</b>]"},
    {"references in ASCII are octets of Latin-1", "Subject: s\nContent-Type: text/html\n\n&eacute;",
     "[s][\xe9]", "="},
    {"references beside other characters are UTF-8",
     "Subject: s\nContent-Type: text/html; charset=utf-8\n\n\xc3\xa4&eacute;",
     "[s][\xc3\xa4\xc3\xa9]", "="},
    {"text/enriched is read as text/plain", "Subject: s\nContent-Type: text/enriched\n\nx",
     "[s][x]", "[x]"},
    {"other types are not read", "Subject: s\nContent-Type: application/pdf\n\ntext", "[s]", ""},
    {"text/calendar is not read", "Subject: s\nContent-Type: text/calendar\n\ntext", "[s]", ""},
    {"text/x-vcard is raw only", "Subject: s\nContent-Type: text/x-vcard\n\ntext", "[s]", "[text]"},
    {"no slash is text/plain_rfc2045_5_2", "Subject: s\nContent-Type: text\n\nx", "[s][x]", "[x]"},

    {"multipart_rfc2046_5_1_1",
     kMixed + "--b\n\none\n\n--b  \nContent-Type: text/html\n\n<i>\n--b--\nepilogue\n", "[s][one]",
     "[one][<i>]"},
    {"nested multiparts",
     kMixed + "--b\nContent-Type: multipart/alternative;\n "
              "boundary=c\n\n--c\n\nplain\n\n--c\nContent-Type:"
              " text/html\n\n<html>\n\n--c--\n--b\n\nlast\n--b--\n",
     "[s][plain][last]", "="},
    {"an outer delimiter ends inner multiparts",
     kMixed + "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nin\n\n--b\n\nout\n--c\n",
     "[s][in][out --c ]", "="},
    {"no closing delimiter", kMixed + "--b\n\none\n", "[s][one ]", "="},
    {"boundary that never comes is text", kMixed + "--bb\n\none\n", "[s][preamble --bb][one ]",
     "="},
    {"multipart without boundary is text",
     "Subject: s\nContent-Type: multipart/mixed\n\n--b\n\none\n", "[s][--b][one ]", "="},
    {"boundary in sections_rfc2231_3",
     "Subject: s\nContent-Type: multipart/mixed; boundary*0=\"a b\"; boundary*1*=%2Dc\n\n--a "
     "b-c\n\nx\n--a b-c--\n",
     "[s][x]", "="},
    {"comments and blanks around parameters",
     "Subject: s\nContent-Type: (x) multipart / mixed (y) ; (;) boundary (=) = (z) \"b\\c\" ; "
     "x=y\n\n--bc\n\nx\n--bc--",
     "[s][x]", "="},
    {"the last of two Content-Type fields",
     "Subject: s\nContent-Type: application/pdf\nContent-Type: text/plain\n\nx", "[s][x]", "="},
    {"the last of two Subject fields", "Subject: a\nSubject: b\n\nx", "[b][x]", "="},
    {"a part's header ends at a line that is no field", kMixed + "--b\nX: y\nno field\n--b--\n",
     "[s][no field]", "="},
    {"delimiter only at the start of a line", kMixed + "--b\n\nx --b\n--bc\n--b--\n",
     "[s][x --b --bc]", "="},
    {"delimiters in a row", kMixed + "--b\n--b\n--b\n\nx\n--b--\n", "[s][x]", "="},
    {"enclosed message",
     kMixed + "--b\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: "
              "text/html\n\n<p>\n--b--\n",
     "[s]", "[<p>]"},
    {"enclosed message in base64",
     kMixed + "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" +
         base64_encode("Subject: inner\r\n\r\nhidden\r\n") + "\n--b--\n",
     "[s][hidden ]", "="},
    {"digest_rfc2046_5_1_5",
     "Subject: s\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: "
     "inner\n\nx\n--b--\n",
     "[s][x]", "="},
    {"delivery status is raw only",
     kMixed + "--b\nContent-Type: message/delivery-status\n\nStatus: 5.0.0\n--b--\n", "[s]",
     "[Status: 5.0.0]"},

    {"a long paragraph is cut behind a blank",
     "Subject: s\n\n" + repeat("x", 2000) + " " + repeat("y", 2000),
     "[s][" + repeat("x", 2000) + " ][" + repeat("y", 2000) + "]", "="},
    {"a long word is cut between characters", "Subject: s\n\nz" + repeat("\xc3\xa4", 1500),
     "[s][z" + repeat("\xc3\xa4", 1023) + "][" + repeat("\xc3\xa4", 477) + "]", "="},
    {"rawbody in pieces of whole lines", "Subject: s\n\n" + repeat(repeat("x", 99) + "\n", 60), "=",
     "[" + repeat(repeat("x", 99) + "\n", 20) + repeat("x", 99) + "][" +
         repeat(repeat("x", 99) + "\n", 38) + repeat("x", 99) + "]"},
};

TEST(Content, Texts) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Content content = content_of(c.message);
    EXPECT_TRUE(c.body == "=" || joined(content.body) == c.body) << joined(content.body);
    EXPECT_TRUE(c.rawbody == "=" || joined(content.rawbody) == c.rawbody)
        << joined(content.rawbody);
    EXPECT_EQ(content.defects, c.defects);
  }
}

TEST(Content, FullIsTheMessageWithLf) {
  Message message({}, std::make_shared<ByteBudget>(1 << 20), "/tmp");
  message.add_field({"Subject", " a\r\n b"});
  message.add_field({"X ", "y"});
  for (const char* chunk : {"one\r", "\ntwo\rthree\r\n", "\r", "x\r"})
    ASSERT_TRUE(message.append_body(chunk).ok());
  message.freeze();
  const auto content = read_content(message);
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(content->full, "Subject: a\n b\nX :y\n\none\ntwo\rthree\n\rx\r");
  EXPECT_EQ(content->body.piece(0), "a b");
}

TEST(Content, ALargeBodyIsReadToItsLimit) {
  std::string text = "Subject: s\n\n";
  while (text.size() < 5'000'000) text += "a line of text that goes on and on\n\n";
  const Content whole = content_of(text);
  EXPECT_TRUE(whole.defects.truncated);
  EXPECT_LE(whole.full.size(), (std::size_t{2} << 20) + 100);
  const Content small = content_of(text, {.max_size = 1000});
  EXPECT_TRUE(small.defects.truncated);
  EXPECT_LE(small.body.text.size(), 1100U);
  EXPECT_LE(small.full.size(), 1100U);
  EXPECT_FALSE(content_of("Subject: s\n\n12345678\n", {.max_size = 10}).defects.truncated);
}

TEST(Content, TextThatGrowsIsBounded) {
  // Each octet of Windows-1252 can become three.
  const Content content = content_of("Subject: s\n\n" + repeat("\x80", 900), {.max_size = 1000});
  EXPECT_TRUE(content.defects.truncated);
  EXPECT_LE(content.body.text.size(), 1100U);
}

std::string nested(int depth, const std::string& inside) {
  std::string text = "Subject: s\n";
  for (int i = 0; i < depth; ++i) {
    const std::string b = "b" + std::to_string(i);
    text += "Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n";
  }
  return text + "\n" + inside;
}

TEST(Content, DepthIsLimited) {
  EXPECT_EQ(joined(content_of(nested(30, "x")).body), "[s][x]");
  EXPECT_EQ(content_of(nested(30, "x")).defects, ContentDefects{});
  for (const int depth : {31, 500, 30000}) {
    const Content content = content_of(nested(depth, "x"));
    EXPECT_EQ(content.defects, (ContentDefects{.too_deep = true})) << depth;
    EXPECT_EQ(joined(content.body), "[s]");
  }
  std::string forwarded = "Subject: s\n";
  for (int i = 0; i < 500; ++i) forwarded += "Content-Type: message/rfc822\n\n";
  EXPECT_TRUE(content_of(forwarded + "\nx").defects.too_deep);
}

TEST(Content, PartsAreLimited) {
  std::string text = kMixed;
  for (int i = 0; i < 10000; ++i) text += "--b\n\nx\n\n";
  const Content content = content_of(text + "--b--\n");
  EXPECT_EQ(content.defects, (ContentDefects{.too_many_parts = true}));
  EXPECT_EQ(content.body.pieces.size(), 1000U);  // the Subject and 999 parts inside of the first
  EXPECT_FALSE(content_of(text, {.max_parts = 10001}).defects.too_many_parts);
}

TEST(Content, FiftyMegabytesOfBase64AreReadToTheirLimit) {
  const std::string line = repeat("QUJD", 19) + "\n";
  std::string text = "Subject: s\nContent-Transfer-Encoding: base64\n\n";
  while (text.size() < 50'000'000) text += line;
  const Content content = content_of(text);
  EXPECT_TRUE(content.defects.truncated);
  EXPECT_LE(content.body.text.size(), (std::size_t{2} << 20) + 5000);
}

TEST(Content, ManyCharsetsCostNoMoreThanAHundred) {
  std::string text = kMixed;
  for (int i = 0; i < 150; ++i) text += "--b\nContent-Type: text/plain; charset=koi8-r\n\n\xf0\n\n";
  const Content content = content_of(text + "--b--\n");
  EXPECT_TRUE(content.defects.too_many_conversions);
  EXPECT_FALSE(content.defects.unknown_charset) << "koi8-r is known";
  EXPECT_EQ(content.body.piece(100), "\xd0\x9f");
  EXPECT_EQ(content.body.piece(101), "\xc3\xb0");
}

TEST(Content, SharedMessagesAreRead) {
  const auto folder = gatepost::test::shared_data("conformance/mime");
  if (!folder) GTEST_SKIP() << "no shared data";
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const Content content = content_of(gatepost::test::read_file(entry.path()));
    EXPECT_GE(content.body.pieces.size(), content.subject_pieces);
    for (std::size_t i = 0; i < content.body.pieces.size(); ++i)
      EXPECT_EQ(content.body.piece(i).find('\n'), std::string_view::npos) << entry.path();
  }
  EXPECT_GT(files, 30);
}

}  // namespace
}  // namespace gatepost::mail
