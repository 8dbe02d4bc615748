// What a postmaster is told: each change on the way, and the sentence that names it.

#include "dkim/trace.h"

#include <functional>

#include "dkim/trace_guess.h"
#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

using namespace test;

/// "mark about: text" of every step of every signature.
std::string told(const Message& message, const Zone& zone) {
  Verifier verifier(library(), {}, kNow);
  Answers answers(kNow);
  for (const auto& field : message.fields) {
    if (const auto query = verifier.header(field)) answers.add(*query, answer_from(zone, *query));
  }
  EXPECT_TRUE(verifier.end_of_headers().ok());
  verifier.body(message.body);
  const auto results = verifier.finish(answers);
  if (!results) return results.error().text();
  std::string text;
  const auto traces = trace(library(), message.fields, message.body, answers, *results);
  EXPECT_EQ(traces.size(), results->size());
  for (const auto& steps : traces) {
    for (const TraceStep& step : steps)
      text += std::string(to_string(step.mark)) + " " + step.about + ": " + step.text + "\n";
  }
  return text;
}

struct Case {
  const char* name;
  std::function<void(Message&)> before;  // it was signed
  SignOptions options;
  std::function<void(Message&)> change;  // on its way
  std::vector<const char*> expected;     // parts of the text
};

void nothing(Message&) {}

void add_lines(Message& message, const char* lines) {
  message.body += lines;
}

void set_subject(Message& message, const char* value) {
  for (auto& field : message.fields) {
    if (field.name == "Subject") field.value = value;
  }
}

const Case kCases[] = {
    {"unchanged",
     nothing,
     {},
     nothing,
     {"- signature: ed25519-sha256, relaxed/relaxed, by example.com\n",
      "ok key: TXT of test._domainkey.example.com: ed25519\n",
      "- fields: signed: from, to, subject\n",
      "- fields: not signed, anyone may have written: date\n",
      "ok header: the signed fields are as they were when they were signed\n",
      "ok body: the body (29 octets) is as it was when it was signed\n", "ok result: pass\n"}},
    {"times_and_identity",
     nothing,
     {.extra = "; i=anna@example.com; t=1767225000; x=1767300000"},
     nothing,
     {"by example.com for anna@example.com, made 2025-12-31 23:50:00 UTC, good until 2026-01-01 "
      "20:40:00 UTC\n"}},
    {"footer_of_a_list",
     nothing,
     {},
     [](Message& m) { add_lines(m, "-- \r\nlist mailing list\r\nhttp://list.example\r\n"); },
     {"ok header: the signed fields are as they were",
      "!! body: the body was changed behind the signer",
      "!! body: 3 lines at the end were added behind the signer, beginning with \"--\": the footer",
      "!! result: fail: body hash does not match\n"}},
    {"banner",
     nothing,
     {.form = "relaxed/simple"},
     [](Message& m) { m.body = "CAUTION: external\r\n\r\n" + m.body; },
     {"!! body: 2 lines at the beginning were added behind the signer, beginning with \"CAUTION: "
      "external\": a banner"}},
    {"from_escaped",
     [](Message& m) { add_lines(m, "From here on\r\n"); },
     {},
     [](Message& m) { m.body.replace(m.body.find("From here"), 4, ">From"); },
     {"!! body: \">\" was put before lines that begin with From"}},
    {"dots_doubled",
     [](Message& m) { add_lines(m, ".hidden\r\n"); },
     {},
     [](Message& m) { m.body.replace(m.body.find(".hidden"), 1, ".."); },
     {"!! body: dots that begin a line were doubled"}},
    {"inside_of_the_body",
     nothing,
     {},
     [](Message& m) { m.body[3] = 'X'; },
     {"- body: nothing was merely added at its ends"}},
    {"list_tag_in_the_subject",
     nothing,
     {},
     [](Message& m) { set_subject(m, " [list] A test"); },
     {"!! header: a signed field was changed", "ok body:",
      "!! header: the signature matches the subject \"A test\": something was put into it"}},
    {"spam_word_in_the_subject",
     nothing,
     {},
     [](Message& m) { set_subject(m, " ***SPAM*** A test"); },
     {"!! header: the signature matches the subject \"A test\""}},
    {"list_tag_behind_re",
     [](Message& m) { set_subject(m, " Re: A test"); },
     {},
     [](Message& m) { set_subject(m, " Re: [list] A test"); },
     {"!! header: the signature matches the subject \"Re: A test\""}},
    {"author_rewritten",
     nothing,
     {},
     [](Message& m) {
       for (auto& field : m.fields) {
         if (field.name != "From") continue;
         m.fields.push_back({"X-Original-From", field.value});
         field.value = " anna via list <list@list.example>";
         break;
       }
     },
     {"!! header: the signature matches the author that stands in x-original-from: From was "
      "rewritten"}},
    {"field_added_against_oversigning",
     nothing,
     {.headers = {"From", "Reply-To", "Subject"}},
     [](Message& m) {
       m.fields.insert(m.fields.begin(), {"Reply-To", " list@list.example"});
     },
     {"!! header: the signature matches without the field \"Reply-To: list@list.example\""}},
    {"reserved_fields",
     nothing,
     {.headers = {"From", "From", "Reply-To"}},
     nothing,
     {"- fields: signed: from\n", "- fields: no further one may be added: from, reply-to\n"}},
    {"kept_in_z",
     nothing,
     {.extra = "; z=Subject:A=20test|To:gone=40example.com|X-Gone:x"},
     [](Message& m) { set_subject(m, " Another test"); },
     {"!! header: Subject was \"A test\" when it was signed (z=), is \"Another test\" now\n",
      "!! header: X-Gone was there when it was signed (z=) and is gone\n"}},
    {"part_of_the_body",
     nothing,
     {.length = 10},
     nothing,
     {"!! body: l= covers 10 octets of 29", "!! result: policy: l= signs 10 of 29"}},
    {"expired_key_not_asked",
     nothing,
     {.extra = "; x=1700000000"},
     nothing,
     {"- key: TXT of test._domainkey.example.com was not asked for",
      "!! result: policy: signature expired"}},
    {"no_key",
     nothing,
     {.selector = "gone"},
     nothing,
     {"!! key: TXT of gone._domainkey.example.com: no key for signature",
      "ok body: the body (29 octets) is as it was"}},
    {"malformed",
     nothing,
     {.extra = "; i=a@example.org"},
     nothing,
     {"!! signature: malformed: i= is not within d=\n",
      "!! result: permerror: i= is not within d=\n"}},
    {"escapes_do_not_reach_the_terminal",
     nothing,
     {.extra = "; z=Subject:=1B[2J"},
     [](Message& m) { set_subject(m, " other"); },
     {"Subject was \"\\x1b[2J\""}},
};

class Trace : public ::testing::TestWithParam<Case> {};

TEST_P(Trace, Says) {
  const Case& c = GetParam();
  Message message = sample_message();
  set_subject(message, " A test");
  c.before(message);
  add_signature(message, ed25519_key(), c.options);
  c.change(message);
  const std::string text = told(message, zone_of(ed25519_key()));
  for (const char* part : c.expected)
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
}

INSTANTIATE_TEST_SUITE_P(Rows, Trace, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(TraceOfSeveral, EachHasItsOwn) {
  Message message = sample_message();
  add_signature(message, rsa_key());
  add_signature(message, ed25519_key(), {.selector = "ed"});
  Zone zone = zone_of(rsa_key(), rsa_key().record() + "; t=y:s");
  zone["ed._domainkey.example.com"] = ed25519_key().record();
  const std::string text = told(message, zone);
  EXPECT_NE(text.find("ok key: TXT of test._domainkey.example.com: rsa, 2048 bits, the domain says "
                      "that it is testing (t=y), for this very domain only (t=s)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("ok key: TXT of ed._domainkey.example.com: ed25519\n"), std::string::npos);
  EXPECT_EQ(told(sample_message(), {}), "");
}

TEST(TraceGuess, TriesAreBounded) {
  std::size_t tries = 0;
  const auto never = [&](std::string_view) { return ++tries, false; };
  std::string body;
  for (int i = 0; i < 5000; ++i) body += "..\r\n>From \r\n\r\n";
  EXPECT_FALSE(guess_body_change(body, never).has_value());
  EXPECT_LE(tries, kMaxTries);
  tries = 0;
  EXPECT_FALSE(guess_body_change(std::string(kMaxTriedBody + 1, 'x'), never).has_value());
  EXPECT_EQ(tries, 0U);
  const auto no_header = [&](const std::vector<KeptField>&) { return ++tries, false; };
  std::vector<KeptField> fields(1000, keep_field({"Subject", " [a] [b] [c] d e f g h"}));
  guess_header_change(fields, 0, {"subject"}, {}, no_header);
  EXPECT_GT(tries, 0U);
  EXPECT_LE(tries, kMaxTries);
}

TEST(TraceGuess, CopiedFieldsRfc6376_3_5) {
  const auto fields = read_copied_fields(
      "From:foo=40eng.example.net|To:joe@example.com|\r\n Subject:demo=20run=7C");
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[0].value, "foo@eng.example.net");
  EXPECT_EQ(fields[2].name, "Subject");
  EXPECT_EQ(fields[2].value, "demo run|");
  EXPECT_TRUE(read_copied_fields("no colon").empty());
  EXPECT_TRUE(read_copied_fields("a:=XY").empty());
  std::string many;
  for (int i = 0; i < 200; ++i) many += "|a:b";
  EXPECT_TRUE(read_copied_fields(many.substr(1)).empty());
}

}  // namespace
}  // namespace gatepost::dkim
