// From fields made to be read in two ways (Chen, Paxson, Jiang, "Composition Kills", USENIX
// Security 2020). What each case must give, and why, is argued here by the id of the case.

#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/mail/address.h"
#include "core/mail/from_field.h"
#include "core/mail/header_block.h"
#include "tests/support/shared_data.h"

namespace gatepost::mail {
namespace {

struct Argued {
  AuthorIdentity::Status author;
  const char* domain;
  const char* mail_from;  // Address::text(), null = refused
  const char* why;
};

const std::map<std::string, Argued> kArgued = {
    {"server_a1",
     {AuthorIdentity::single, "legitimate.com", "any@mailfrom.notexist.legitimate.com",
      "nothing is ambiguous here; that the subdomain does not exist is for SPF and DMARC"}},
    {"server_a3",
     {AuthorIdentity::single, "legitimate.com", "any@33.attack.com",
      "From is plain; the NUL is in a DKIM selector"}},
    {"server_a5",
     {AuthorIdentity::single, "legitimate.com", nullptr,
      "a parenthesis is in no domain: the path is refused before it can open a comment in "
      "Authentication-Results"}},
    {"server_a7",
     {AuthorIdentity::single, "legitimate.com", "'any@attack.com",
      "the route is dropped (RFC 5321 F.2), the mailbox behind the colon is the one identity"}},
    {"server_a9",
     {AuthorIdentity::missing, "", "any@attack.com",
      "a header cannot start with a fold: it ends there, as Postfix has it; no From is read"}},
    {"server_a11",
     {AuthorIdentity::missing, "", "any@attack.com",
      "a fold is in a body, not in a name: the line From has no colon and ends the header"}},
    {"server_a13",
     {AuthorIdentity::missing, "", "any@attack.com",
      "as a11; Resent-From never stands in for From"}},
    {"server_a15",
     {AuthorIdentity::malformed, "", "any@attack.com",
      "an encoded word is no address (RFC 2047 section 5)"}},
    {"server_a17",
     {AuthorIdentity::malformed, "", "any@attack.com",
      "a quoted pair stands in quoted strings and comments only (RFC 5322 section 3.2.1)"}},
    {"server_a19",
     {AuthorIdentity::malformed, "", "any@attack.com",
      "nothing but a comma may follow an address in angle brackets"}},
    {"client_a2",
     {AuthorIdentity::several_mailboxes, "example.com", "attacker@example.com",
      "two authors: not single, so no one of them is taken for the author"}},
};

// A string of one code point per octet.
std::string octets_of(const nlohmann::json& value) {
  std::string octets;
  const std::string text = value.get<std::string>();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    octets += lead < 0x80 ? text[i] : static_cast<char>((lead & 3) << 6 | (text[++i] & 0x3F));
  }
  return octets;
}

TEST(HostileFrom, EveryCaseHasItsArguedResult) {
  const auto path = test::shared_data("conformance/hostile/espoofer-odd.json");
  if (!path) GTEST_SKIP() << "conformance/hostile/espoofer-odd.json is not there";
  std::ifstream file(*path);
  const auto data = nlohmann::json::parse(file);
  std::size_t seen = 0;
  for (const auto& c : data.at("cases")) {
    const std::string id = c.at("id");
    const auto argued = kArgued.find(id);
    if (argued == kArgued.end()) {
      ADD_FAILURE() << id << " is not argued";
      continue;
    }
    ++seen;
    const Argued& expected = argued->second;
    const ParsedMessage message = parse_message(octets_of(c.at("message")));
    const AuthorIdentity author = author_identity(message.fields);
    EXPECT_STREQ(to_string(author.status), to_string(expected.author)) << id << expected.why;
    EXPECT_EQ(author.domain, expected.domain) << id << ": " << expected.why;
    const auto sender = parse_reverse_path(octets_of(c.at("mail_from")));
    EXPECT_EQ(sender.ok(), expected.mail_from != nullptr) << id << ": " << expected.why;
    if (sender && sender->has_value() && expected.mail_from != nullptr) {
      EXPECT_EQ((*sender)->text(), expected.mail_from) << id << ": " << expected.why;
    }
  }
  EXPECT_EQ(seen, kArgued.size());
}

// What a more lenient MTA may hand over for the same cases.
TEST(HostileFrom, NamesWithWhiteSpaceAreNotOverlooked) {
  const std::vector<HeaderField> a9 = {{" From", " <first@attack.com>"},
                                       {"From", " <admin@legitimate.com>"}};
  EXPECT_EQ(author_identity(a9).status, AuthorIdentity::several_fields);
  const std::vector<HeaderField> a11 = {{"From\r\n ", " <first@attack.com>"},
                                        {"From", " <admin@legitimate.com>"}};
  EXPECT_EQ(author_identity(a11).status, AuthorIdentity::several_fields);
}

}  // namespace
}  // namespace gatepost::mail
