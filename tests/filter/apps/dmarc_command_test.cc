// gatepost dmarc, as a postmaster types it.

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "tests/support/system/temp_folder.h"

namespace gatepost {
namespace {

using Json = nlohmann::json;

// All names that are asked for: nothing goes to the network.
constexpr const char* kZone = R"(
_dmarc.example.          TXT "no record of DMARC"
example.                 TXT "x"
list.example.            TXT "v=spf1 ip4:192.0.2.7 -all"
_dmarc.list.example.     TXT "x"
bank.example.            TXT "v=spf1 -all"
_dmarc.bank.example.     TXT "v=DMARC1; p=none; sp=reject"
mail.bank.example.       TXT "x"
_dmarc.mail.bank.example. TXT "x"
)";

class Command : public ::testing::Test {
 protected:
  Command() {
    write("zone", kZone);
    write("empty.toml", "");
  }
  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  /// Standard output and error of "gatepost dmarc …".
  std::string run(const std::string& arguments, const std::string& config = "empty.toml") {
    const std::string line = GATEPOST_BINARY_DIR "/bin/gatepost dmarc " + arguments + " -c " +
                             (folder_ / config).string() + " --zone " +
                             (folder_ / "zone").string() + " 2>&1";
    std::FILE* pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) return "popen failed";
    std::string out;
    char piece[4096];
    for (std::size_t n = 0; (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;)
      out.append(piece, n);
    status_ = WEXITSTATUS(::pclose(pipe));
    return out;
  }

  test::TempFolder folder_;
  int status_ = -1;
};

TEST_F(Command, TraceSaysEachStepOfARecord) {
  EXPECT_EQ(run("record mail.bank.example --trace"),
            R"(author       The author domain, from the From field, is mail.bank.example.
query        Asked for TXT _dmarc.mail.bank.example: no DMARC record.
query        Asked for TXT _dmarc.bank.example: "v=DMARC1; p=none; sp=reject".
query        Asked for TXT _dmarc.example: no DMARC record.
walk         The organizational domain of mail.bank.example is bank.example.
record       The record at _dmarc.bank.example applies: the author domain has none, and this is its organizational domain.
spf          SPF was not checked.
dkim         The message has no DKIM signature that was checked.
policy       The policy for mail.bank.example is reject, from sp= (it is below bank.example).
result       fail: spf: no identifier passed; dkim: no identifier passed.
disposition  What is done here: quarantine, because sp=reject of bank.example alone does not refuse mail (RFC 9989 section 7.4); reported as local_policy (RFC 9989 section 7.4).

result                 fail
reason                 spf: no identifier passed; dkim: no identifier passed
author domain          mail.bank.example
record at              _dmarc.bank.example
record                 v=DMARC1; p=none; sp=reject
organizational domain  bank.example
policy                 reject (sp=)
SPF                    no identifier passed
DKIM                   no identifier passed
disposition            quarantine, sp=reject of bank.example alone does not refuse mail (RFC 9989 section 7.4)
override               local_policy: RFC 9989 section 7.4
)");
  EXPECT_EQ(status_, 0);
}

TEST_F(Command, JsonHasWhatScriptsUse) {
  const std::string message = write(
      "m", "From: a@mail.bank.example\r\nList-Id: <talk.list.example>\r\nSubject: x\r\n\r\nx\r\n");
  const auto json =
      Json::parse(run("check --json --trace --ip 192.0.2.7 --mail-from x@list.example " + message),
                  nullptr, false);
  ASSERT_TRUE(json.is_object());
  for (const char* member :
       {"result", "policy", "disposition", "record_domain", "org_domain", "alignment",
        "applied_policy", "testing", "queries", "reason", "author_domain", "policy_tag", "record",
        "overrides", "disposition_reason", "trace"})
    EXPECT_TRUE(json.contains(member)) << member;
  EXPECT_EQ(json["result"], "fail");
  EXPECT_EQ(json["disposition"], "quarantine");
  EXPECT_EQ(json["overrides"][0]["type"], "mailing_list");
  EXPECT_EQ(json["alignment"]["spf"]["domain"], "list.example");
  EXPECT_FALSE(json["alignment"]["spf"]["aligned"]);
  EXPECT_EQ(json["trace"][0]["step"], "author");
}

TEST_F(Command, ExceptionsOfTheConfigurationCount) {
  write("forwarder.toml", "[dmarc.forwarders]\n'192.0.2.7' = 'off'\n");
  const std::string message = write("m", "From: a@mail.bank.example\r\n\r\nx\r\n");
  const std::string check = "check --json --ip 192.0.2.7 --mail-from x@list.example " + message;
  const auto trusted = Json::parse(run(check, "forwarder.toml"), nullptr, false);
  EXPECT_EQ(trusted["disposition"], "none");
  EXPECT_EQ(trusted["overrides"][0]["type"], "trusted_forwarder");
  write("strict.toml", "[dmarc.domains]\n'.bank.example' = 'strict'\n");
  const auto strict = Json::parse(run(check, "strict.toml"), nullptr, false);
  EXPECT_EQ(strict["disposition"], "reject");
  EXPECT_TRUE(strict["overrides"].empty());
}

TEST_F(Command, ReadersThatDifferAreTold) {
  const std::string message =
      write("m", "From: <a@list.example>b@mail.bank.example\r\nSubject: x\r\n\r\nx\r\n");
  const std::string text = run("check " + message);
  EXPECT_NE(text.find("permerror"), std::string::npos) << text;
  EXPECT_NE(text.find("readers see"), std::string::npos) << text;
  EXPECT_NE(text.find("b@mail.bank.example (last address)"), std::string::npos) << text;
}

constexpr const char* kEntry =
    R"({"v":1,"time":1767225600,"reference":"REF1","client":"192.0.2.7","helo":"h","envelope_from":)"
    R"("list.example","envelope_to":["here.example"],"verdict":"hold","observed":false,)"
    R"("header_from":"mail.bank.example","org_domain":"bank.example","record_domain":"bank.example",)"
    R"("record":"v=DMARC1; p=none; sp=reject","policy":"reject","policy_tag":"sp","testing":false,)"
    R"("applied_policy":"reject","discovery":"treewalk","result":"fail","reason":"none",)"
    R"("spf":null,"dkim":[],"evaluated":{"spf":"fail","dkim":"fail"},"disposition":"quarantine",)"
    R"("overrides":[{"type":"mailing_list","comment":"list.example"}],"disposition_reason":"x"})";

TEST_F(Command, RecordsAreATable) {
  std::string later = kEntry;
  later.replace(later.find("REF1"), 4, "R\\u001b");
  later.replace(later.find("1767225600"), 10, "1767312000");
  write("records-2026-01-01.jsonl", std::string(kEntry) + "\n" + later + "\n{\"v\":1,\"ti");
  const std::string folder = folder_.path().string();
  EXPECT_EQ(run("records " + folder),
            "time                  client     author domain      result  spf   dkim  policy  "
            "disposition  override      reference\n"
            "2026-01-01T00:00:00Z  192.0.2.7  mail.bank.example  fail    fail  fail  reject  "
            "quarantine   mailing_list  REF1\n"
            "2026-01-02T00:00:00Z  192.0.2.7  mail.bank.example  fail    fail  fail  reject  "
            "quarantine   mailing_list  R\\x1b\n"
            "gatepost: 1 damaged line was passed over\n");
  EXPECT_EQ(run("records --json --limit 0 --until 2026-01-01 " + folder),
            std::string(kEntry) + "\ngatepost: 1 damaged line was passed over\n");
  EXPECT_EQ(run("records --json --since 2026-01-03 " + folder), "");
  EXPECT_EQ(run("records --json --domain other.example " + folder),
            "gatepost: 1 damaged line was passed over\n");
  EXPECT_EQ(status_, 0);
}

TEST_F(Command, FaultsNameThemselves) {
  EXPECT_EQ(run("records --since yesterday /tmp"),
            "gatepost: --since: expected a day such as 2026-11-26, got 'yesterday'\n");
  EXPECT_EQ(status_, 64);
  run("records " + (folder_ / "none").string());
  EXPECT_EQ(status_, 66);
  write("off.toml", "[dmarc]\nrecords = ''\n");
  EXPECT_EQ(run("records", "off.toml"), "gatepost: dmarc.records is empty: no records are kept\n");
  EXPECT_EQ(status_, 78);
}

}  // namespace
}  // namespace gatepost
