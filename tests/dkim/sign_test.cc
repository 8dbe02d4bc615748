// What we sign: it verifies with our own verifier and with libopendkim's, it covers what it should
// and nothing else, and its field has the right form.

#include "dkim/sign.h"

#include <thread>

#include "core/base/text.h"
#include "dkim/signature.h"
#include "tests/dkim/dkim_test.h"
#include "tests/dkim/oracle.h"

namespace gatepost::dkim {
namespace {

using namespace test;

std::shared_ptr<const PrivateKey> made(KeyType type, int bits) {
  auto key = PrivateKey::generate(type, bits);
  EXPECT_TRUE(key);
  return *key;
}
const std::shared_ptr<const PrivateKey>& rsa() {
  static const auto key = made(KeyType::rsa, 2048);
  return key;
}
const std::shared_ptr<const PrivateKey>& ed25519() {
  static const auto key = made(KeyType::ed25519, 0);
  return key;
}

SigningKey key_of(const std::shared_ptr<const PrivateKey>& key, const char* selector = "test") {
  return {"example.com", selector, key, false};
}

Zone zone_for(const std::vector<SigningKey>& keys) {
  Zone zone;
  for (const auto& key : keys) zone[key.selector + "._domainkey." + key.domain] = key.key->record();
  return zone;
}

Result<std::vector<NewSignature>> sign_message(const Message& message,
                                               const std::vector<SigningKey>& keys,
                                               const dkim::SignOptions& options = {},
                                               std::size_t chunk = 65535) {
  auto signer = Signer::begin(message.fields, keys, options, kNow);
  if (!signer) return signer.error();
  for (std::string_view body = message.body; !body.empty();) {
    signer->body(body.substr(0, chunk));
    body.remove_prefix(std::min(chunk, body.size()));
  }
  return signer->finish();
}

/// The field as an MTA writes it.
mail::HeaderField field_of(const NewSignature& signature) {
  std::string value = " ";
  for (const char c : signature.value) value += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return {"DKIM-Signature", value};
}

Message signed_message(Message message, const std::vector<SigningKey>& keys,
                       const dkim::SignOptions& options = {}, std::size_t chunk = 65535) {
  const auto signatures = sign_message(message, keys, options, chunk);
  EXPECT_TRUE(signatures) << (signatures ? "" : signatures.error().text());
  if (!signatures) return message;
  for (const auto& signature : *signatures)
    message.fields.insert(message.fields.begin(), field_of(signature));
  return message;
}

struct RoundTrip {
  const char* name;
  bool is_rsa;
  Canonicalization header_form, body_form;
  const char* body;
};

std::vector<RoundTrip> round_trips() {
  using enum Canonicalization;
  std::vector<RoundTrip> list;
  for (const bool is_rsa : {true, false}) {
    for (const auto header : {simple, relaxed}) {
      for (const auto body : {simple, relaxed}) {
        for (const char* text :
             {"", "\r\n", "a", "Hello  Bo,\r\n\r\nshall we\t walk? \r\n\r\n\r\n", "no line end ",
              " \r\n\t\r\n", "bare\nline\nfeeds\n\n", "bare\rreturn\r\n", "8 bit \xe4\xf6\xfc\r\n"})
          list.push_back({"", is_rsa, header, body, text});
      }
    }
  }
  return list;
}

TEST(Sign, VerifiesHereAndInLibopendkim) {
  Oracle oracle;
  for (const RoundTrip& row : round_trips()) {
    Message message = sample_message();
    message.body = row.body;
    dkim::SignOptions options;
    options.header_form = row.header_form;
    options.body_form = row.body_form;
    const std::vector<SigningKey> keys = {key_of(row.is_rsa ? rsa() : ed25519())};
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{65535}}) {
      Message sent = signed_message(message, keys, options, chunk);
      const std::string shown = std::string(to_string(row.header_form)) + "/" +
                                to_string(row.body_form) + " " + printable(row.body);
      EXPECT_EQ(summary(verify(sent, zone_for(keys))), "pass") << shown;
      // The library wants the wire's line ends, as an MTA would send it on.
      Message wire = parse_message(to_text(sent));
      if (!wire.body.empty() && !wire.body.ends_with("\r\n")) wire.body += "\r\n";
      // libopendkim leaves a bare CR out of the relaxed form, against RFC 6376 section 3.4.4.
      const bool differs = row.body_form == Canonicalization::relaxed &&
                           std::string_view(row.body).find("bare\r") == 0;
      EXPECT_EQ(oracle.verify(wire, zone_for(keys)), std::vector<bool>{!differs}) << shown;
    }
  }
}

TEST(Sign, OneSignatureForEachKey) {
  const std::vector<SigningKey> keys = {key_of(rsa(), "r"), key_of(ed25519(), "e")};
  const Message sent = signed_message(sample_message(), keys);
  const auto results = verify(sent, zone_for(keys));
  EXPECT_EQ(summary(results), "pass | pass");
  EXPECT_EQ(results[0].algorithm, "ed25519-sha256");
  EXPECT_EQ(results[1].algorithm, "rsa-sha256");
  EXPECT_EQ(results[1].domain, "example.com");
  EXPECT_EQ(results[1].selector, "r");
}

// What happens to a message on its way, and whether the signature survives it.
struct Change {
  const char* name;
  void (*change)(Message&);
  const char* result;
};

void add(Message& message, const char* name, const char* value) {
  message.fields.push_back({name, value});
}
void add_on_top(Message& message, const char* name, const char* value) {
  message.fields.insert(message.fields.begin() + 1, {name, value});
}

constexpr char kNoMatch[] = "fail: signature does not match";

const Change kChanges[] = {
    {"body_altered", [](Message& m) { m.body[0] = 'h'; }, "fail: body hash does not match"},
    {"body_extended", [](Message& m) { m.body += "more\r\n"; }, "fail: body hash does not match"},
    {"body_blank_lines_at_the_end", [](Message& m) { m.body += "\r\n\r\n"; }, "pass"},
    {"subject_altered", [](Message& m) { m.fields[3].value = " [list] A day"; }, kNoMatch},
    {"subject_folded_again", [](Message& m) { m.fields[3].value = " A day\r\n out"; }, "pass"},
    {"from_altered", [](Message& m) { m.fields[1].value = " eve@example.com"; }, kNoMatch},
    {"second_from_on_top_rfc6376_8_15",
     [](Message& m) { add_on_top(m, "From", " eve@example.com"); }, kNoMatch},
    {"second_subject_on_top", [](Message& m) { add_on_top(m, "Subject", " Win"); }, kNoMatch},
    {"second_list_unsubscribe_rfc8058",
     [](Message& m) { add_on_top(m, "List-Unsubscribe", " <https://evil.example/>"); }, kNoMatch},
    {"reply_to_added_by_a_list", [](Message& m) { add(m, "Reply-To", " list@x.example"); }, "pass"},
    {"list_id_added_by_a_list", [](Message& m) { add(m, "List-Id", " <x.example>"); }, "pass"},
    {"second_from_at_the_end", [](Message& m) { add(m, "From", " eve@example.com"); }, kNoMatch},
    {"list_unsubscribe_altered_rfc8058",
     [](Message& m) { m.fields[5].value = " <https://evil.example/>"; }, kNoMatch},
    {"list_unsubscribe_post_removed", [](Message& m) { m.fields.erase(m.fields.begin() + 6); },
     kNoMatch},
    // What an MTA adds when it is missing, and what every hop adds.
    {"message_id_added", [](Message& m) { add(m, "Message-ID", " <1@example.com>"); }, "pass"},
    {"sender_added", [](Message& m) { add(m, "Sender", " bo@example.com"); }, "pass"},
    {"mime_version_added", [](Message& m) { add(m, "MIME-Version", " 1.0"); }, "pass"},
    {"received_added", [](Message& m) { add_on_top(m, "Received", " from a by b; now"); }, "pass"},
    {"results_added",
     [](Message& m) { add_on_top(m, "Authentication-Results", " a.example; none"); }, "pass"},
    {"spam_status_altered", [](Message& m) { m.fields[7].value = " Yes"; }, "pass"},
    {"results_removed", [](Message& m) { m.fields.erase(m.fields.begin() + 8); }, "pass"},
};

class OnTheWay : public testing::TestWithParam<Change> {};

TEST_P(OnTheWay, SurvivesOrNot) {
  Message message = sample_message();
  add(message, "List-Unsubscribe", " <https://example.com/u>");
  add(message, "List-Unsubscribe-Post", " List-Unsubscribe=One-Click");
  add(message, "X-Spam-Status", " No");
  add(message, "Authentication-Results", " mx.example.com; none");
  const std::vector<SigningKey> keys = {key_of(ed25519())};
  Message sent = signed_message(message, keys);
  ASSERT_EQ(summary(verify(sent, zone_for(keys))), "pass");
  GetParam().change(sent);
  EXPECT_EQ(summary(verify(sent, zone_for(keys))), GetParam().result);
}
INSTANTIATE_TEST_SUITE_P(Sign, OnTheWay, testing::ValuesIn(kChanges),
                         [](const auto& row) { return row.param.name; });

std::string signed_names(const std::vector<mail::HeaderField>& fields,
                         Oversign mode = Oversign::list_safe) {
  dkim::SignOptions options;
  options.oversign = mode;
  const auto signatures = sign_message({fields, "x\r\n"}, {key_of(ed25519())}, options);
  if (!signatures) return signatures.error().text();
  std::string names;
  for (const auto& name : parse_signature(field_of(signatures->at(0)).value).fields.signed_headers)
    names += (names.empty() ? "" : ":") + name;
  return names;
}

TEST(Sign, NamesWhatIsPresentAndMostOnceMore) {
  EXPECT_EQ(signed_names({{"From", " a@example.com"}}), "from:from");
  EXPECT_EQ(signed_names({{"Received", " x"},
                          {"Subject", " x"},
                          {"from ", " a@example.com"},
                          {"DKIM-Signature", " v=1"},
                          {"X-Spam-Flag", " NO"},
                          {"Return-Path", " <a@example.com>"},
                          {"Authentication-Results", " x"},
                          {"TO", " b@example.com"},
                          {"Bcc", " c@example.com"}}),
            "from:from:to:to:subject:subject");
  EXPECT_EQ(
      signed_names({{"From", " a@example.com"}, {"Sender", " b@example.com"}, {"List-Id", " x"}}),
      "from:from:sender:list-id")
      << "what lists set may be there twice";
}

TEST(Sign, OversignsInThreeModes) {
  const std::vector<mail::HeaderField> bare = {{"From", " a@example.com"}};
  const std::vector<mail::HeaderField> usual = {
      {"From", " a@example.com"}, {"Date", " x"}, {"Subject", " x"}, {"List-Unsubscribe", " <x>"}};
  EXPECT_EQ(signed_names(bare, Oversign::none), "from");
  EXPECT_EQ(signed_names(usual, Oversign::none), "from:subject:date:list-unsubscribe");
  EXPECT_EQ(signed_names(bare, Oversign::list_safe), "from:from");
  EXPECT_EQ(signed_names(usual, Oversign::list_safe),
            "from:from:subject:subject:date:date:list-unsubscribe:list-unsubscribe");
  const std::string all = signed_names(bare, Oversign::all);
  EXPECT_TRUE(all.starts_with("from:from:cc:subject:reply-to:")) << all;
  for (const char* never : {":date", ":message-id", ":sender", ":to", ":resent-"})
    EXPECT_EQ(all.find(never), std::string::npos) << never << " " << all;
  EXPECT_NE(signed_names(usual, Oversign::all).find(":date:date:"), std::string::npos)
      << "present, it is bound";
}

struct AbsentCase {
  const char* added;       ///< behind the signature
  const char* results[3];  ///< none, list_safe, all
};

TEST(Sign, AbsentFieldsMayBeAddedByMode) {
  const AbsentCase rows[] = {{"Date", {"pass", "pass", "pass"}},
                             {"Message-ID", {"pass", "pass", "pass"}},
                             {"Sender", {"pass", "pass", "pass"}},
                             {"To", {"pass", "pass", "pass"}},
                             {"Resent-Date", {"pass", "pass", "pass"}},
                             {"Reply-To", {"pass", "pass", kNoMatch}},
                             {"Subject", {"pass", "pass", kNoMatch}},
                             {"Content-Type", {"pass", "pass", kNoMatch}},
                             {"List-Unsubscribe", {"pass", "pass", kNoMatch}},
                             {"From", {"pass", kNoMatch, kNoMatch}}};
  const std::vector<SigningKey> keys = {key_of(ed25519())};
  for (const AbsentCase& row : rows) {
    for (int mode = 0; mode < 3; ++mode) {
      dkim::SignOptions options;
      options.oversign = static_cast<Oversign>(mode);
      Message sent = signed_message({{{"From", " a@example.com"}}, "x\r\n"}, keys, options);
      add_on_top(sent, row.added, " eve@example.com");
      const std::string result = summary(verify(sent, zone_for(keys)));
      // Two From fields are refused by our own police, signed or not.
      if (std::string_view(row.added) == "From")
        EXPECT_NE(result, "pass");
      else
        EXPECT_EQ(result, row.results[mode]) << row.added << " " << mode;
    }
  }
}

TEST(Sign, IdentityStandsInTheField) {
  SigningKey key = key_of(ed25519());
  key.identity = "@news.example.com";
  const Message sent = signed_message(sample_message(), {key});
  const auto results = verify(sent, zone_for({key}));
  EXPECT_EQ(summary(results), "pass");
  EXPECT_EQ(results[0].identity, "@news.example.com");
}

TEST(Sign, SignsEachFieldOfANameUpToTheLimit) {
  std::vector<mail::HeaderField> fields = {{"From", " a@example.com"}, {"To", " b"}, {"To", " c"}};
  EXPECT_EQ(signed_names(fields), "from:from:to:to:to");
  for (int i = 0; i < 5000; ++i) fields.push_back({"To", " x@example.com"});
  const std::string names = signed_names(fields);
  EXPECT_EQ(static_cast<std::size_t>(std::count(names.begin(), names.end(), ':')),
            2 + Signer::kMaxInstances);
  const std::vector<SigningKey> keys = {key_of(ed25519())};
  EXPECT_EQ(summary(verify(signed_message({fields, "x\r\n"}, keys), zone_for(keys))), "pass");
}

TEST(Sign, NeedsAFrom) {
  EXPECT_EQ(signed_names({{"To", " a@example.com"}}), "message has no From field");
}

TEST(Sign, FieldIsFoldedBelow78ColumnsAndHasNoBodyLength) {
  Message message = sample_message();
  for (const auto& name : list_safe_headers()) {
    if (name != "From") message.fields.push_back({name, " x"});
  }
  dkim::SignOptions options;
  options.lifetime = 86400;
  for (const auto& key : {rsa(), ed25519()}) {
    const auto signatures = sign_message(message, {key_of(key)}, options);
    ASSERT_TRUE(signatures);
    const std::string& value = signatures->at(0).value;
    std::size_t before = std::string_view("DKIM-Signature: ").size();
    for (const auto line : split(value, '\n')) {
      const std::size_t tabs = line.starts_with('\t') ? 7 : 0;
      EXPECT_LT(before + tabs + line.size(), 78U) << line;
      EXPECT_FALSE(trim(line).empty());
      EXPECT_TRUE(before > 0 || line.starts_with('\t')) << line;
      before = 0;
    }
    EXPECT_EQ(value.find('\r'), std::string::npos);
    const auto parsed = parse_signature(value);
    ASSERT_TRUE(parsed.ok()) << parsed.problem;
    EXPECT_EQ(parsed.fields.timestamp, kNow);
    EXPECT_EQ(parsed.fields.expiration, kNow + 86400);
    EXPECT_FALSE(parsed.fields.body_length);
    EXPECT_EQ(parsed.fields.header_form, Canonicalization::relaxed);
    EXPECT_EQ(parsed.fields.body_form, Canonicalization::relaxed);
  }
}

TEST(Sign, HasNoExpiryUnlessAskedFor) {
  const auto signatures = sign_message(sample_message(), {key_of(ed25519())});
  ASSERT_TRUE(signatures);
  EXPECT_FALSE(parse_signature(signatures->at(0).value).fields.expiration);
}

TEST(Sign, LongNamesStayWhole) {
  std::string domain = "example.com";
  while (domain.size() < 190) domain = std::string(60, 'a') + "." + domain;
  const std::vector<SigningKey> keys = {{domain, std::string(63, 's'), ed25519(), false}};
  EXPECT_EQ(summary(verify(signed_message(sample_message(), keys), zone_for(keys))), "pass");
}

// Which keys sign for an author domain.
struct Lookup {
  const char* author;
  const char* selectors;
};

TEST(SigningKeys, AreThoseOfTheClosestDomain) {
  const SigningKeys keys({{"our.example", "a", ed25519(), false},
                          {"our.example", "b", ed25519(), true},
                          {"deep.our.example", "c", ed25519(), false},
                          {"example", "d", ed25519(), true},
                          {"shop.example", "e", ed25519(), false}},
                         {});
  const Lookup rows[] = {{"our.example", "ab"},
                         {"OUR.Example", "ab"},
                         {"news.our.example", "b"},
                         {"x.deep.our.example", "b"},
                         {"deep.our.example", "c"},
                         {"other.example", "d"},
                         {"shop.example", "e"},
                         {"x.shop.example", "d"},
                         {"notour.example", "d"},
                         {"our.example.net", ""},
                         {"", ""},
                         {"[192.0.2.1]", ""}};
  for (const Lookup& row : rows) {
    std::string found;
    for (const SigningKey& key : keys.keys_for(row.author)) found += key.selector;
    EXPECT_EQ(found, row.selectors) << row.author;
  }
}

TEST(Sign, OneKeyServesSeveralThreads) {
  const std::vector<SigningKey> keys = {key_of(rsa(), "r"), key_of(ed25519(), "e")};
  std::vector<std::thread> threads;
  std::vector<std::string> results(4);
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 5; ++n)
        results[i] = summary(verify(signed_message(sample_message(), keys), zone_for(keys)));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, "pass | pass");
}

}  // namespace
}  // namespace gatepost::dkim
