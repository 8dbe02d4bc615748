// The same message hits the same rules, and gets the same header, in `gatepost scan` and behind
// Postfix.

#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "tests/support/scenario/daemon_behind_postfix.h"

namespace gatepost::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kZone = R"(
client.example. IN TXT "v=spf1 ip4:192.0.2.0/24 -all"
mail.client.example. IN A 192.0.2.9
9.2.0.192.in-addr.arpa. IN PTR mail.client.example.
_dmarc.client.example. IN TXT "v=DMARC1; p=none"
strict.example. IN TXT "v=spf1 -all"
_dmarc.strict.example. IN TXT "v=DMARC1; p=quarantine"
our.example. IN A 192.0.2.1
)";

// Of each kind, the current hop and what other checks found among them.
constexpr const char* kRules = R"(
header   HOP_HELO     X-Spam-Relays-External =~ /^\[ ip=192\.0\.2\.9 rdns=mail\.client\.example helo=mail\.client\.example /
header   HOP_RECEIVED Received =~ /^from mail\.client\.example \(mail\.client\.example \[192\.0\.2\.9\]\)/
header   TWO_HOPS     X-Spam-Relays-Untrusted =~ /ip=.*ip=/
header   EIGHT_BIT    Subject:raw =~ /[\x80-\xff]/
header   FOLDED       Subject:raw =~ /\n\s/
header   NO_DATE      Date !~ /./
header   ENVELOPE     EnvelopeFrom =~ /^ann\@client\.example$/
header   SPF_ASKED    eval:check_for_spf_pass()
header   HELO_ASKED   eval:check_for_spf_helo_none()
full     DMARC_FAILED eval:check_dmarc_quarantine()
header   RDNS_FOUND   eval:check_finding('IPREV_PASS')
body     CHEAP        /cheap gr\xc3\xbc\xc3\x9fe/i
rawbody  LONG_LINE    /^.{900}/m
rawbody  DOT          /^\.\.?dot$/m
full     WHOLE        /\n\nbody.*\n\z/s
uri      LINK         /\bbad\.example\.com\b/
mimeheader PDF        Content-Type =~ /name="?a\.pdf/
body     HTML_SEEN    eval:html_tag_exists('table')
meta     BOTH         SPF_ASKED && CHEAP
meta     ALWAYS       1
)";

struct Mail {
  const char* name;
  const char* mail_from;
  std::string text;  // LF line ends
};

std::vector<Mail> mails() {
  return {
      {"plain", "ann@client.example",
       "From: ann@client.example\nTo: bob@our.example\nSubject: hello\nDate: Thu, 1 Jan 2026 "
       "00:00:00 +0000\nMessage-ID: <1@client.example>\n\nbody\nof text\n"},
      {"no_fields_of_note", "", "From: ann@client.example\n\nbody\n"},
      {"encoded_words_and_folds", "ann@client.example",
       "Received: from inner.example (inner.example [198.51.100.7])\n\tby mail.client.example with "
       "ESMTP id 1234;\n\tThu, 1 Jan 2026 00:00:00 +0000\nFrom: ann@client.example\nSubject: "
       "Cheap\n "
       "=?iso-8859-1?q?gr=FC=DFe?=\n\nhttp://bad.example.com/\n"},
      {"eight_bit_header", "ann@client.example",
       "From: ann@client.example\nSubject: cheap gr\xc3\xbc\xc3\x9f\x65\n\nbody\n"},
      {"dots_and_long_lines", "ann@client.example",
       "From: ann@client.example\nSubject: x\n\n.dot\n" + std::string(950, 'x') + "\n.\n..\n\n\n"},
      {"another_authors", "ann@client.example",
       "From: ann@strict.example\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; "
       "boundary=b\n\n--b\nContent-Type: text/html\n\n<table><tr><td>cheap <a "
       "href=\"http://bad.example.com/\">x</a></table>\n--b\nContent-Type: application/pdf; "
       "name=a.pdf\n\nx\n--b--\n"},
      {"nothing_in_it", "ann@client.example", "From: ann@client.example\nSubject: x\n\n"},
  };
}

class RulesBehindPostfix : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto package = postfix_package(); !package)
      GTEST_SKIP() << "no Postfix: " << package.error().text();
  }
  void start(const std::string& mode, const char* rules) {
    const auto package = postfix_package();
    ASSERT_TRUE(package);
    Scenario scenario;
    scenario.name = "rules";
    scenario.zone = kZone;
    scenario.config = "mode = \"" + mode + "\"\ngreylist.mode = \"off\"\n";
    scenario.rules = rules;
    auto rig = DaemonBehindPostfix::start(scenario, *package);
    ASSERT_TRUE(rig) << rig.error().text();
    rig_ = std::move(*rig);
  }
  void TearDown() override {
    if (HasFailure() && rig_) rig_->print_logs();
  }

  static std::string names(const Json& findings) {
    std::string out;
    for (const Json& finding : findings) {
      const std::string name = finding.at("name");
      const std::string detail = finding.value("detail", "");
      out += name + (detail.empty() ? "" : "(" + detail + ")") + "\n";
    }
    return out;
  }

  /// What the daemon found in the message that Postfix gave it.
  std::string behind_postfix(const Mail& mail) {
    const auto reply = rig_->send({mail.mail_from, {"bob@our.example"}, mail.text});
    EXPECT_TRUE(reply.ok() && reply->code == 250) << mail.name;
    // Its record is written before Postfix gets the answer.
    Json last;
    const std::string log = rig_->daemon().log();
    for (const std::string_view line : split(log, '\n')) {
      const Json record =
          Json::parse(line.substr(std::min(line.find('{'), line.size())), nullptr, false);
      if (record.is_object() && record.contains("findings")) last = record;
    }
    return last.is_null() ? "no record" : names(last.at("findings"));
  }

  std::string zone_file() const {
    return std::filesystem::path(rig_->daemon().config_file()).parent_path() / "zone";
  }

  Json by_scan(const Mail& mail) {
    const std::string file = folder_ / "message.eml";
    std::ofstream(file, std::ios::binary) << mail.text;
    const auto result = run_process({GATEPOST_BINARY_DIR "/bin/gatepost",
                                     "scan",
                                     "--json",
                                     "-c",
                                     rig_->daemon().config_file(),
                                     "--zone",
                                     zone_file(),
                                     "--ip",
                                     "192.0.2.9",
                                     "--client-name",
                                     "mail.client.example",
                                     "--helo",
                                     "mail.client.example",
                                     "--mta-name",
                                     "mx.example.test",
                                     "--mail-from",
                                     mail.mail_from,
                                     "--rcpt",
                                     "bob@our.example",
                                     file});
    EXPECT_TRUE(result.ok());
    if (!result.ok()) return Json::object();
    EXPECT_EQ(result->status, 0) << result->errors;
    Json out = Json::parse(result->output, nullptr, false);
    EXPECT_TRUE(out.is_object()) << result->output;
    return out;
  }

  TempFolder folder_{"rules"};
  std::unique_ptr<DaemonBehindPostfix> rig_;
};

TEST_F(RulesBehindPostfix, HitsAreThoseOfScan) {
  start("observe", kRules);
  std::string all;
  for (const Mail& mail : mails()) {
    const std::string behind = behind_postfix(mail);
    EXPECT_EQ(behind, names(by_scan(mail).at("findings"))) << mail.name;
    EXPECT_NE(behind.find("ALWAYS\n"), std::string::npos) << mail.name;
    all += behind;
  }
  // Each rule had its say.
  for (const std::string_view line : split(kRules, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() < 2) continue;
    const auto name =
        std::find_if(words.begin() + 1, words.end(), [](auto w) { return !w.empty(); });
    EXPECT_NE(("\n" + all).find("\n" + std::string(*name)), std::string::npos) << *name;
  }
}

constexpr const char* kHeaderRules = R"(
body     CHEAP     /cheap gr\xc3\xbc\xc3\x9f/i
score    CHEAP     6.0
describe CHEAP     Names cheap greetings
body     __GREETS  /gr\xc3\xbc\xc3\x9f/
rewrite_header Subject [SPAM _SCORE(0)_]
rewrite_header From    grüße _SENDERDOMAIN_
rewrite_header To      junk (_YESNO_)
add_header spam Flag   _YESNOCAPS(Spam,Ham)_
add_header all  Hits   _TESTSSCORES( )_; _SUBTESTS_; _STARS(+)_
add_header all  Where  _HOSTNAME_ _VERSION_ _SUBVERSION_ _AUTHORDOMAIN_
add_header all  Lines  _REPORT_\nlast\tline
remove_header all Report
)";

std::string unfolded(const std::string& value) {
  std::string out = value;
  std::erase(out, '\n');
  return out;
}

// Field by field: what scan says is what the recipient gets.
TEST_F(RulesBehindPostfix, HeaderIsThatOfScan) {
  start("enforce", kHeaderRules);
  const std::vector<Mail> sent = {
      {"spam", "ann@client.example",
       "From: Ann <ann@client.example>\nTo: bob@our.example,\n carol@our.example\nSubject: a\n "
       "folded subject\nX-Spam-Hits: forged\nX-Spam-Flag: NO\nX-Spam-Flag: NO\n\ncheap "
       "gr\xc3\xbc\xc3\x9f\x65\n"},
      {"spam_without_subject", "ann@client.example",
       "From: ann@client.example\nX-Spam-Where: forged\n\ncheap gr\xc3\xbc\xc3\x9f\x65\n"},
      {"marked_already", "ann@client.example",
       "From: ann@client.example\nSubject: [SPAM 06.0] again\n\ncheap gr\xc3\xbc\xc3\x9f\x65\n"},
      {"good", "ann@client.example",
       "From: ann@client.example\nSubject: hello\nX-Spam-Flag: YES\n\nbody\n"},
  };
  std::size_t changes = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    behind_postfix(sent[i]);
    ASSERT_TRUE(rig_->sink().wait_for(i + 1)) << sent[i].name;
    const DeliveredMessage delivered = rig_->sink().messages().back();
    const Json scanned = by_scan(sent[i]);
    for (const Json& edit : scanned.at("headers")) {
      const std::string name = edit.at("name");
      if (!edit.contains("value") || name == "Authentication-Results") continue;
      EXPECT_THAT(delivered.headers(name),
                  testing::ElementsAre(unfolded(edit.at("value").get<std::string>())))
          << sent[i].name << " " << name;
      changes += edit.contains("change") ? 1 : 0;
    }
    EXPECT_THAT(delivered.headers("X-Spam-Report"), testing::IsEmpty()) << sent[i].name;
    EXPECT_THAT(delivered.headers("X-Spam-Flag"),
                testing::SizeIs(std::string_view(sent[i].name) == "good" ? 0 : 1));
  }
  EXPECT_EQ(changes, 3U + 1U + 1U);
}

// A rule file may have nothing but such lines, and the operator may say no.
TEST(RuleHeaders, AreDoneUnlessTheConfigurationSaysNo) {
  const TempFolder folder("rule-headers");
  std::ofstream(folder / "r.cf") << "add_header all Here yes\nremove_header all Status\n";
  std::ofstream(folder / "m.eml") << "From: a@b.example\nX-Spam-Here: forged\n\nbody\n";
  for (const bool done : {true, false}) {
    const std::string config = folder / "c.toml";
    std::ofstream(config) << "mode = \"enforce\"\n[rules]\nfiles = [\""
                          << (folder / "r.cf").string() << "\"]\n"
                          << (done ? "" : "header_edits = false\n");
    std::ofstream(folder / "zone") << "b.example. IN A 192.0.2.1\n";
    const auto result =
        run_process({GATEPOST_BINARY_DIR "/bin/gatepost", "scan", "--json", "-c", config, "--zone",
                     (folder / "zone").string(), (folder / "m.eml").string()});
    ASSERT_TRUE(result.ok() && result->status == 0) << result->errors;
    std::string names;
    const Json out = Json::parse(result->output);
    for (const Json& edit : out.at("headers")) {
      const std::string name = edit.at("name");
      if (name.starts_with("X-Spam-")) names += (edit.contains("remove") ? "-" : "+") + name + " ";
    }
    EXPECT_EQ(names, done ? "-X-Spam-Here +X-Spam-Here " : "+X-Spam-Status ");
  }
}

}  // namespace
}  // namespace gatepost::test
