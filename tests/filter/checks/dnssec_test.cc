// dns.sec of RFC 8904 in Authentication-Results, when it is asked for.

#include "tests/filter/checks/checks_test.h"

namespace gatepost::test {
namespace {

struct Case {
  const char* name;
  bool report;
  dns::Status status;
  bool secure;
  const char* expected;  // behind the method's own property
};

constexpr Case kCases[] = {
    {"signed", true, dns::Status::ok, true, " dns.sec=yes"},
    {"not_signed", true, dns::Status::ok, false, " dns.sec=no"},
    {"signed_denial", true, dns::Status::nxdomain, true, " dns.sec=yes"},
    {"failure_says_nothing", true, dns::Status::servfail, false, ""},
    {"bogus_is_a_failure", true, dns::Status::bogus, false, ""},
    {"off_by_default", false, dns::Status::ok, true, ""},
};

class Dnssec : public ::testing::TestWithParam<Case> {};

TEST_P(Dnssec, Row) {
  const Case& row = GetParam();
  SessionRig rig(program_checks({"spf"}), "");
  dns::Answer answer;
  answer.status = row.status;
  answer.secure = row.secure;
  if (row.status == dns::Status::ok) answer.texts = {"v=spf1 ?all"};
  if (dns::is_temporary(row.status)) answer.reason = "down";
  rig.resolver.set(dns::make_query("sender.example", dns::RrType::txt), answer);
  rig.set_policy([&](Policy& p) { p.report_dnssec = row.report; });
  std::string got = results_field(rig.send({}));
  std::replace(got.begin(), got.end(), '\t', ' ');
  std::erase(got, '\n');
  const std::string expected = std::string("smtp.mailfrom=ann@sender.example") + row.expected;
  EXPECT_TRUE(got.ends_with(expected)) << got;
}

INSTANTIATE_TEST_SUITE_P(Rows, Dnssec, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace gatepost::test
