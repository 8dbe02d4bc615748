// Messages and keys that mean harm, or are merely broken: a result and a reason for each, at a cost
// that is counted, never timed.

#include <functional>
#include <string>

#include "core/base/encoding.h"
#include "core/dns/wire.h"
#include "core/mail/header_block.h"
#include "tests/dkim/dkim_test.h"
#include "tests/support/dns_packet.h"

namespace gatepost::dkim {
namespace {

using namespace test;

constexpr const char* kKeyName = "test._domainkey.example.com";

struct Attack {
  Message message = sample_message();
  std::map<std::string, dns::AnswerPtr> dns;  // besides the good key at kKeyName

  void sign(SignOptions options = {}) { add_signature(message, ed25519_key(), options); }
  void front(const std::string& name, const std::string& value) {
    message.fields.insert(message.fields.begin(), {name, value});
  }
  /// A signature field that is written by hand, with good b= and bh= syntax.
  void signature(const std::string& tags) {
    front("DKIM-Signature", " v=1; a=ed25519-sha256; d=example.com; s=test; h=from; bh=" +
                                base64_encode(std::string(32, 'x')) + "; b=QUJD; " + tags);
  }
  void key(const std::string& record) {
    auto answer = std::make_shared<dns::Answer>();
    answer->status = dns::Status::ok;
    answer->texts = {record};
    dns[kKeyName] = answer;
  }
  /// What our DNS code makes of a packet.
  void packet(std::vector<testing::WireRecord> records) {
    testing::WireResponse response;
    response.question = dns::make_query(kKeyName, dns::RrType::txt);
    response.answers = std::move(records);
    dns[kKeyName] = std::make_shared<dns::Answer>(
        dns::decode_response(testing::encode(response), response.question));
  }
  dns::AnswerPtr answer(const dns::Query& query) const {
    const auto found = dns.find(query.name);
    return found != dns.end() ? found->second : answer_from(zone_of(ed25519_key()), query);
  }
};

std::vector<std::string> pieces_of(const std::string& text, std::size_t count) {
  std::vector<std::string> pieces(count);
  const std::size_t each = (text.size() + count - 1) / count;
  for (std::size_t i = 0; i < count; ++i) {
    if (i * each < text.size()) pieces[i] = text.substr(i * each, each);
  }
  return pieces;
}

std::string padded(std::string record, std::size_t octets) {
  record += "; n=";
  return record + std::string(octets - record.size(), 'x');
}

/// A well-formed RSAPublicKey that nobody has generated.
std::string invented_rsa_key(std::size_t bits) {
  const auto length = [](std::size_t size) {
    return std::string("\x82") + static_cast<char>(size >> 8) + static_cast<char>(size);
  };
  const std::string modulus = std::string(1, '\0') + std::string(bits / 8, '\xd5');
  const std::string content =
      "\x02" + length(modulus.size()) + modulus + std::string("\x02\x03\x01\x00\x01", 5);
  return base64_encode("\x30" + length(content.size()) + content);
}

struct Case {
  const char* name;
  std::function<void(Attack&)> arrange;
  const char* expected;  // equal results that follow each other are counted
};

std::vector<std::string> names(std::size_t count, const char* name = "From") {
  return std::vector<std::string>(count, name);
}

const Case kSignatures[] = {
    {"five_hundred_signatures",
     [](Attack& a) {
       a.message.fields.insert(a.message.fields.begin(), 500, test::sign(a.message, ed25519_key()));
     },
     "10 x pass | 490 x policy: too many signatures"},
    {"five_hundred_keys",
     [](Attack& a) {
       for (int i = 0; i < 500; ++i) a.sign({.selector = "s" + std::to_string(i)});
     },
     "10 x permerror: no key for signature | 490 x policy: too many signatures"},
    {"five_hundred_broken_ones_hide_no_good_one_within_the_limit",
     [](Attack& a) {
       for (int i = 0; i < 500; ++i) a.message.fields.push_back({"DKIM-Signature", " v=1"});
       a.sign();
     },
     "pass | 9 x permerror: no d= tag | 491 x policy: too many signatures"},
    {"h_of_100_kb", [](Attack& a) { a.sign({.headers = names(20000)}); },
     "permerror: tag list is longer than 32768 octets"},
    {"h_of_1000_names", [](Attack& a) { a.sign({.headers = names(1000)}); }, "pass"},
    {"h_of_1001_names", [](Attack& a) { a.sign({.headers = names(1001)}); },
     "permerror: h= holds more than 1000 names"},
    {"h_of_nothing", [](Attack& a) { a.signature("i=@example.com; h="); },
     "permerror: tag h= stands twice"},
    {"h_with_empty_name",
     [](Attack& a) {
       a.sign({.headers = {"From", "", "To"}});
     },
     "permerror: h= holds a name that cannot be a header field's"},
    {"h_without_from_rfc6376_5_4",
     [](Attack& a) {
       a.sign({.headers = {"To", "Subject"}});
     },
     "permerror: h= does not name From"},
    {"tag_twice_rfc6376_3_2", [](Attack& a) { a.sign({.extra = "; d=example.org"}); },
     "permerror: tag d= stands twice"},
    {"a_thousand_tags",
     [](Attack& a) {
       std::string extra;
       for (int i = 0; i < 1000; ++i) extra += "; t" + std::to_string(i) + "=x";
       a.sign({.extra = extra});
     },
     "permerror: more than 64 tags"},
    {"nul_in_a_tag", [](Attack& a) { a.sign({.extra = std::string("; y=a\0b", 7)}); },
     "permerror: control character in tag y="},
    {"no_tag_at_all", [](Attack& a) { a.front("DKIM-Signature", ""); },
     "permerror: tag list is empty"},
    {"i_outside_d_rfc6376_3_5", [](Attack& a) { a.sign({.extra = "; i=anna@example.org"}); },
     "permerror: i= is not within d="},
    {"i_ends_like_d", [](Attack& a) { a.sign({.extra = "; i=anna@badexample.com"}); },
     "permerror: i= is not within d="},
    {"i_above_d", [](Attack& a) { a.sign({.extra = "; i=anna@com"}); },
     "permerror: i= is not within d="},
    {"l_0_rfc6376_8_2", [](Attack& a) { a.sign({.length = 0}); }, "policy: l=0 signs no body"},
    {"l_0_and_another_body",
     [](Attack& a) {
       a.sign({.length = 0});
       a.message.body = "buy now\r\n";
     },
     "policy: l=0 signs no body"},
    {"l_below_the_body",
     [](Attack& a) {
       a.sign({.length = 29});
       a.message.body += "buy now\r\n";
     },
     "policy: l= signs 29 of 42 octets of the body"},
    {"l_beyond_the_body",
     [](Attack& a) {
       a.sign({.length = 29});
       a.message.body = "Hello\r\n";
     },
     "fail: l= is larger than the body"},
    {"l_of_20_digits", [](Attack& a) { a.signature("l=18446744073709551616"); },
     "permerror: l=18446744073709551616 is not a length"},
    {"l_below_zero", [](Attack& a) { a.signature("l=-1"); }, "permerror: l=-1 is not a length"},
    {"ten_lengths",
     [](Attack& a) {
       for (std::size_t i = 10; i > 0; --i) a.sign({.length = i});
     },
     "policy: l= signs 1 of 29 octets of the body | policy: l= signs 2 of 29 octets of the body | "
     "policy: l= signs 3 of 29 octets of the body | policy: l= signs 4 of 29 octets of the body | "
     "policy: l= signs 5 of 29 octets of the body | policy: l= signs 6 of 29 octets of the body | "
     "4 x policy: too many different l= in one message"},
    {"x_not_after_t_rfc6376_3_5",
     [](Attack& a) { a.sign({.extra = "; t=1767225600; x=1767225600"}); },
     "permerror: x= is not later than t="},
    {"t_far_in_the_future", [](Attack& a) { a.sign({.extra = "; t=999999999999"}); },
     "policy: signature timestamp is in the future"},
    {"b_is_no_base64", [](Attack& a) { a.front("DKIM-Signature", " v=1; b=!!"); },
     "permerror: no d= tag"},
    {"b_of_three_octets",
     [](Attack& a) {
       a.sign();
       std::string& value = a.message.fields.front().value;
       value.replace(value.find("b=", value.find("bh=") + 3), std::string::npos, "b=QUJD");
     },
     "fail: signature does not match"},
    {"d_is_a_top_level_domain", [](Attack& a) { a.sign({.domain = "com"}); },
     "policy: d= is a top-level domain"},
    {"d_with_an_empty_label", [](Attack& a) { a.sign({.domain = "example..com"}); },
     "permerror: d=example..com is not a domain name"},
    {"d_of_300_octets",
     [](Attack& a) {
       std::string name = "com";
       while (name.size() < 300) name = "aaaaaaaaa." + name;
       a.sign({.domain = name});
     },
     "permerror: d=aaaaaaaaa.aaaaaaaaa.aaaaaaaaa.aaaaaaaaa.... is not a domain name"},
    {"d_of_broken_utf8_rfc8616", [](Attack& a) { a.sign({.domain = "b\xc3.example"}); },
     "permerror: d=b\\xc3.example is not a domain name"},
    {"selector_with_a_label_of_64", [](Attack& a) { a.sign({.selector = std::string(64, 's')}); },
     "permerror: s=ssssssssssssssssssssssssssssssssssssssss... is not a selector"},
};

const Case kMessages[] = {
    {"no_from_rfc6376_6_1_1",
     [](Attack& a) {
       a.sign();
       std::erase_if(a.message.fields, [](const auto& field) { return field.name == "From"; });
     },
     "permerror: message has no From field"},
    {"second_from_on_top_rfc6376_8_15",
     [](Attack& a) {
       a.sign();
       a.front("From", " evil@example.org");
     },
     "policy: message has 2 From fields, 1 signed"},
    {"second_from_below",
     [](Attack& a) {
       a.sign();
       a.message.fields.push_back({"From", " evil@example.org"});
     },
     "fail: signature does not match"},
    {"second_from_with_blank_before_the_colon",
     [](Attack& a) {
       a.sign();
       a.front("From ", " evil@example.org");
     },
     "policy: message has 2 From fields, 1 signed"},
    {"second_from_against_oversigning",
     [](Attack& a) {
       a.sign({.headers = {"From", "From"}});
       a.front("From", " evil@example.org");
     },
     "fail: signature does not match"},
    {"field_without_colon",
     [](Attack& a) {
       a.sign();
       a.front("this line has no colon", "");
     },
     "pass"},
    {"field_without_a_name",
     [](Attack& a) {
       a.sign();
       a.front("", " x");
     },
     "pass"},
    {"bare_lf_in_the_body",
     [](Attack& a) {
       a.sign();
       std::erase(a.message.body, '\r');
     },
     "pass"},
    {"bare_lf_hides_a_line",
     [](Attack& a) {
       a.sign();
       a.message.body += "\nbuy now\n";
     },
     "fail: body hash does not match"},
    {"bare_cr_is_no_line_end",
     [](Attack& a) {
       a.sign();
       a.message.body += "\rbuy now";
     },
     "fail: body hash does not match"},
    {"bare_lf_in_a_signed_field",
     [](Attack& a) {
       a.message.fields.push_back({"X-Note", " one\n two"});
       a.sign({.headers = {"From", "X-Note"}});
     },
     "pass"},
    {"nul_in_a_signed_field",
     [](Attack& a) {
       a.message.fields.push_back({"X-Note", std::string(" a\0b", 4)});
       a.sign({.headers = {"From", "X-Note"}});
       a.message.fields.back().value = std::string(" a\0c", 4);
     },
     "fail: signature does not match"},
    {"field_of_100_kb",
     [](Attack& a) {
       a.message.fields.push_back({"X-Note", std::string(100000, 'x')});
       a.sign({.headers = {"From", "X-Note"}});
     },
     "pass"},
    {"twenty_thousand_fields_and_1000_names",
     [](Attack& a) {
       for (int i = 0; i < 20000; ++i) a.message.fields.push_back({"X-Filler", " x"});
       auto list = names(999, "X-Filler");
       list.emplace_back("From");
       for (int i = 0; i < 10; ++i) a.sign({.headers = list});
     },
     "10 x pass"},
    {"one_field_too_many",
     [](Attack& a) {
       a.sign();
       for (int i = 0; i < 100000; ++i) a.message.fields.push_back({"X", ""});
     },
     "policy: message has more than 100000 header fields"},
    {"header_of_9_mb",
     [](Attack& a) {
       a.sign();
       a.message.fields.push_back({"X-Note", std::string(9U << 20, 'x')});
     },
     "policy: header is larger than 8388608 octets"},
    {"empty_message_without_body",
     [](Attack& a) {
       a.message.body.clear();
       a.sign();
     },
     "pass"},
};

const Case kKeys[] = {
    {"record_of_16_kb",
     [](Attack& a) {
       a.sign();
       a.key(padded(ed25519_key().record(), 16384));
     },
     "permerror: tag list is longer than 4096 octets"},
    {"p_of_16_kb",
     [](Attack& a) {
       a.sign();
       a.key("p=" + std::string(16384, 'A'));
     },
     "permerror: tag list is longer than 4096 octets"},
    {"rsa_of_16384_bits",
     [](Attack& a) {
       add_signature(a.message, rsa_key());
       a.key("p=" + invented_rsa_key(16384));
     },
     "permerror: RSA key has 16384 bits, at most 8192 are read"},
    {"rsa_of_8192_bits_that_signed_nothing",
     [](Attack& a) {
       add_signature(a.message, rsa_key());
       a.key("p=" + invented_rsa_key(8192));
     },
     "fail: signature does not match"},
    {"txt_in_200_pieces",
     [](Attack& a) {
       a.sign();
       a.packet({{kKeyName, 16, 300,
                  testing::wire_strings(pieces_of(padded(ed25519_key().record(), 400), 200))}});
     },
     "pass"},
    {"txt_in_200_pieces_of_255",
     [](Attack& a) {
       a.sign();
       a.packet({{kKeyName, 16, 300,
                  testing::wire_strings(pieces_of(padded(ed25519_key().record(), 51000), 200))}});
     },
     "permerror: tag list is longer than 4096 octets"},
    {"txt_of_empty_pieces",
     [](Attack& a) {
       a.sign();
       a.packet({{kKeyName, 16, 300, testing::wire_strings(std::vector<std::string>(200))}});
     },
     "permerror: tag list is empty"},
    {"two_hundred_txt_records_one_of_them_a_key",
     [](Attack& a) {
       a.sign();
       std::vector<testing::WireRecord> records;
       for (int i = 0; i < 199; ++i)
         records.push_back({kKeyName, 16, 300, testing::wire_strings({"v=spf1 -all"})});
       records.push_back({kKeyName, 16, 300, testing::wire_strings({ed25519_key().record()})});
       a.packet(std::move(records));
     },
     "pass"},
    {"cname_loop",
     [](Attack& a) {
       a.sign();
       a.packet({{kKeyName, 5, 300, testing::wire_name("a.example")},
                 {"a.example", 5, 300, testing::wire_name(kKeyName)}});
     },
     "temperror: key query: lying (its CNAMEs go in a circle)"},
    {"cname_to_itself",
     [](Attack& a) {
       a.sign();
       a.packet({{kKeyName, 5, 300, testing::wire_name(kKeyName)}});
     },
     "temperror: key query: lying (its CNAMEs go in a circle)"},
    {"cname_to_nothing",
     [](Attack& a) {
       a.sign();
       a.packet({{kKeyName, 5, 300, testing::wire_name("a.example")}});
     },
     "permerror: no key for signature"},
    {"servfail_is_not_no_key_rfc6376_6_1_2",
     [](Attack& a) {
       a.sign();
       a.dns[kKeyName] = dns::empty_answer(dns::Status::servfail);
     },
     "temperror: key query: servfail"},
    {"control_characters_in_the_record",
     [](Attack& a) {
       a.sign();
       a.key(ed25519_key().record() + "; n=\x1b[2J");
     },
     "permerror: control character in tag n="},
    {"ed25519_key_of_31_octets",
     [](Attack& a) {
       a.sign();
       a.key("k=ed25519; p=" + base64_encode(std::string(31, 'k')));
     },
     "permerror: ed25519 key has 31 octets, expected 32"},
    {"ed25519_key_of_zeros",
     [](Attack& a) {
       a.sign();
       a.key("k=ed25519; p=" + base64_encode(std::string(32, '\0')));
     },
     "fail: signature does not match"},
};

/// "pass | 490 x policy: too many signatures"
std::string collapsed(const std::vector<SignatureResult>& results) {
  std::string text;
  for (std::size_t i = 0; i < results.size();) {
    const std::string one = summary({results[i]});
    std::size_t end = i;
    while (end < results.size() && summary({results[end]}) == one) ++end;
    if (!text.empty()) text += " | ";
    if (end - i > 1) text += std::to_string(end - i) + " x ";
    text += one;
    i = end;
  }
  return text.empty() ? "none" : text;
}

class Hostile : public ::testing::TestWithParam<Case> {};

TEST_P(Hostile, ResultReasonAndCost) {
  Attack attack;
  GetParam().arrange(attack);
  Verifier verifier(library(), {}, kNow);
  Answers answers(kNow);
  std::uint64_t header = 0;
  for (const auto& field : attack.message.fields) {
    header += field.name.size() + field.value.size() + 3;
    if (const auto query = verifier.header(field)) answers.add(*query, attack.answer(*query));
  }
  ASSERT_TRUE(verifier.end_of_headers().ok());
  verifier.body(attack.message.body);
  const auto results = verifier.finish(answers);
  ASSERT_TRUE(results.ok()) << results.error().text();
  EXPECT_EQ(collapsed(*results), GetParam().expected);
  for (const SignatureResult& result : *results)
    EXPECT_EQ(result.reason.empty(), result.outcome == Outcome::pass);

  const VerifyOptions options;
  const VerifyCost cost = verifier.cost();
  EXPECT_LE(cost.key_questions, options.max_signatures);
  EXPECT_LE(cost.verifications, options.max_signatures);
  // A bare LF counts as CRLF, hence twice.
  EXPECT_LE(cost.header_octets, 2 * header * options.max_signatures);
  EXPECT_LE(cost.body_octets,
            (2 * attack.message.body.size() + 2) * (2 * Verifier::kMaxBodyForms + 2));
}

const auto kName = [](const auto& row) { return std::string(row.param.name); };
INSTANTIATE_TEST_SUITE_P(Signatures, Hostile, ::testing::ValuesIn(kSignatures), kName);
INSTANTIATE_TEST_SUITE_P(Messages, Hostile, ::testing::ValuesIn(kMessages), kName);
INSTANTIATE_TEST_SUITE_P(Keys, Hostile, ::testing::ValuesIn(kKeys), kName);

// The figures themselves, so that a change of them is seen.
TEST(HostileCost, IsThatOfTenSignaturesWhenThereAreFiveHundred) {
  const auto cost_of = [](int signatures) {
    Attack attack;
    const auto field = test::sign(attack.message, ed25519_key());
    attack.message.fields.insert(attack.message.fields.begin(),
                                 static_cast<std::size_t>(signatures), field);
    Verifier verifier(library(), {}, kNow);
    Answers answers(kNow);
    for (const auto& each : attack.message.fields) {
      if (const auto query = verifier.header(each)) answers.add(*query, attack.answer(*query));
    }
    EXPECT_TRUE(verifier.end_of_headers().ok());
    verifier.body(attack.message.body);
    EXPECT_TRUE(verifier.finish(answers).ok());
    return verifier.cost();
  };
  EXPECT_EQ(cost_of(500), cost_of(10));
  EXPECT_EQ(cost_of(500).key_questions, 1U);
  EXPECT_EQ(cost_of(500).verifications, 10U);
  EXPECT_EQ(cost_of(500).body_octets, sample_message().body.size()) << "one form, hashed once";
  EXPECT_EQ(cost_of(0), VerifyCost());
}

TEST(HostileCost, NothingIsHashedForWhatCannotPass) {
  Attack attack;
  for (int i = 0; i < 10; ++i) attack.sign({.extra = "; x=1700000000"});
  Verifier verifier(library(), {}, kNow);
  for (const auto& field : attack.message.fields) verifier.header(field);
  ASSERT_TRUE(verifier.end_of_headers().ok());
  EXPECT_FALSE(verifier.wants_body());
  verifier.body(attack.message.body);
  ASSERT_TRUE(verifier.finish(Answers(kNow)).ok());
  EXPECT_EQ(verifier.cost(), VerifyCost());
}

// A line without a colon as the command line reads it from a file: the header ends there
// (RFC 5322 section 2.2), what follows is body, and the body is not what was signed.
TEST(HostileFile, LineWithoutColonEndsTheHeader) {
  Attack attack;
  attack.sign();
  const std::string text = to_text(attack.message);
  const std::size_t at = text.find("Subject:");
  for (const auto& [raw, expected] :
       {std::pair{text, "pass"},
        std::pair{text.substr(0, at) + "no colon here\r\n" + text.substr(at),
                  "fail: body hash does not match"}}) {
    const auto parsed = mail::parse_message(raw);
    const Message message{{parsed.fields.begin(), parsed.fields.end()}, std::string(parsed.body)};
    EXPECT_EQ(summary(verify(message, zone_of(ed25519_key()))), expected);
  }
}

}  // namespace
}  // namespace gatepost::dkim
