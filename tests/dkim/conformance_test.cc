// Signed messages made by others.

#include <fstream>
#include <iterator>
#include <string>

#include <nlohmann/json.hpp>

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

/// What upstream calls "pass" under the rules of its time does not pass today ("today" says why).
TEST(Conformance, MailDkim) {
  const auto folder = shared_data("conformance/dkim/mail-dkim-third");
  if (!folder) GTEST_SKIP() << "no shared test data";
  const Zone zone = read_zone(*folder / "dns.json");
  const auto expected = nlohmann::json::parse(read(*folder / "expected.json"));
  int seen = 0;
  for (const auto& [name, row] : expected.items()) {
    const auto results = verify(parse_message(read(*folder / "messages" / name)), zone);
    const bool pass = row["expect"] == "pass" && !row.contains("today");
    ASSERT_FALSE(results.empty()) << name;
    EXPECT_EQ(results[0].outcome == Outcome::pass, pass) << name << ": " << summary(results);
    ++seen;
  }
  EXPECT_EQ(seen, 19);
  // The header of this one was modified, its key is fine; that one has an unusable key.
  const auto outcome = [&](const char* name) {
    return summary(verify(parse_message(read(*folder / "messages" / name)), zone));
  };
  EXPECT_EQ(outcome("badkey2_ed25519.txt"), "fail: signature does not match");
  EXPECT_EQ(outcome("badkey5_ed25519.txt").substr(0, 9), "permerror");
}

TEST(Conformance, CanonicalBodies) {
  const auto folder = shared_data("conformance/dkim/canonicalization-odd");
  if (!folder) GTEST_SKIP() << "no shared test data";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().stem() != "email") continue;
    const std::string number = entry.path().extension().string();
    const Message message = parse_message(read(entry.path()));
    for (const bool relaxed : {false, true}) {
      const std::string expected =
          read(*folder / ((relaxed ? "relaxed.expected" : "simple.expected") + number));
      const std::size_t body = expected.find("\r\n\r\n");
      if (body == std::string::npos) continue;
      // The octets by others, hashed, against the hash of the library behind the room.
      Message from = {{{"From", " a@example.com"}}, message.body};
      Message to = {{{"From", " a@example.com"}}, expected.substr(body + 4)};
      const std::string form = relaxed ? "relaxed/relaxed" : "simple/simple";
      auto field = sign(to, ed25519_key(), {.form = form, .headers = {"From"}});
      from.fields.insert(from.fields.begin(), field);
      EXPECT_EQ(summary(verify(from, zone_of(ed25519_key()))), "pass") << number << " " << form;
      ++seen;
    }
  }
  EXPECT_GE(seen, 20);
}

}  // namespace
}  // namespace gatepost::dkim
