// Addresses: what is found in text, and the forms of each.

#include "core/mail/urls.h"

#include <gtest/gtest.h>

#include "core/mail/text_urls.h"

namespace gatepost::mail {
namespace {

const Registries& registries() {
  static const Registries made = [] {
    Registries out;
    for (const char* name : {"com", "org", "net", "uk", "us", "example"}) out.add_top_level(name);
    out.add_two_level("co.uk");
    out.add_three_level("demon.co.uk");
    return out;
  }();
  return made;
}

const UrlSettings& settings() {
  static const UrlSettings made{.registries = &registries(), .redirect = {}};
  return made;
}

struct TextCase {
  const char* name;
  std::string text;
  std::vector<std::string> found;
};

const TextCase kTexts[] = {
    {"scheme", "see http://a.example/x?y=1 now", {"http://a.example/x?y=1"}},
    {"any letter case", "HTTPS://A.Example", {"HTTPS://A.Example"}},
    {"what ends a sentence is no part",
     "(http://a.example/.) http://b.example!!",
     {"http://a.example/", "http://b.example"}},
    {"parentheses inside", "http://a.example/(x) y", {"http://a.example/(x"}},
    {"www", "www.a.com, www2.b.com", {"www.a.com", "www2.b.com"}},
    {"ftp", "ftp.a.com", {"ftp.a.com"}},
    {"schemeless with a known top level domain", "buy at pills.com/x now", {"pills.com/x"}},
    {"with a port", "pills.com:8080", {"pills.com:8080"}},
    {"no known top level domain", "file.txt", {}},
    {"a comma behind a name", "pills.com, x", {}},
    {"a dot behind a name", "pills.com. x", {"pills.com"}},
    {"mail", "write to a.b@c.com now", {"a.b@c.com"}},
    {"mailto", "mailto:a@b.com?subject=x", {"mailto:a@b.com?subject=x"}},
    {"quotes and brackets end it", "<http://a.example/\"x>", {"http://a.example/"}},
    {"a scheme in a word", "xhttp://a.example", {"a.example"}},
    {"after a word of other letters", "\xe3\x81\x82http://a.example", {"http://a.example"}},
};

TEST(TextUrls, AreFoundAsSpamAssassinFindsThem) {
  for (const TextCase& c : kTexts) {
    SCOPED_TRACE(c.name);
    std::vector<std::string> found;
    find_text_urls(c.text, registries(), [&](const TextUrl& url) {
      found.emplace_back(url.text);
      return true;
    });
    EXPECT_EQ(found, c.found);
  }
}

struct FormCase {
  const char* name;
  const char* uri;
  std::vector<std::string> forms;
};

const FormCase kForms[] = {
    {"plain", "http://a.example/", {"http://a.example/"}},
    {"percent signs",
     "http://%77ww.a.example/%20",
     {"http://%77ww.a.example/%20", "http://www.a.example/%20"}},
    {"back slashes", "http:\\\\a.example\\x", {"http:\\\\a.example\\x", "http://a.example/x"}},
    {"one slash", "http:/a.example", {"http:/a.example", "http://a.example"}},
    {"no scheme", "a.example", {"a.example", "http://a.example"}},
    {"no slash before a query",
     "http://a.example?x",
     {"http://a.example?x", "http://a.example/?x"}},
    {"character references",
     "http://a.example/&#120;&#x65;",
     {"http://a.example/&#120;&#x65;", "http://a.example/xe"}},
    {"default port", "http://a.example:80/x", {"http://a.example:80/x", "http://a.example/x"}},
    {"punctuation behind a host", "http://a.example!!", {"http://a.example!!", "http://a.example"}},
    {"octal and hexadecimal address",
     "http://0177.0x0.0.1/",
     {"http://0177.0x0.0.1/", "http://127...1/"}},
    {"an address as one number",
     "http://2130706433/x",
     {"http://2130706433/x", "http://127.0.0.1/x"}},
    {"a hexadecimal one", "http://0x7f000001/", {"http://0x7f000001/", "http://127.0.0.1/"}},
    {"a host without dots", "http://foo/", {"http://foo/", "http://www.foo.com/"}},
    {"redirected",
     "http://r.example/?u=http://a.example/x",
     {"http://r.example/?u=http://a.example/x", "http://a.example/x"}},
    {"parameters of mail",
     "mailto:a@b.example?subject=x",
     {"mailto:a@b.example?subject=x", "mailto:a@b.example"}},
    {"other letters",
     "http://b\xc3\xbc"
     "cher.example/",
     {"http://b\xc3\xbc"
      "cher.example/",
      "http://xn--bcher-kva.example/"}},
    {"a place in the page", "#top", {"#top"}},
};

TEST(UrlForms, AreThoseOfSpamAssassin) {
  for (const FormCase& c : kForms) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(url_forms(c.uri, settings()), c.forms);
  }
}

TEST(UrlForms, RedirectorsAreAParameter) {
  UrlSettings with = settings();
  with.redirect = [](std::string_view uri) {
    const std::size_t at = uri.find("/go/");
    return at == std::string_view::npos ? std::nullopt
                                        : std::make_optional(std::string(uri.substr(at + 4)));
  };
  EXPECT_EQ(
      url_forms("http://r.example/go/a.example", with),
      (std::vector<std::string>{"http://r.example/go/a.example", "a.example", "http://a.example"}));
}

TEST(Domains, EndAtTheirRegistry) {
  constexpr struct {
    const char* uri;
    const char* domain;
  } kCases[] = {
      {"http://www.foo.com/x", "foo.com"},
      {"http://u:p@www.foo.co.uk:80/", "foo.co.uk"},
      {"http://x.y.demon.co.uk/", "y.demon.co.uk"},
      {"http://a.b.ci.boston.ma.us", "b.ci.boston.ma.us"},
      {"http://192.0.2.1/", "192.0.2.1"},
      {"mailto:a@x.b.org?c", "b.org"},
      {"http://foo.nosuch/", ""},
      {"http://a_b.com/", ""},
      {"http://%66oo.com/", ""},
      {"cid:a@b.com", ""},
  };
  for (const auto& c : kCases) {
    const auto host = host_and_domain(c.uri, registries());
    EXPECT_EQ(host ? host->second : "", c.domain) << c.uri;
  }
}

PieceText text_of(std::string_view text) {
  PieceText out;
  out.add(text, Content::kPiece);
  return out;
}

TEST(Urls, OfTextAndHtml) {
  HtmlFacts html;
  html.uris.push_back({"http://evil.example/", {"a"}, {"www.bank.com", "www.bank.com"}});
  html.uris.push_back({"http://shop.com/", {"a", "img"}, {"http://www.shop.com/here"}});
  html.uris.push_back({"", {}, {"nothing"}});
  const UrlList list = find_urls(text_of("www.a.com pills.com x@y.com http://nodomain/"),
                                 std::span(&html, 1), settings());
  std::vector<std::string> shown;
  for (const Url& url : list.urls) {
    shown.push_back(url.raw);
    for (const std::string& type : url.types) shown.back() += " " + type;
    for (const std::string& domain : url.domains) shown.back() += " " + domain;
    if (url.shows_other_domain) shown.back() += " OTHER";
  }
  EXPECT_EQ(
      shown,
      (std::vector<std::string>{
          "http://www.a.com parsed schemeless a.com",
          "http://pills.com parsed unlinked schemeless pills.com",
          "mailto:x@y.com parsed schemeless y.com", "http://nodomain/ parsed nodomain.com",
          "http://evil.example/ a evil.example OTHER", "http://shop.com/ a img shop.com", ""}));
  EXPECT_EQ(list.urls[4].anchor_texts, std::vector<std::string>{"www.bank.com"});
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Urls, HostileTextIsLinear) {
  std::string many;
  for (int i = 0; i < 100000; ++i) many += "http://h" + std::to_string(i) + ".com ";
  const UrlList list = find_urls(text_of(many), {}, settings());
  EXPECT_TRUE(list.too_many);
  EXPECT_EQ(list.urls.size(), settings().max_urls);
  for (const std::string& text :
       {repeat("www.", 250000), repeat("@", 500000), repeat("a@", 250000), repeat("a.", 250000),
        repeat("a.com/", 100000), repeat("http://", 100000), repeat("mailto:", 100000),
        "http://a.com/" + repeat("http://a.com/", 600), repeat("a.com:", 100000)}) {
    // One piece, as long as it is: the finder itself must be linear.
    int found = 0;
    find_text_urls(text, registries(), [&](const TextUrl&) { return ++found < 1000000; });
    EXPECT_LE(url_forms(text, settings()).size(), settings().max_forms);
  }
}

}  // namespace
}  // namespace gatepost::mail
