// HTML as people see it, row by row, and what hostile HTML costs.

#include "core/mail/html.h"

#include <gtest/gtest.h>

#include "core/mail/html_entities.h"
#include "core/mail/html_tokens.h"
#include "core/mail/uri_reference.h"

namespace gatepost::mail {
namespace {

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// Tokens as one text: S(name a=b) E(name) T(text) C(comment) D(declaration).
class Recorder final : public HtmlSink {
 public:
  void start_tag(std::string_view name, HtmlAttributes& attributes) override {
    out.append("S(").append(name);
    for (const auto& [key, value] : attributes) out += " " + key + "=" + value;
    out += ')';
  }
  void end_tag(std::string_view name) override { out.append("E(").append(name) += ')'; }
  void text(std::string_view text, bool /*wide*/) override { out.append("T(").append(text) += ')'; }
  void comment(std::string_view text) override { out.append("C(").append(text) += ')'; }
  void declaration(std::string_view text) override { out.append("D(").append(text) += ')'; }
  std::string out;
};

struct TokenCase {
  const char* name;
  std::string html;
  std::string tokens;
};

const TokenCase kTokens[] = {
    {"tags and text", "<B>x</b > y z", "S(b)T(x)E(b)T( y)T( z)"},
    {"names begin with a letter, '_' or ':'", "<1a>x <_a>y ", "T(<1a>x )S(_a)T(y)T( )"},
    {"attributes", "<a B=1 b=2 c='d e' f=\"g\" checked>x ",
     "S(a b=1 c=d e f=g checked=checked)T(x)T( )"},
    {"values without quotes end at a blank", "<a b=c=d/ >x ", "S(a b=c=d/)T(x)T( )"},
    {"an equals sign may begin a name", "<a =b>x ", "S(a =b==b)T(x)T( )"},
    {"no value", "<a b= >x ", "S(a b=)T(x)T( )"},
    {"references", "&lt;&#65;&#x42 &ampx &hellip; &hellipx &#0; &#1114112; &nosuch;",
     "T(<AB &x \xe2\x80\xa6 &hellipx &#0; &#1114112;)T( &nosuch;)"},
    {"references in values need their end", "<a b=\"&ampx&copy=1&lt;\">x ",
     "S(a b=&ampx\xc2\xa9=1<)T(x)T( )"},
    {"surrogates", "&#xd83d;&#xde00; &#xdc00; x", "T(\xf0\x9f\x98\x80 \xef\xbf\xbd)T( x)"},
    {"comments end at two dashes and '>'", "<!--a>b-- >c d", "C(<!--a>b-- >)T(c)T( d)"},
    {"an open comment ends at its first '>'", "<!--a>b c", "C(<!--a>)T(b)T( c)"},
    {"declarations", "<!DOCTYPE html \"a>b\">x <!foo>y ",
     "D(<!DOCTYPE html \"a>b\">)T(x )C(<!foo>)T(y)T( )"},
    {"conditional comments", "<![if !mso]>x <![endif]>y ",
     "C(<![if !mso]>)T(x )C(<![endif]>)T(y)T( )"},
    {"marked sections", "<![CDATA[<b>&lt;]]>x <![ignore[<b>y]]>z ", "T(<b>&lt;)T(x )T(z)T( )"},
    {"no name in an end tag", "</>x </ a>y ", "C(</>)T(x )C(</ a>)T(y)T( )"},
    {"quoted '>' behind an end tag's name", "</a b=\"x>y\">z ", "E(a)T(z)T( )"},
    {"instructions are nothing", "<?php a ?>x ", "T(x)T( )"},
    {"script is text to its end tag", "<script>a<b></scr</SCRIPT >x ",
     "S(script)T(a<b></scr)E(script)T(x)T( )"},
    {"an open style takes the rest", "<style>a<b>", "S(style)T(a<b>)E(style)"},
    {"an open title takes nothing", "<title>a <b>c", "S(title)T(a )E(title)S(b)T(c)"},
    {"title has references", "<title>&lt;</title>", "S(title)T(<)E(title)"},
    {"an open textarea takes the rest", "<textarea><b>x", "S(textarea)T(<b>x)"},
    {"plaintext never ends", "<plaintext>a</plaintext><b>", "S(plaintext)T(a</plaintext><b>)"},
    {"open markup at the end", "a <b c=\"", "T(a )C(<b c=\")"},
    {"less than", "1 < 2 <3", "T(1 )T(< 2 )T(<3)"},
    {"nothing", "", ""},
};

TEST(HtmlTokens, AreThoseOfTheParserThatSpamAssassinUses) {
  for (const TokenCase& c : kTokens) {
    SCOPED_TRACE(c.name);
    Recorder recorder;
    read_html(c.html, recorder);
    EXPECT_EQ(recorder.out, c.tokens);
  }
}

struct TextCase {
  const char* name;
  std::string html;
  std::string visible;
  std::string invisible = "";
};

const TextCase kTexts[] = {
    {"runs of blanks are one", "a \t\n b", "a b"},
    {"line breaks", "a <br> b<br/>c", "a\nb\nc"},
    {"paragraphs", "a<p>b</p>c", "a\n\nb\n\nc"},
    {"cells and items", "<td>a</td><li>b</li>", " a  b "},
    {"script and style are no text", "a<script>b</script><style>c</style>d", "ad"},
    {"title is text", "<title>a</title>b", "\n\na\n\nb"},
    {"nbsp is a blank", "a&nbsp;&nbsp;b", "a b"},
    {"comments are nothing", "a<!-- b -->c", "ac"},
    {"white on white", "<font color=white>a</font>b", "b", "a"},
    {"nearly white on white", "<font color=#fdfdfd>a</font>b", "b", "a"},
    {"light grey can be read", "<font color=#aaaaaa>a</font>b", "ab"},
    {"a colour that is none", "<font color=blau>a</font>b", "b", "a"},
    {"tiny", "<font size=1>a</font><font size=-2>b</font><font size=2>c</font>", "c", "ab"},
    {"small below the least size", "<font size=2><small>a</small>b</font>", "b", "a"},
    {"display none", "<span style=\"color:red; display: NONE\">a</span>b", "b", "a"},
    {"visibility hidden", "<div style=\"visibility:hidden\">a</div>b", "\n\nb", "a"},
    {"style colours", "<p style=\"color:#fff;background-color:rgb(255, 255, 250)\">a</p>b",
     "\n\n\n\nb", "a"},
    {"background of the bottom layer",
     "<td style=\"background:url('a,b'), black;color:#000\">a</td>b", "  b", "a"},
    {"transparent text", "<span style=\"color:transparent\">a</span>b", "b", "a"},
    {"important is no part of a colour", "<p style=\"color: white !important\">a</p>", "\n\n\n\n",
     "a"},
    {"cells end without end tags", "<td><font color=white>a<td>b", "  b", "a"},
    {"end tags that close nothing", "</font></p>a", "\n\na"},
    {"an end tag closes what is open inside", "<div><font color=white>a</div>b", "\n\nb", "a"},
};

TEST(Html, TextIsWhatPeopleSee) {
  for (const TextCase& c : kTexts) {
    SCOPED_TRACE(c.name);
    const HtmlText text = render_html(c.html, c.html.size());
    EXPECT_EQ(text.visible, c.visible);
    EXPECT_EQ(text.invisible, c.invisible);
  }
}

TEST(Html, Facts) {
  const std::string html =
      "<!DOCTYPE html><html><head><title>The title</title>"
      "<meta http-equiv=Content-Type content=\"text/html; charset=koi8-r\">"
      "<meta http-equiv=refresh content=\"0; url=http://r.example/ ; x\"></head>"
      "<body background=bg.png><!-- one --><base href=http://b.example/dir/page.html>"
      "<a href=\" x/../y.html \">click <img src=i.png width=100 height=50%></a>"
      "<font face=\"Arial,,Foo\" size=5>V<b>i</b>agra</font><form action=MAILTO:a@b.example>"
      "<blink>x</blink><o:p></o:p><iframe src=cid:1></iframe><embed src=e></b></body></html>";
  const HtmlFacts facts = render_html(html, html.size()).facts;
  EXPECT_EQ(facts.title, std::vector<std::string>{"The title"});
  EXPECT_EQ(facts.comment, std::vector<std::string>{"<!-- one -->"});
  EXPECT_EQ(facts.charsets, "koi8-r");
  EXPECT_EQ(facts.anchor, std::vector<std::string>{"click <img>\n"});
  EXPECT_EQ(facts.image_area, 100 * 50 * 6);
  EXPECT_EQ(facts.max_size, 5);
  EXPECT_EQ(facts.obfuscation, 3U);
  EXPECT_EQ(facts.backhair_count, 3U);
  EXPECT_TRUE(facts.font_face_bad);
  EXPECT_TRUE(facts.form_action_mailto);
  EXPECT_TRUE(facts.embeds);
  EXPECT_TRUE(facts.closed_html);
  EXPECT_EQ(facts.inside.at("b"), 0);
  EXPECT_EQ(facts.inside.at("blink"), 0);
  EXPECT_EQ(facts.inside.at("embed"), 1);
  EXPECT_EQ(facts.inside.at("!doctype"), 0);
  EXPECT_GT(*facts.closed_extra_ratio, 0);
  EXPECT_GT(*facts.bad_tag_ratio, 0);
  EXPECT_FALSE(facts.too_much);
  std::vector<std::string> uris;
  for (const HtmlUri& uri : facts.uris) {
    uris.push_back(uri.uri);
    for (const std::string& type : uri.types) uris.back() += " " + type;
  }
  EXPECT_EQ(uris,
            (std::vector<std::string>{
                "http://r.example/ meta", "bg.png body", "http://b.example/dir/page.html base",
                "http://b.example/dir/y.html a", "x/../y.html", "http://b.example/dir/i.png img",
                "MAILTO:a@b.example form", "cid:1 iframe", "http://b.example/dir/e embed"}));
}

TEST(Html, RelativeAddresses_rfc3986_5_4) {
  constexpr struct {
    const char* reference;
    const char* target;
  } kCases[] = {
      {"g:h", "g:h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"..", "http://a/b/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(resolve_reference("http://a/b/c/d;p?q", c.reference), c.target) << c.reference;
  EXPECT_EQ(resolve_reference("", "//www.x.example/"), "http://www.x.example/");
}

// None of these may take more than a moment; under sanitizers a square would be minutes.
TEST(Html, HostileHtmlIsLinear) {
  const std::pair<const char*, std::string> kHostile[] = {
      {"10,000 levels", repeat("<div style='color:red'>", 10000) + "x" + repeat("</div>", 10000)},
      {"100,000 tags", repeat("<b>", 100000)},
      {"100,000 end tags of what is not open", repeat("<p>", 1000) + repeat("</font>", 100000)},
      {"nested tables", repeat("<table><tr><td>", 10000)},
      {"titles", repeat("<title>", 100000)},
      {"titles that nearly end", repeat("<title></titl", 50000)},
      {"open comments", repeat("<!--", 100000)},
      {"nearly closed comments", "<!--" + repeat("-- ", 100000)},
      {"open tags", repeat("<a href=\"", 100000)},
      {"open tags without quotes", repeat("<a b ", 100000)},
      {"attributes", "<a " + repeat("x=1 ", 100000) + ">"},
      {"different attributes",
       [] {
         std::string text = "<a";
         for (int i = 0; i < 100000; ++i) text += " a" + std::to_string(i);
         return text + ">";
       }()},
      {"different tags",
       [] {
         std::string text;
         for (int i = 0; i < 100000; ++i) text += "<a" + std::to_string(i) + ">";
         return text;
       }()},
      {"marked sections", repeat("<![include[", 50000) + repeat("]]>", 50000)},
      {"open marked sections", repeat("<![CDATA[", 50000)},
      {"long names of references", "&" + std::string(500000, 'a')},
      {"references", repeat("&", 500000)},
      {"anchors", repeat("<a href=x>y", 50000)},
      {"different addresses",
       [] {
         std::string text;
         for (int i = 0; i < 100000; ++i) text += "<img src=" + std::to_string(i) + ">";
         return text;
       }()},
      {"self-closing nearly", repeat("<aaaaaaaa", 50000) + " / "},
      {"NULs", std::string(500000, '\0')},
      {"sections in sections", repeat("<![ignore[", 20000) + "x"},
  };
  for (const auto& [name, html] : kHostile) {
    SCOPED_TRACE(name);
    const HtmlText text = render_html(html, html.size());
    EXPECT_LE(text.all.size(), 3 * html.size());
    EXPECT_LE(text.facts.uris.size(), HtmlLimits{}.max_uris);
    EXPECT_LE(text.facts.comment.size(), HtmlLimits{}.max_comments);
  }
  EXPECT_TRUE(render_html(kHostile[18].second, 1).facts.too_much);
}

}  // namespace
}  // namespace gatepost::mail
