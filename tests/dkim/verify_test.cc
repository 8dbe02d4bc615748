#include "dkim/verify.h"

#include <string>

#include "dkim/header_hash.h"
#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

using namespace test;

TEST(Verify, PassTellsAll) {
  for (const TestKey* key : {&rsa_key(), &ed25519_key()}) {
    Message message = sample_message();
    add_signature(message, *key, {.extra = "; i=anna@example.com"});
    const auto results = verify(message, zone_of(*key, key->record() + "; t=y"));
    ASSERT_EQ(results.size(), 1U);
    const SignatureResult& r = results[0];
    EXPECT_EQ(summary(results), "pass");
    EXPECT_EQ(r.domain, "example.com");
    EXPECT_EQ(r.selector, "test");
    EXPECT_EQ(r.identity, "anna@example.com");
    EXPECT_EQ(r.algorithm, key->is_rsa() ? "rsa-sha256" : "ed25519-sha256");
    EXPECT_EQ(r.key_bits, key->is_rsa() ? 2048 : 256);
    EXPECT_EQ(r.b_prefix.size(), 8U);
    EXPECT_TRUE(r.testing);
  }
}

TEST(Verify, EveryFormInEveryChunking) {
  for (const char* form : {"simple", "relaxed", "simple/simple", "simple/relaxed", "relaxed/simple",
                           "relaxed/relaxed"}) {
    for (const char* body : {"", "\r\n", "\r\n\r\n", "x\r\n", " \r\n\t\r\n", "a \r\n\r\n b\r\n\r\n",
                             "\xff\xfe 8-bit \xc3\xa4\r\n"}) {
      Message message = sample_message();
      message.body = body;
      add_signature(message, ed25519_key(), {.form = form});
      for (const std::size_t chunk : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
        EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()), {.chunk = chunk})), "pass")
            << form << " of " << body;
      }
    }
  }
}

struct ChangeCase {
  const char* name;
  void (*change)(Message&);
  const char* expected;
};

const ChangeCase kChangeCases[] = {
    {"nothing", [](Message&) {}, "pass"},
    {"body", [](Message& m) { m.body[0] = 'J'; }, "fail: body hash does not match"},
    {"body_appended", [](Message& m) { m.body += "more\r\n"; }, "fail: body hash does not match"},
    {"signed_field", [](Message& m) { m.fields[1].value += "!"; },
     "fail: signature does not match"},
    {"signed_field_removed", [](Message& m) { m.fields.erase(m.fields.begin() + 2); },
     "fail: signature does not match"},
    {"unsigned_field", [](Message& m) { m.fields.back().value = " changed"; }, "pass"},
    {"unsigned_field_added",
     [](Message& m) {
       m.fields.insert(m.fields.begin(), {"X-New", " y"});
     },
     "pass"},
    {"white_space_of_relaxed_rfc6376_3_4_2",
     [](Message& m) {
       m.fields[1] = {"FROM ", "  Anna\r\n\t<anna@example.com> "};
     },
     "pass"},
    {"trailing_empty_lines_rfc6376_3_4_4", [](Message& m) { m.body += "\r\n\r\n"; }, "pass"},
    {"bare_lf_body", [](Message& m) { std::erase(m.body, '\r'); }, "pass"},
    {"bare_lf_fold",
     [](Message& m) {
       for (auto& field : m.fields) std::erase(field.value, '\r');
     },
     "pass"},
    {"second_from_on_top_rfc6376_8_15",
     [](Message& m) {
       m.fields.insert(m.fields.begin(), {"From", " evil@example.org"});
     },
     "policy: message has 2 From fields, 1 signed"},
    {"second_from_at_the_bottom",
     [](Message& m) {
       m.fields.push_back({"From", " evil@example.org"});
     },
     "fail: signature does not match"},
    {"no_from_rfc6376_6_1_1", [](Message& m) { m.fields.erase(m.fields.begin() + 1); },
     "permerror: message has no From field"},
    {"field_without_colon_text",
     [](Message& m) {
       m.fields.insert(m.fields.begin(), {"no colon here", ""});
     },
     "pass"},
    {"empty_field_name",
     [](Message& m) {
       m.fields.insert(m.fields.begin(), {"", " x"});
     },
     "pass"},
    {"signature_below_other_fields",
     [](Message& m) { std::rotate(m.fields.begin(), m.fields.begin() + 1, m.fields.end()); },
     "pass"},
};

TEST(Verify, ChangesOnTheWay) {
  Message original = sample_message();
  add_signature(original, rsa_key());
  for (const auto& c : kChangeCases) {
    Message message = original;
    c.change(message);
    EXPECT_EQ(summary(verify(message, zone_of(rsa_key()))), c.expected) << c.name;
  }
}

struct SignCase {
  const char* name;
  SignOptions options;
  const char* expected;
};

const SignCase kSignCases[] = {
    {"plain", {}, "pass"},
    {"b_in_one_line", {.fold_b = false}, "pass"},
    {"blank_before_equals_of_b_rfc6376_3_2", {.b_tag = "b ="}, "pass"},
    {"blank_behind_equals_of_b", {.b_tag = "b= \r\n "}, "pass"},
    {"tag_name_that_ends_in_b", {.extra = "; web=x; zb=y"}, "pass"},
    {"upper_case_tag_is_another_tag_rfc6376_3_2", {.extra = "; H=Subject; C=simple"}, "pass"},
    {"utf8_identity_rfc8616_5", {.extra = "; i=gr\xc3\xbc\xc3\x9f@example.com"}, "pass"},
    {"oversigned_from_rfc6376_8_15", {.headers = {"From", "From", "To"}}, "pass"},
    {"all_fields_used_up",
     {.headers = {"From", "To", "Subject", "Date", "From", "To", "X-None", "X-None"}},
     "pass"},
    {"names_dkim_signature_rfc6376_3_7",
     {.headers = {"From", "DKIM-Signature", "DKIM-Signature"}},
     "pass"},
    {"early_timestamp", {.extra = "; t=1"}, "pass"},
    {"long_header_list", {.headers = std::vector<std::string>(900, "From")}, "pass"},
    {"simple_form", {.form = "simple/simple"}, "pass"},
    {"unsigned_copied_fields", {.extra = "; z=From:anna@example.com|To:bo"}, "pass"},
};

TEST(Verify, WaysToSign) {
  for (const auto& c : kSignCases) {
    for (const char* form : {"simple/relaxed", "relaxed/relaxed"}) {
      Message message = sample_message();
      SignOptions options = c.options;
      if (options.form != "simple/simple") options.form = form;
      add_signature(message, ed25519_key(), options);
      EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), c.expected)
          << c.name << " " << form;
      message.fields[1].value += "x";
      EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "fail: signature does not match")
          << c.name << " " << form;
    }
  }
}

TEST(Verify, SeveralSignaturesEachWithItsResult) {
  Message message = sample_message();
  add_signature(message, rsa_key());
  add_signature(message, ed25519_key(), {.selector = "ed", .headers = {"From", "DKIM-Signature"}});
  add_signature(message, rsa_key(), {.selector = "gone"});
  message.fields.insert(message.fields.begin(), {"DKIM-Signature", " v=1; broken"});
  Zone zone = zone_of(rsa_key());
  zone["ed._domainkey.example.com"] = ed25519_key().record();
  zone["gone._domainkey.example.com"] = "!timeout";
  EXPECT_EQ(summary(verify(message, zone)),
            "permerror: broken: tag without '=' | temperror: key query: timeout | pass | pass");
  message.body = "other\r\n";
  EXPECT_EQ(summary(verify(message, zone)),
            "permerror: broken: tag without '=' | temperror: key query: timeout | "
            "fail: body hash does not match | fail: body hash does not match");
}

TEST(Verify, UnsignedMessage) {
  EXPECT_EQ(summary(verify(sample_message(), {})), "none");
  Verifier verifier(library(), {}, kNow);
  ASSERT_TRUE(verifier.end_of_headers().ok());
  EXPECT_FALSE(verifier.wants_body());
  EXPECT_TRUE(verifier.finish(Answers(kNow))->empty());
}

TEST(Verify, CallsOutOfTurnAreErrors) {
  Verifier verifier(library(), {}, kNow);
  EXPECT_FALSE(verifier.finish(Answers(kNow)).ok());
  EXPECT_TRUE(verifier.end_of_headers().ok());
  EXPECT_FALSE(verifier.end_of_headers().ok());
  EXPECT_TRUE(verifier.finish(Answers(kNow)).ok());
  EXPECT_FALSE(verifier.finish(Answers(kNow)).ok());
}

TEST(Verify, MissingAnswerIsTemporary) {
  Message message = sample_message();
  add_signature(message, rsa_key());
  Verifier verifier(library(), {}, kNow);
  for (const auto& field : message.fields) verifier.header(field);
  ASSERT_TRUE(verifier.end_of_headers().ok());
  EXPECT_EQ(verifier.key_queries().size(), 1U);
  verifier.body(message.body);
  EXPECT_EQ(summary(*verifier.finish(Answers(kNow))), "temperror: key query: no answer in time");
}

TEST(Verify, LibraryIsNotAskedForTheTime) {
  Message message = sample_message();
  add_signature(message, rsa_key(), {.extra = "; t=1000; x=2000"});
  EXPECT_EQ(summary(verify(message, zone_of(rsa_key()), {.now = 1500})), "pass");
  message = sample_message();
  add_signature(message, rsa_key(), {.extra = "; t=4000000000; x=4000000100"});
  EXPECT_EQ(summary(verify(message, zone_of(rsa_key()), {.now = 4000000050})), "pass");
}

// ---- Hostile sizes

TEST(VerifyHostile, FiveHundredSignatures) {
  Message message = sample_message();
  const auto field = sign(message, ed25519_key());
  message.fields.insert(message.fields.begin(), 500, field);
  Verifier verifier(library(), {}, kNow);
  std::size_t asked = 0;
  for (const auto& each : message.fields) asked += verifier.header(each).has_value();
  EXPECT_EQ(asked, 10U);
  EXPECT_EQ(verifier.key_queries().size(), 1U);
  const auto results = verify(message, zone_of(ed25519_key()));
  ASSERT_EQ(results.size(), 500U);
  EXPECT_EQ(results[9].outcome, Outcome::pass);
  EXPECT_EQ(results[10].outcome, Outcome::policy);
  EXPECT_EQ(results[10].reason, "too many signatures");
  EXPECT_EQ(results[499].domain, "example.com");
}

TEST(VerifyHostile, MoreSignaturesThanResults) {
  Message message = sample_message();
  message.fields.insert(message.fields.begin(), 1500, {"DKIM-Signature", " v=1"});
  EXPECT_EQ(verify(message, {}).size(), Verifier::kMaxResults);
}

TEST(VerifyHostile, HugeHeaderList) {
  Message message = sample_message();
  add_signature(message, ed25519_key(),
                {.headers = std::vector<std::string>(20000, "From")});  // h= of 100 KB
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))),
            "permerror: tag list is longer than 32768 octets");
}

TEST(VerifyHostile, TwentyThousandFields) {
  Message message = sample_message();
  for (int i = 0; i < 20000; ++i) message.fields.push_back({"X-Filler", " " + std::to_string(i)});
  add_signature(message, ed25519_key());
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "pass");
  message.fields.front().name = "X-Old";
  std::vector<std::string> names(900, "X-Filler");
  names.emplace_back("From");
  add_signature(message, ed25519_key(), {.headers = names});
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "pass");
}

TEST(VerifyHostile, HeaderBudgets) {
  Message message = sample_message();
  add_signature(message, ed25519_key());
  VerifyCall call;
  call.options.max_fields = 3;
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()), call)),
            "policy: message has more than 3 header fields");
  call.options = {.max_header = 100};
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()), call)),
            "policy: header is larger than 100 octets");
}

TEST(VerifyHostile, LargeFieldsAndOddOctets) {
  for (const std::string& value :
       {std::string(200000, 'x'), std::string("a\0b", 3), std::string("\x01\xff\xfe"),
        std::string(70000, ' '), std::string("a\x0b\x0c") + "b"}) {
    for (const char* form : {"simple/simple", "relaxed/relaxed"}) {
      Message message = sample_message();
      message.fields[2].value = " " + value;
      add_signature(message, ed25519_key(), {.form = form});
      EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "pass") << form;
    }
  }
}

TEST(VerifyHostile, NameWithBlanksBeforeTheColon) {
  for (const char* name : {"DKIM-Signature ", "DKIM-Signature\t", "dkim-SIGNATURE"}) {
    Message message = sample_message();
    message.fields[2].name = "Subject\t";
    add_signature(message, ed25519_key(), {.form = "relaxed/simple"});
    message.fields.front().name = name;
    EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "pass") << name;
  }
}

TEST(VerifyHostile, LongBodyLine) {
  Message message = sample_message();
  message.body = std::string(3000000, 'a') + "\r\n";
  add_signature(message, ed25519_key());
  EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()), {.chunk = 60001})), "pass");
}

TEST(VerifyHostile, ManyBodyLengths) {
  Message message = sample_message();
  for (std::size_t i = 1; i <= 8; ++i) add_signature(message, ed25519_key(), {.length = i});
  const std::string text = summary(verify(message, zone_of(ed25519_key())));
  EXPECT_NE(text.find("policy: too many different l= in one message"), std::string::npos) << text;
}

TEST(VerifyHostile, FromThatNoOneCanRead) {
  for (const char* from : {" undisclosed:;", "", " <>", " \"a@b", " \xc3\xbc@\xc3\xbc"}) {
    Message message = sample_message();
    message.fields[0].value = from;
    add_signature(message, ed25519_key());
    EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), "pass") << from;
  }
}

}  // namespace
}  // namespace gatepost::dkim
