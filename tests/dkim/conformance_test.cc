// Signed messages made by others.

#include <fstream>
#include <iterator>
#include <string>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "dkim/header_hash.h"
#include "tests/dkim/dkim_test.h"
#include "tests/support/shared_data.h"

namespace gatepost::dkim {
namespace {

using namespace test;
using gatepost::test::shared_data;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Zone read_zone(const std::filesystem::path& path) {
  Zone zone;
  const auto json = nlohmann::json::parse(read(path));
  for (const auto& [name, value] : json.items()) {
    if (value.is_string()) {
      zone[name] = value.get<std::string>();
    } else {
      zone[name] = value.contains("txt") ? value["txt"].get<std::string>() : "!timeout";
    }
  }
  return zone;
}

TEST(Conformance, Rfc6376AppendixA) {
  const auto folder = shared_data("conformance/dkim/rfc6376-appendix-a");
  if (!folder) GTEST_SKIP() << "no shared test data";
  const Zone zone = read_zone(*folder / "dns.json");
  const auto printed = parse_message(read(*folder / "message-as-printed.eml"));
  EXPECT_EQ(summary(verify(printed, zone)), "fail: body hash does not match");
  const auto results = verify(parse_message(read(*folder / "message-one-space.eml")), zone);
  EXPECT_EQ(summary(results), "pass");
  EXPECT_EQ(results.at(0).identity, "joe@football.example.com");
}

TEST(Conformance, Rfc8463AppendixA) {
  const auto folder = shared_data("conformance/dkim/rfc8463-appendix-a");
  if (!folder) GTEST_SKIP() << "no shared test data";
  const Zone zone = read_zone(*folder / "dns.json");
  auto message = parse_message(read(*folder / "message.eml"));
  const auto results = verify(message, zone);
  EXPECT_EQ(summary(results), "pass | pass");
  message.body += "x\r\n";
  EXPECT_EQ(summary(verify(message, zone)),
            "fail: body hash does not match | fail: body hash does not match");
}

TEST(Conformance, Dkimpy) {
  const auto folder = shared_data("conformance/dkim/dkimpy-rfc6376");
  const auto keys = shared_data("conformance/dkim/rfc8463-appendix-a/dns.json");
  if (!folder || !keys) GTEST_SKIP() << "no shared test data";
  const Zone zone = read_zone(*keys);  // the messages are signed with the keys of that RFC
  for (const auto& [name, expected] :
       {std::pair{"rfc6376.msg", "none"}, std::pair{"rfc6376.w1258.msg", "none"},
        std::pair{"rfc6376.signed.msg", "pass | pass"},
        std::pair{"rfc6376.signed.rsa.msg", "pass"}}) {
    EXPECT_EQ(summary(verify(parse_message(read(*folder / name)), zone)), expected) << name;
  }
}

/// What each message of the set is by the rules of today. Upstream's own expectation stands in
/// expected.json, with `today` where its "pass" cannot be one any more (RFC 6376, RFC 8301).
const std::map<std::string, std::string> kMailDkim = {
    {"bad_1.txt", "permerror: no v= tag"},
    {"bad_ietf01_2.txt", "permerror: no v= tag"},
    {"badkey2_ed25519.txt", "fail: signature does not match"},
    {"badkey5_ed25519.txt", "permerror: \"\": tag without '='"},
    {"badkey_11.txt", "permerror: key does not allow sha256 (h=)"},
    {"badkey_14.txt", "permerror: rsa-sha1 is historic"},
    {"badkey_3.txt", "permerror: v=0.5 is not 1"},
    {"badkey_6.txt", "permerror: v=0.5 is not 1"},
    {"badkey_9.txt", "permerror: rsa-sha1 is historic"},
    {"good_ietf01_1.txt", "permerror: no v= tag"},
    {"good_qp_2.txt", "permerror: rsa-sha1 is historic"},
    {"good_rfc4871_4.txt", "permerror: rsa-sha1 is historic"},
    {"goodkey_3.txt", "permerror: rsa-sha1 is historic"},
    {"ignore_1.txt", "permerror: v=5 is not 1"},
    {"ignore_4.txt", "permerror: v=0.5 is not 1"},
    {"ignore_7.txt", "permerror: rsa-sha1 is historic"},
    {"mine_ietf01_2.txt", "permerror: no v= tag"},
    {"mine_ietf05_1.txt", "permerror: v=0.5 is not 1"},
    {"no_body_1.txt", "permerror: v=0.5 is not 1"},
};

TEST(Conformance, MailDkim) {
  const auto folder = shared_data("conformance/dkim/mail-dkim-third");
  if (!folder) GTEST_SKIP() << "no shared test data";
  const Zone zone = read_zone(*folder / "dns.json");
  const auto expected = nlohmann::json::parse(read(*folder / "expected.json"));
  EXPECT_EQ(expected.size(), 19U);
  EXPECT_EQ(kMailDkim.size(), 19U);
  for (const auto& [name, row] : expected.items()) {
    const auto results = verify(parse_message(read(*folder / "messages" / name)), zone);
    const auto ours = kMailDkim.find(name);
    EXPECT_EQ(summary(results), ours == kMailDkim.end() ? "" : ours->second) << name;
    ASSERT_FALSE(results.empty()) << name;
    const bool pass = row["expect"] == "pass" && !row.contains("today");
    EXPECT_EQ(results[0].outcome == Outcome::pass, pass) << name;
  }
}

/// Header, with the CRLF of its last line, and body.
std::pair<std::string, std::string> split_message(const std::string& text) {
  if (text.starts_with("\r\n")) return {"", text.substr(2)};
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return {text, ""};
  return {text.substr(0, end + 2), text.substr(end + 4)};
}

/// As an MTA would send it; a CR without LF stays.
std::string with_crlf(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' && !out.ends_with('\r')) out += '\r';
    out += c;
  }
  return out;
}

std::string canonical_header(std::string_view header, Canonicalization form) {
  std::string out;
  while (!header.empty()) {
    std::size_t end = header.find("\r\n");
    while (end + 2 < header.size() && is_wsp(header[end + 2])) end = header.find("\r\n", end + 2);
    const std::string_view field = header.substr(0, end);
    const std::size_t colon = field.find(':');
    const mail::HeaderField read{std::string(field.substr(0, colon)),
                                 std::string(field.substr(colon + 1))};
    out += canonical_field(keep_field(read), form) + "\r\n";
    header.remove_prefix(end + 2);
  }
  return out;
}

TEST(Conformance, Canonicalization) {
  const auto folder = shared_data("conformance/dkim/canonicalization-odd");
  if (!folder) GTEST_SKIP() << "no shared test data";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().stem() != "email") continue;
    const std::string number = entry.path().extension().string();
    const auto [header, body] = split_message(with_crlf(read(entry.path())));
    for (const auto form : {Canonicalization::simple, Canonicalization::relaxed}) {
      const std::string word = to_string(form);
      const auto [expected_header, expected_body] =
          split_message(read(*folder / (word + ".expected" + number)));
      EXPECT_EQ(canonical_header(header, form), expected_header) << number << " " << word;
      // The octets by others, hashed, against the hash that the room makes.
      Message from = {{{"From", " a@example.com"}}, body};
      const Message to = {{{"From", " a@example.com"}}, expected_body};
      from.fields.insert(from.fields.begin(),
                         sign(to, ed25519_key(), {.form = word + "/" + word, .headers = {"From"}}));
      EXPECT_EQ(summary(verify(from, zone_of(ed25519_key()))), "pass") << number << " " << word;
      ++seen;
    }
  }
  EXPECT_EQ(seen, 22);
}

}  // namespace
}  // namespace gatepost::dkim
