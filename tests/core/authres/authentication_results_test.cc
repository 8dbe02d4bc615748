#include "core/authres/authentication_results.h"

#include <random>

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace gatepost::authres {
namespace {

AuthenticationResults one(AuthResult result) {
  return {.authserv_id = "a.example", .version = {}, .results = {std::move(result)}};
}

AuthenticationResults with_value(std::string value) {
  return one({.method = "spf",
              .result = "pass",
              .reason = {},
              .properties = {{"smtp", "mailfrom", std::move(value)}},
              .comment = {},
              .version = {}});
}

struct FormatCase {
  const char* name;
  AuthenticationResults results;
  std::string expected;  // in one line
};

const FormatCase kFormats[] = {
    {"nothing checked, RFC 8601 2.2", {"a.example", "", {}}, "a.example; none"},
    {"version", {"a.example", "1", {}}, "a.example 1; none"},
    {"id with a slash is quoted", {"a.example/7", "", {}}, "\"a.example/7\"; none"},
    {"id of UTF-8, RFC 8601 5", {"b\xc3\xbc.example", "", {}}, "b\xc3\xbc.example; none"},
    {"no id", {"", "", {}}, "\"\"; none"},
    {"all parts", one({"dkim", "pass", "x y", {{"header", "d", "b.example"}}, "good (very)", "1"}),
     "a.example; dkim/1=pass (good \\(very\\)) reason=\"x y\" header.d=b.example"},
    {"reason that is a token", one({"x", "pass", "100", {}, "", ""}),
     "a.example; x=pass reason=100"},
    {"address, RFC 8601 pvalue", with_value("u+x=y/z@b.example"),
     "a.example; spf=pass smtp.mailfrom=u+x=y/z@b.example"},
    {"domain with an at", with_value("@b.example"), "a.example; spf=pass smtp.mailfrom=@b.example"},
    {"UTF-8 address", with_value("\xc3\xbc@b\xc3\xbc.example"),
     "a.example; spf=pass smtp.mailfrom=\xc3\xbc@b\xc3\xbc.example"},
    {"quoted local part", with_value("\"a b\"@b.example"),
     "a.example; spf=pass smtp.mailfrom=\"\\\"a b\\\"@b.example\""},
    {"base64", with_value("a/b+c="), "a.example; spf=pass smtp.mailfrom=\"a/b+c=\""},
    {"IPv6", with_value("2001:db8::1"), "a.example; spf=pass smtp.mailfrom=\"2001:db8::1\""},
    {"empty value", with_value(""), "a.example; spf=pass smtp.mailfrom=\"\""},
    {"a value cannot end the field", with_value("x;\r\n\r\nspf=pass"),
     "a.example; spf=pass smtp.mailfrom=\"x;spf=pass\""},
    {"a value cannot open a comment", with_value("any@legitimate.com(a.attack.com"),
     "a.example; spf=pass smtp.mailfrom=\"any@legitimate.com(a.attack.com\""},
    {"a value cannot end its quotes", with_value("a\\\"; dkim=pass"),
     "a.example; spf=pass smtp.mailfrom=\"a\\\\\\\"; dkim=pass\""},
    {"controls and invalid UTF-8 go", with_value(std::string("a\0\x1b\x7f\xff\xc2\x80z", 8)),
     "a.example; spf=pass smtp.mailfrom=az"},
    {"a comment cannot end itself", one({"x", "fail", "", {}, "a) b\\", ""}),
     "a.example; x=fail (a\\) b\\\\)"},
    {"line breaks in prose are blanks", one({"x", "fail", " a\r\n b ", {}, "c\n\td", ""}),
     "a.example; x=fail (c d) reason=\"a b\""},
    {"names are reduced", one({"X;=y", "Pass ", "", {{"a b", "c=d", "e"}, {"", "f", "g"}}, "", ""}),
     "a.example; xy=pass ab.cd=e"},
    {"a result without a name goes", one({"", "pass", "", {}, "", ""}), "a.example; none"},
    {"long text is cut", one({"x", "fail", std::string(1000, 'r'), {}, "", ""}),
     "a.example; x=fail reason=" + std::string(kMaxText, 'r')},
};

TEST(Format, Rules) {
  for (const auto& c : kFormats) EXPECT_EQ(format(c.results, " "), c.expected) << c.name;
}

TEST(Format, Folds) {
  AuthenticationResults results{.authserv_id = "a.example", .version = {}, .results = {}};
  EXPECT_EQ(format(results), "a.example; none");
  for (const char* method : {"spf", "dkim"}) {
    results.results.push_back({.method = method,
                               .result = "pass",
                               .reason = {},
                               .properties = {{"header", "from", std::string(30, 'b')},
                                              {"header", "d", std::string(20, 'c')}},
                               .comment = {},
                               .version = {}});
  }
  const std::string lines =
      "pass header.from=" + std::string(30, 'b') + "\r\n\theader.d=" + std::string(20, 'c');
  EXPECT_EQ(format(results, "\r\n\t"), "a.example;\r\n\tspf=" + lines + ";\r\n\tdkim=" + lines);
}

struct ParseCase {
  const char* name;
  std::string value;
  const char* expected;  // format(parse(value), " "), null = error
};

const ParseCase kParses[] = {
    {"none, RFC 8601 B.2", " example.org 1; none", "example.org 1; none"},
    {"only an id", " example.org", "example.org; none"},
    {"nothing", "", "\"\"; none"},
    {"quoted id", " \"a/b\" ; spf=pass", "\"a/b\"; spf=pass"},
    {"unquoted id with a slash", " mx.example.org/7; spf=pass", "\"mx.example.org/7\"; spf=pass"},
    {"letter case", " A.example; SPF=Pass SMTP.MailFrom=U@B",
     "A.example; spf=pass smtp.mailfrom=U@B"},
    {"folds", " a;\r\n\tspf\n =\r\n pass\r\n smtp . mailfrom = x", "a; spf=pass smtp.mailfrom=x"},
    {"comments anywhere, RFC 8601 B.7",
     " (1) a (2) 1 (3) ; (4) spf (5) / (6) 2 (7) = (8) pass (9) "
     "smtp (x) . (x) helo (x) = (x) b (x) ; (x)",
     "a 1; spf/2=pass (8) smtp.helo=b"},
    {"no id, as Microsoft 365 writes it",
     " spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=none (message not signed) "
     "header.d=none;dmarc=pass action=none header.from=a.example;compauth=pass reason=100",
     "\"\"; spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=none (message not "
     "signed) header.d=none; dmarc=pass header.from=a.example; compauth=pass reason=100"},
    {"no semicolon behind the id", " a.example spf=pass; dkim=fail",
     "a.example; spf=pass; dkim=fail"},
    {"id written again", " a; dkim=none; a; dmarc=none;", "a; dkim=none; dmarc=none"},
    {"empty parts", " a;;; spf=pass ; ;", "a; spf=pass"},
    {"noise", " a; !! ; spf=pass junk \"more junk\" . = smtp.helo=b", "a; spf=pass smtp.helo=b"},
    {"empty value", " a; spf=pass smtp.mailfrom=; x=y", "a; spf=pass smtp.mailfrom=\"\"; x=y"},
    {"empty value before a property", " a; spf=none smtp.mailfrom= smtp.helo=b",
     "a; spf=none smtp.mailfrom=\"\" smtp.helo=b"},
    {"semicolon in quotes", " a; x=y reason=\"a; b=c\"", "a; x=y reason=\"a; b=c\""},
    {"semicolon in a comment", " a; x=y (b; c=d) p.q=r", "a; x=y (b; c=d) p.q=r"},
    {"quoted local part", " a; x=y smtp.mailfrom=\"a b\"@c.example",
     "a; x=y smtp.mailfrom=\"\\\"a b\\\"@c.example\""},
    {"base64 without quotes",
     " a; dkim=pass header.b=ab/c+d==", "a; dkim=pass header.b=\"ab/c+d==\""},
    {"first reason counts", " a; x=y reason=1 reason=2", "a; x=y reason=1"},
    {"comment not closed", " a; spf=pass smtp.mailfrom=any@legitimate.com(a.attack.com", nullptr},
    {"quotes not closed", " a; spf=pass reason=\"x", nullptr},
    {"quoted id not closed", " \"a; spf=pass", nullptr},
    {"NUL", std::string(" a\0; spf=pass", 13), nullptr},
    {"deep comments", " a; " + std::string(100, '(') + std::string(100, ')'), nullptr},
    {"too long", std::string(kMaxFieldOctets + 1, ' '), nullptr},
};

TEST(Parse, Rules) {
  for (const auto& c : kParses) {
    const auto results = parse(c.value);
    EXPECT_EQ(results.ok(), c.expected != nullptr) << c.name;
    EXPECT_EQ(results ? format(*results, " ") : "", c.expected ? c.expected : "") << c.name;
    EXPECT_TRUE(results.ok() || results.error().kind == ErrorKind::permanent) << c.name;
  }
}

TEST(Parse, KeepsPropertiesWithoutAType) {
  const auto results = parse(" dmarc=pass action=none header.from=a.example").value();
  EXPECT_EQ(results.authserv_id, "");
  EXPECT_EQ(results.results.at(0).properties,
            (std::vector<Property>{{"", "action", "none"}, {"header", "from", "a.example"}}));
}

TEST(Parse, Budgets) {
  std::string results = "a";
  for (std::size_t i = 0; i < kMaxResults; ++i) results += ";x=y";
  EXPECT_EQ(parse(results).value().results.size(), kMaxResults);
  EXPECT_FALSE(parse(results + ";x=y").ok());
  std::string properties = "a;x=y";
  for (std::size_t i = 0; i < kMaxProperties; ++i) properties += " a.b=c";
  EXPECT_EQ(parse(properties).value().results.at(0).properties.size(), kMaxProperties);
  EXPECT_FALSE(parse(properties + " a.b=c").ok());
}

// Random content of the clean kind that format() promises to keep.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  AuthenticationResults results() {
    AuthenticationResults made{.authserv_id = text(12), .version = digits(), .results = {}};
    for (std::size_t i = below(5); i > 0; --i) {
      AuthResult result{.method = name(),
                        .result = name(),
                        .reason = prose(12),
                        .properties = {},
                        .comment = prose(30),
                        .version = digits()};
      for (std::size_t j = below(4); j > 0; --j) {
        result.properties.push_back({name(), name(), text(40)});
      }
      made.results.push_back(std::move(result));
    }
    return made;
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  std::string digits() { return below(3) == 0 ? std::to_string(below(100)) : ""; }
  std::string name() {
    static constexpr std::string_view kOctets = "abcxyz019-_";
    std::string out;
    for (std::size_t i = 1 + below(10); i > 0; --i) out += kOctets[below(kOctets.size())];
    return out;
  }
  std::string text(std::size_t limit) {
    static constexpr std::string_view kPieces[] = {"a",
                                                   "B",
                                                   "0",
                                                   ".",
                                                   "@",
                                                   "-",
                                                   "=",
                                                   "/",
                                                   ":",
                                                   ";",
                                                   "\"",
                                                   "\\",
                                                   "(",
                                                   ")",
                                                   " ",
                                                   "<",
                                                   ">",
                                                   ",",
                                                   "\xc3\xbc",
                                                   "\xe2\x82\xac",
                                                   "\xf0\x9f\x93\xa7",
                                                   "example.com",
                                                   "smtp.helo=",
                                                   "=?",
                                                   "?="};
    std::string out;
    for (std::size_t i = below(limit); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  }
  std::string prose(std::size_t limit) {
    const std::string raw = text(limit);
    std::string out;
    for (const char c : trim(raw)) {
      if (c != ' ' || !out.ends_with(' ')) out += c;
    }
    return out;
  }

  std::mt19937 random_;
};

TEST(Property, ParseOfFormatIsTheSame) {
  Generator generator(8601);
  for (int i = 0; i < 3000; ++i) {
    const AuthenticationResults made = generator.results();
    for (const std::string_view fold : {"\n\t", "\r\n\t", "\r\n        ", " "}) {
      const std::string value = format(made, fold);
      const auto read = parse(" " + value);
      ASSERT_TRUE(read.ok()) << value << "\n" << read.error().text();
      ASSERT_TRUE(*read == made) << value << "\n" << format(*read, fold);
    }
    // Lines are below 78 columns, or one word.
    std::size_t column = 24;
    const std::string value = format(made);
    for (const std::string_view line : split(value, '\n')) {
      column += line.size() + (line.starts_with('\t') ? 7 : 0);
      EXPECT_TRUE(column < 78 || line.substr(1).find("=\"") != std::string_view::npos ||
                  trim(line).find(' ') == std::string_view::npos || column == line.size() + 24)
          << line;
      column = 0;
    }
  }
}

}  // namespace
}  // namespace gatepost::authres
