#include "spf/received_spf.h"

#include <gtest/gtest.h>

namespace gatepost::spf {
namespace {

Request example_request() {
  Request request;
  request.client = *IpAddress::parse("192.0.2.1");
  request.helo = "foo.example.com";
  request.mail_from = "myname@example.com";
  request.receiver = "mybox.example.org";
  return request;
}

TEST(ReceivedSpf, AsTheExamplesOfRfc7208Section91) {
  Outcome outcome;
  outcome.code = ResultCode::pass;
  outcome.domain = "example.com";
  outcome.mechanism = "ip4:192.0.2.1";
  EXPECT_EQ(received_spf_value(example_request(), outcome),
            "pass (mybox.example.org: domain of example.com designates 192.0.2.1 as permitted "
            "sender)\n\treceiver=mybox.example.org;\n\tclient-ip=192.0.2.1;"
            "\n\tenvelope-from=\"myname@example.com\";\n\thelo=foo.example.com;"
            "\n\tidentity=mailfrom;\n\tmechanism=\"ip4:192.0.2.1\"");
}

TEST(ReceivedSpf, ErrorsHaveTheProblem) {
  Request request = example_request();
  request.identity = Identity::helo;
  request.client = *IpAddress::parse("2001:db8::1");
  request.receiver = "";
  Outcome outcome;
  outcome.code = ResultCode::permerror;
  outcome.domain = "foo.example.com";
  outcome.reason = "column 8: unknown mechanism: \"moo\\";
  EXPECT_EQ(received_spf_value(request, outcome),
            "permerror (unknown: permanent error in processing domain of foo.example.com)"
            "\n\treceiver=unknown;\n\tclient-ip=\"2001:db8::1\";\n\thelo=foo.example.com;"
            "\n\tidentity=helo;\n\tproblem=\"column 8: unknown mechanism: \\\"moo\\\\\"");
}

TEST(ReceivedSpf, NothingHostileGetsOut) {
  Request request = example_request();
  request.helo = "x\r\nX-Forged: yes\x00\xff" + std::string(5000, 'y');
  request.mail_from = "a\"b\\c\n@example.com";
  request.receiver = "r) forged (";
  Outcome outcome;
  outcome.code = ResultCode::fail;
  outcome.domain = "example.com";
  const std::string value = received_spf_value(request, outcome);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool fold = c == '\n' && i + 1 < value.size() && value[i + 1] == '\t';
    EXPECT_TRUE((c >= ' ' && c <= '~') || c == '\t' || fold) << i;
  }
  EXPECT_LT(value.size(), 2000U);
  EXPECT_NE(value.find("envelope-from=\"a\\\"b\\\\c?@example.com\""), std::string::npos);
  EXPECT_NE(value.find("(r\\) forged \\(: "), std::string::npos);
}

TEST(ReceivedSpf, EveryResultHasAComment) {
  for (const ResultCode code :
       {ResultCode::none, ResultCode::neutral, ResultCode::pass, ResultCode::fail,
        ResultCode::softfail, ResultCode::temperror, ResultCode::permerror}) {
    Outcome outcome;
    outcome.code = code;
    outcome.domain = "example.com";
    const std::string value = received_spf_value(example_request(), outcome);
    EXPECT_TRUE(value.starts_with(std::string(to_string(code)) + " (mybox.example.org: "));
    EXPECT_NE(value.find("domain of example.com"), std::string::npos);
  }
}

}  // namespace
}  // namespace gatepost::spf
