// gatepost dns, as an operator types it.

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "tests/support/dns_server.h"

namespace gatepost::testing {
namespace {

constexpr const char* kZone = R"($TTL 300
example.org. SOA ns.example.org. admin.example.org. 1 2 3 4 120
example.org. TXT "v=spf1 " "-all"
example.org. MX 10 mail.example.org.
mail.example.org. A 192.0.2.1
1.2.0.192.in-addr.arpa. PTR mail.example.org.
)";

struct Printed {
  int status = -1;
  std::string output;
};

Printed run(const std::string& arguments) {
  const std::string line =
      GATEPOST_BINARY_DIR "/bin/gatepost dns -c /dev/null " + arguments + " 2>&1";
  Printed result;
  std::FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) return result;
  char piece[4096];
  for (std::size_t n = 0; (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;)
    result.output.append(piece, n);
  result.status = WEXITSTATUS(::pclose(pipe));
  return result;
}

struct Case {
  const char* arguments;
  int status;
  const char* word;  ///< "status" of the JSON
  const char* rcode;
  const char* record;  ///< the first; empty: none
};

constexpr Case kCases[] = {
    {"mail.example.org", 0, "ok", "NOERROR", "192.0.2.1"},
    {"EXAMPLE.org. txt", 0, "ok", "NOERROR", "v=spf1 -all"},
    {"example.org MX", 0, "ok", "NOERROR", "10 mail.example.org"},
    {"192.0.2.1", 0, "ok", "NOERROR", "mail.example.org"},
    {"mail.example.org TXT", 0, "no_data", "NOERROR", ""},
    {"none.example.org", 0, "nxdomain", "NXDOMAIN", ""},
    {"servfail.example.org", 75, "servfail", "SERVFAIL", ""},
    {"refused.example.org", 75, "refused", "REFUSED", ""},
    {"circle.example.org", 75, "lying", "SERVFAIL", ""},
};

TEST(DnsCommand, SaysWhatTheServerDoes) {
  DnsServer server(kZone);
  server.script("servfail.example.org", Misbehaviour::servfail);
  server.script("refused.example.org", Misbehaviour::refused);
  server.script("circle.example.org", Misbehaviour::cname_circle);
  std::string nameserver = server.address();
  nameserver[nameserver.find('@')] = ':';
  for (const auto& c : kCases) {
    const Printed result = run(std::string(c.arguments) + " --json --nameserver " + nameserver);
    EXPECT_EQ(result.status, c.status) << c.arguments << ": " << result.output;
    const auto json = nlohmann::json::parse(result.output, nullptr, false);
    ASSERT_TRUE(json.is_object()) << c.arguments << ": " << result.output;
    EXPECT_EQ(json["status"], c.word) << c.arguments << ": " << result.output;
    EXPECT_EQ(json["rcode"], c.rcode) << c.arguments;
    EXPECT_EQ(json["servers"], nameserver);
    EXPECT_EQ(json["dnssec"], "not validated");
    EXPECT_EQ(json["records"].empty() ? "" : json["records"][0], c.record) << c.arguments;
  }
  const Printed table = run("example.org MX --nameserver " + nameserver);
  EXPECT_NE(table.output.find("question  example.org MX\n"), std::string::npos) << table.output;
  EXPECT_NE(table.output.find("record    10 mail.example.org\n"), std::string::npos);
}

TEST(DnsCommand, ZoneFilesComeFirst) {
  DnsServer server(kZone);
  std::string nameserver = server.address();
  nameserver[nameserver.find('@')] = ':';
  const std::string zone = ::testing::TempDir() + "gatepost_dns_command.zone";
  std::ofstream(zone) << "mail.example.org. 60 A 192.0.2.99\n";
  const Printed result =
      run("mail.example.org --json --zone " + zone + " --nameserver " + nameserver);
  EXPECT_EQ(nlohmann::json::parse(result.output)["records"][0], "192.0.2.99");
  EXPECT_EQ(server.questions(), 0U);
  std::remove(zone.c_str());
}

struct FaultCase {
  const char* arguments;
  int status;
  const char* message;
};

constexpr FaultCase kFaults[] = {
    {"--nameserver 127.0.0.1:1 example.org CAA", 64,
     "gatepost: 'CAA' is no record type, expected A, AAAA, MX, TXT, CNAME, PTR, SOA or NS\n"},
    {"a..example.org", 64,
     "gatepost: 'a..example.org' is no domain name: labels have 1 to 63 octets, 253 in all\n"},
    {"example.org --nameserver nonsense", 78,
     "gatepost: \"nonsense\" is no DNS server, expected ADDRESS, ADDRESS@PORT, IPV4:PORT or "
     "[IPV6]:PORT\n"},
};

TEST(DnsCommand, FaultsNameThemselves) {
  for (const auto& c : kFaults) {
    const Printed result = run(c.arguments);
    EXPECT_EQ(result.status, c.status) << c.arguments;
    EXPECT_EQ(result.output, c.message);
  }
}

}  // namespace
}  // namespace gatepost::testing
