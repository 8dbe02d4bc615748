#include "filter/quarantine/token.h"

#include <gtest/gtest.h>

#include "core/mail/message.h"

namespace gatepost::quarantine {
namespace {

struct Text {
  std::vector<mail::HeaderField> fields = {{"Received", " from a"},
                                           {"From", " Ann <ann@a.example>"},
                                           {"To", " bob"},
                                           {"Subject", " hello\r\n\tthere"},
                                           {"Message-ID", " <1@a.example>"}};
  std::string body = "one\r\ntwo\r\n";
};

std::string digest(const Text& text, std::string_view bound) {
  mail::Message message({}, std::make_shared<mail::ByteBudget>(1 << 20), "/tmp");
  for (const auto& field : text.fields) message.add_field(field);
  EXPECT_TRUE(message.append_body(text.body).ok());
  message.freeze();
  return *content_digest(message, bound);
}

TEST(BoundFields, LeavesOutWhatAnMtaChanges) {
  EXPECT_EQ(bound_fields(Text().fields), "from:subject:message-id");
  EXPECT_EQ(bound_fields({}), "");
  const std::vector<mail::HeaderField> odd = {
      {"From", " root"}, {"Sub ject", " x"}, {"X-A ", " x"}, {"x-a", " y"}, {"Bcc", " z"}};
  EXPECT_EQ(bound_fields(odd), "x-a") << "a bare From gets a domain, a name with a blank is none";
}

TEST(BoundFields, HasABudget) {
  std::vector<mail::HeaderField> many;
  for (int i = 0; i < 5000; ++i) many.push_back({"X-Field-" + std::to_string(i), " x"});
  EXPECT_LE(bound_fields(many).size(), 1500U);
}

// A change of the message, and whether the digest notices it.
struct ContentCase {
  const char* name;
  void (*change)(Text&);
  bool noticed;
};

const ContentCase kContent[] = {
    {"subject", [](Text& t) { t.fields[3].value = " other"; }, true},
    {"from", [](Text& t) { t.fields[1].value = " Ann <eve@a.example>"; }, true},
    {"body", [](Text& t) { t.body = "one\r\nThree\r\n"; }, true},
    {"body_grown", [](Text& t) { t.body += "three\r\n"; }, true},
    {"body_moved_into_one_line", [](Text& t) { t.body = "onetwo\r\n"; }, true},
    {"second_subject",
     [](Text& t) {
       t.fields.push_back({"Subject", " b"});
     },
     true},
    {"field_gone", [](Text& t) { t.fields.pop_back(); }, true},
    {"received_added",
     [](Text& t) {
       t.fields.insert(t.fields.begin(), {"Received", " by b"});
     },
     false},
    {"to_got_a_domain", [](Text& t) { t.fields[2].value = " bob@b.example"; }, false},
    {"folded_elsewhere", [](Text& t) { t.fields[3].value = "  hello there "; }, false},
    {"name_in_other_case", [](Text& t) { t.fields[3].name = "SUBJECT"; }, false},
    {"date_added",
     [](Text& t) {
       t.fields.push_back({"Date", " today"});
     },
     false},
    {"line_ends", [](Text& t) { t.body = "one\ntwo\n"; }, false},
    {"empty_lines_at_the_end", [](Text& t) { t.body += "\r\n\r\n"; }, false},
};

TEST(ContentDigest, NoticesChanges) {
  const std::string bound = bound_fields(Text().fields);
  for (const ContentCase& c : kContent) {
    Text text;
    c.change(text);
    EXPECT_EQ(digest(text, bound) != digest(Text(), bound), c.noticed) << c.name;
  }
}

TEST(ContentDigest, DoesNotDependOnHowTheBodyCame) {
  const std::string body = "a\r\n\r\n\r\nb\r\n";
  mail::Message pieces({}, std::make_shared<mail::ByteBudget>(1 << 20), "/tmp");
  for (const char c : body) EXPECT_TRUE(pieces.append_body(std::string(1, c)).ok());
  pieces.freeze();
  Text whole;
  whole.fields.clear();
  whole.body = body;
  EXPECT_EQ(*content_digest(pieces, ""), digest(whole, ""));
}

TEST(EnvelopeDigest, BindsSenderAndRecipients) {
  const std::string base = envelope_digest("a@x.example", {"b@x.example", "c@x.example"});
  EXPECT_EQ(envelope_digest("a@x.example", {"c@x.example", "b@x.example"}), base);
  EXPECT_NE(envelope_digest("", {"b@x.example", "c@x.example"}), base);
  EXPECT_NE(envelope_digest("a@x.example", {"b@x.example"}), base);
  EXPECT_NE(envelope_digest("a@x.exampleb@x.example", {"c@x.example"}), base);
}

ReleaseToken token() {
  ReleaseToken t{"5KX7Q2M0-Q2", std::string(32, 'a'), 1767225600, "from:subject", ""};
  t.mac = token_mac("secret", t, "content", "envelope");
  return t;
}

TEST(Token, SurvivesItsField) {
  ReleaseToken wide = token();
  wide.fields = "";
  for (int i = 0; i < 100; ++i) wide.fields += (i == 0 ? "x-" : ":x-") + std::to_string(i);
  for (const ReleaseToken& t : {token(), wide}) {
    const std::string field = format_token(t);
    const auto back = parse_token(" " + field);
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(*back, t);
    for (std::size_t at = 0; at < field.size();) {
      const auto end = std::min(field.find("\r\n", at), field.size());
      EXPECT_LE(end - at, 110U);
      at = end + 2;
    }
  }
}

TEST(Token, MacBindsEveryPart) {
  const ReleaseToken good = token();
  EXPECT_TRUE(mac_fits("secret", good, "content", "envelope"));
  EXPECT_FALSE(mac_fits("other", good, "content", "envelope"));
  EXPECT_FALSE(mac_fits("secret", good, "other", "envelope"));
  EXPECT_FALSE(mac_fits("secret", good, "content", "other"));
  for (auto change :
       {+[](ReleaseToken& t) { t.reference = "X"; }, +[](ReleaseToken& t) { t.nonce[0] = 'b'; },
        +[](ReleaseToken& t) { ++t.expires; }, +[](ReleaseToken& t) { t.fields = "from"; },
        +[](ReleaseToken& t) { t.mac[0] ^= 1; }, +[](ReleaseToken& t) { t.mac = ""; }}) {
    ReleaseToken changed = good;
    change(changed);
    EXPECT_FALSE(mac_fits("secret", changed, "content", "envelope"));
  }
}

struct ParseCase {
  const char* name;
  std::string value;
  const char* error;
};

TEST(Token, MalformedOnesSayWhy) {
  const std::string n = "n=" + std::string(32, 'a') + ";";
  const std::string b = "b=" + std::string(64, 'a');
  const ParseCase cases[] = {
      {"empty", "", "no version"},
      {"other_version", "v=2;r=A;" + n + "x=1;" + b, "no version"},
      {"no_expiry", "v=1;r=A;" + n + b, "expiry"},
      {"negative_expiry", "v=1;r=A;x=-1;" + n + b, "expiry"},
      {"huge_expiry", "v=1;r=A;x=99999999999999999999;" + n + b, "expiry"},
      {"path_as_reference", "v=1;r=../key;x=1;" + n + b, "reference"},
      {"short_nonce", "v=1;r=A;x=1;n=aa;" + b, "nonce"},
      {"mac_in_capitals", "v=1;r=A;x=1;" + n + "b=" + std::string(64, 'A'), "signature"},
      {"doubled_tag", "v=1;v=1;r=A;x=1;" + n + b, "doubled"},
      {"unknown_tag", "v=1;q=1;r=A;x=1;" + n + b, "unknown"},
      {"odd_field_names", "v=1;r=A;x=1;h=a\x01;" + n + b, "fields"},
      {"too_long", std::string(5000, ' '), "too long"},
  };
  for (const ParseCase& c : cases) {
    const auto parsed = parse_token(c.value);
    ASSERT_FALSE(parsed.ok()) << c.name;
    EXPECT_NE(parsed.error().what.find(c.error), std::string::npos)
        << c.name << ": " << parsed.error().what;
  }
}

}  // namespace
}  // namespace gatepost::quarantine
