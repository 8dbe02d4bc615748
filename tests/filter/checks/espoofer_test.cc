// Mail made to be authenticated as somebody else's (Chen, Paxson, Jiang, "Composition Kills",
// USENIX Security 2020), through the whole filter. What each case must give is argued by its id.

#include <fstream>
#include <map>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "core/authres/authentication_results.h"
#include "tests/dkim/test_signer.h"
#include "tests/filter/checks/checks_test.h"
#include "tests/support/shared_data.h"

namespace gatepost::test {
namespace {

// The attacker owns attack.com and all its names, and sends from 192.0.2.66.
std::string zone(const dkim::test::TestKey& attackers_key) {
  return R"(
legitimate.com.          TXT "v=spf1 -all"
_dmarc.legitimate.com.   TXT "v=DMARC1; p=reject; adkim=s; aspf=s"
example.com.             TXT "v=spf1 ip4:192.0.2.66 -all"
_dmarc.example.com.      TXT "v=DMARC1; p=reject"
attack.com.              TXT "v=spf1 ip4:192.0.2.66 -all"
_dmarc.attack.com.       TXT "v=DMARC1; p=none"
helo.attack.com.         TXT "v=spf1 ip4:192.0.2.66 -all"
33.attack.com.           TXT "v=spf1 ip4:192.0.2.66 -all"
66.2.0.192.in-addr.arpa. PTR attack.com.
attack.com.              A 192.0.2.66
selector._domainkey.attack.com. TXT ")" +
         attackers_key.record() + "\"\n";
}

// What is found, and the answer under dmarc.enforce = "standard" and "strict". The same table for
// people: docs/guides/dmarc.md.
struct Argued {
  const char* findings;
  const char* standard;
  const char* strict;
  const char* why;
};

const std::map<std::string, Argued> kArgued = {
    {"server_a1",
     {"IPREV_PASS SPF_NONE SPF_HELO_PASS DMARC_REJECT", "tag", "550 5.7.26",
      "a name that does not exist has no SPF record, and so authorises nobody"}},
    {"server_a3",
     {"IPREV_PASS NUL_IN_MESSAGE SPF_PASS SPF_HELO_PASS DKIM_PERMERROR DMARC_REJECT", "550 5.7.26",
      "550 5.7.26", "a selector with NUL is no name: no key is asked for, least of all a cut one"}},
    {"server_a5",
     {"IPREV_PASS SPF_NONE SPF_HELO_PASS DMARC_REJECT", "tag", "550 5.7.26",
      "the path is no address: nothing before the parenthesis is taken for its domain"}},
    {"server_a7",
     {"IPREV_PASS SPF_PASS SPF_HELO_PASS DMARC_REJECT", "tag", "550 5.7.26",
      "the route is dropped; SPF passes for attack.com, which is not the author's"}},
    {"server_a9",
     {"IPREV_PASS FROM_MISSING SPF_PASS SPF_HELO_PASS", "none", "none",
      "the header ends at its first line: no reader behind this MTA is shown an author"}},
    {"server_a11",
     {"IPREV_PASS FROM_MISSING SPF_PASS SPF_HELO_PASS", "none", "none",
      "the line From has no colon"}},
    {"server_a13",
     {"IPREV_PASS FROM_MISSING SPF_PASS SPF_HELO_PASS", "none", "none",
      "Resent-From stands in for nothing, and here it is in the body"}},
    {"server_a15",
     {"IPREV_PASS FROM_MALFORMED AMBIGUOUS_FROM SPF_PASS SPF_HELO_PASS DMARC_PERMERROR", "tag",
      "550 5.7.1", "an encoded word is no address; who decodes it first shows legitimate.com"}},
    {"server_a17",
     {"IPREV_PASS FROM_MALFORMED AMBIGUOUS_FROM SPF_PASS SPF_HELO_PASS DMARC_PERMERROR", "tag",
      "550 5.7.1", "a quoted pair outside of quotes: first and last address differ"}},
    {"server_a19",
     {"IPREV_PASS FROM_MALFORMED AMBIGUOUS_FROM SPF_PASS SPF_HELO_PASS DMARC_PERMERROR", "tag",
      "550 5.7.1", "text behind an address: who takes the last one shows legitimate.com"}},
    {"client_a2",
     {"IPREV_PASS FROM_SEVERAL SPF_PASS DMARC_PASS", "none", "none",
      "both mailboxes are at the one domain that is proven (RFC 9989 section 5.3.1); whose mailbox "
      "it is is the domain's own matter"}},
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

std::string message_of(const nlohmann::json& c, const dkim::test::TestKey& key) {
  const std::string text = octets_of(c.at("message"));
  if (!c.contains("dkim_signed_as")) return text;
  auto message = dkim::test::parse_message(text);
  dkim::test::SignOptions options;
  options.domain = octets_of(c.at("dkim_signed_as").at("d"));
  options.selector = octets_of(c.at("dkim_signed_as").at("s"));
  options.headers = {"From"};
  dkim::test::add_signature(message, key, options);
  return dkim::test::to_text(message);
}

// No result of ours may say that the spoofed domain passed.
void expect_safe(const std::string& id, const SessionRig& rig, const Verdict& verdict) {
  const auto field = authres::parse(results_field(verdict));
  ASSERT_TRUE(field.ok()) << id << ": " << results_field(verdict);
  EXPECT_EQ(field->authserv_id, "mx.here.example") << id;
  for (const authres::AuthResult& result : field->results) {
    if (result.result != "pass") continue;
    for (const authres::Property& property : result.properties) {
      EXPECT_EQ(property.value.find("legitimate.com"), std::string::npos)
          << id << ": " << result.method << " passes for " << property.value;
    }
  }
  const auto& dmarc = rig.records.back().facts.dmarc;
  ASSERT_TRUE(dmarc.has_value()) << id;
  EXPECT_FALSE(dmarc->result == dmarc::ResultCode::pass && dmarc->author_domain == "legitimate.com")
      << id;
}

// "tag", or "550 5.7.26" of a refusal.
std::string answer(const Verdict& verdict) {
  if (verdict.reply.code == 0) return std::string(to_string(verdict.action));
  return std::to_string(verdict.reply.code) + " " + verdict.reply.enhanced;
}

TEST(Espoofer, EveryCaseHasItsArguedFindings) {
  const auto path = shared_data("conformance/hostile/espoofer-odd.json");
  if (!path) GTEST_SKIP() << "conformance/hostile/espoofer-odd.json is not there";
  std::ifstream file(*path);
  const auto data = nlohmann::json::parse(file);
  const auto key = dkim::test::TestKey::ed25519();
  std::size_t seen = 0;
  for (const auto& c : data.at("cases")) {
    const std::string id = c.at("id");
    const auto argued = kArgued.find(id);
    if (argued == kArgued.end()) {
      ADD_FAILURE() << id << " is not argued";
      continue;
    }
    ++seen;
    for (const auto mode : {dmarc::Enforcement::standard, dmarc::Enforcement::strict}) {
      SessionRig rig(program_checks(), zone(key));
      rig.set_policy([&](Policy& p) { p.dmarc_enforce = mode; });
      const Verdict verdict = rig.send({.helo = c.at("helo"),
                                        .mail_from = octets_of(c.at("mail_from")),
                                        .recipients = {octets_of(c.at("rcpt_to"))},
                                        .text = message_of(c, key)},
                                       SessionRig::client("192.0.2.66"));
      const bool strict = mode == dmarc::Enforcement::strict;
      // Who is no author is refused at the end of the header, before anything else is known.
      const bool early = verdict.stage == Stage::end_of_headers;
      EXPECT_EQ(rig.findings(), early ? "FROM_MALFORMED AMBIGUOUS_FROM" : argued->second.findings)
          << id << ": " << argued->second.why << "\n"
          << findings_with_details(rig);
      EXPECT_EQ(answer(verdict), strict ? argued->second.strict : argued->second.standard)
          << id << (strict ? ", strict: " : ", standard: ") << argued->second.why;
      if (early) {
        EXPECT_EQ(verdict.action, Action::reject);
      } else {
        expect_safe(id, rig, verdict);
      }
    }
  }
  EXPECT_EQ(seen, kArgued.size());
}

// What a more lenient MTA hands over for the cases whose header ends early.
TEST(Espoofer, FromWithWhiteSpaceAroundItsNameIsAFrom) {
  const auto key = dkim::test::TestKey::ed25519();
  for (const char* name : {" From", "From\n "}) {
    SessionRig rig(program_checks(), zone(key));
    rig.connect(SessionRig::client("192.0.2.66"));
    rig.helo("attack.com"), rig.mail("<any@attack.com>"), rig.rcpt(), rig.data();
    rig.session->header(name, " <first@attack.com>");
    rig.session->header("From", " <admin@legitimate.com>");
    rig.end_of_headers();
    const Verdict verdict = rig.end_of_message();
    EXPECT_EQ(rig.findings(),
              "IPREV_PASS FROM_SEVERAL AMBIGUOUS_FROM SPF_PASS SPF_HELO_PASS DMARC_PERMERROR")
        << name;
    const std::string details = findings_with_details(rig);
    for (const char* reader :
         {"first@attack.com (first address", "admin@legitimate.com (last From"})
      EXPECT_NE(details.find(reader), std::string::npos) << details;
    EXPECT_EQ(answer(verdict), "tag");
    expect_safe(name, rig, verdict);
  }
}

}  // namespace
}  // namespace gatepost::test
