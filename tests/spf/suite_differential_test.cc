// The cases of the RFC 7208 suite that libspf2 decides otherwise, each under the deviation that
// explains it (docs/decisions/0009-libspf2-as-a-second-engine.md). A case that differs and is not
// listed is a failure, and so is a listed one that agrees.

#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "spf/libspf2.h"
#include "tests/spf/openspf_suite.h"

namespace gatepost::spf::test {
namespace {

struct Deviation {
  const char* what;  ///< with the section of RFC 7208 that says otherwise
  std::set<std::string> cases;
};

const Deviation kDeviations[] = {
    {"4.6.1: a faulty term is warned about and skipped", {"control-char-policy"}},
    {"4.6.1: a modifier's name ends at a dot",
     {"modifier-charset-good", "redirect-after-mechanisms2"}},
    {"4.6.1: 'redirect:' is read as the modifier", {"redirect-is-modifier"}},
    {"4.6.4: lookup terms count anew in each include", {"include-over-limit"}},
    {"5.5: an error of DNS in ptr is not skipped", {"ptr-cname-loop"}},
    {"5.5: of several names only the first is looked at", {"p-macro-multiple"}},
    {"5.6: a prefix of 0 is refused",
     {"a-nxdomain", "a-cidr4-0", "a-cidr4-0-ip6", "a-cidr6-0-ip4", "a-cidr6-0-ip4mapped",
      "a-cidr6-0-ip6", "a-cidr6-0-nxdomain", "mx-nxdomain", "mx-cidr4-0", "mx-cidr4-0-ip6",
      "mx-cidr6-0-ip4", "mx-cidr6-0-ip4mapped", "mx-cidr6-0-ip6", "mx-cidr6-0-nxdomain", "cidr4-0",
      "cidr6-0-ip4", "cidr6-ip4", "cidr6-0"}},
    {"5.6: a prefix may start with 0", {"cidr4-032"}},
    {"6: redirect and exp may stand twice", {"exp-twice", "redirect-twice"}},
    {"6.1: redirect is evaluated where it stands", {"redirect-after-mechanisms1"}},
    {"6.2: of several TXT records the first explains", {"exp-multiple-txt", "two-exp-records"}},
    {"7.1: an empty domain is accepted",
     {"ptr-empty-domain", "a-empty-domain", "mx-empty-domain", "exists-empty-domain",
      "exp-empty-domain", "redirect-empty-domain"}},
    {"7.1: a domain without a top label never matches and is no error",
     {"invalid-domain", "a-bad-domain", "a-numeric", "a-numeric-toplabel", "a-bad-toplabel",
      "a-only-toplabel", "a-only-toplabel-trailing-dot", "mx-bad-domain", "mx-numeric-top-label",
      "mx-bad-toplab", "exists-cidr", "exp-syntax-error"}},
    {"7.1: a faulty macro is no error",
     {"unknown-modifier-syntax", "exp-only-macro-char", "invalid-macro-char",
      "invalid-embedded-macro-char", "invalid-trailing-macro-char"}},
    {"7.3: a name over 253 octets is not shortened", {"domain-name-truncation"}},
    {"7.3: hexadecimal digits are in lower case", {"v-macro-ip6", "upper-macro"}},
};

std::string deviation(const std::string& name) {
  for (const Deviation& known : kDeviations) {
    if (known.cases.contains(name)) return known.what;
  }
  return "agree";
}

class SuiteDifferential : public testing::TestWithParam<SuiteCase> {};

TEST_P(SuiteDifferential, AgreesOrIsAKnownDeviation) {
  const SuiteCase& c = GetParam();
  const Outcome native = check(*c.zone, c.request).outcome;
  Libspf2Check second(c.request);
  const Outcome library = drive(*c.zone, second).outcome;
  const bool agree = native.code == library.code && native.explanation == library.explanation;
  EXPECT_EQ(agree, deviation(c.name) == "agree")
      << c.name << " (" << c.section << "), " << deviation(c.name) << "\n"
      << to_string(native.code) << " '" << native.explanation << "' " << native.reason << "\n"
      << to_string(library.code) << " '" << library.explanation << "' " << library.reason;
}

INSTANTIATE_TEST_SUITE_P(Rfc7208, SuiteDifferential,
                         testing::ValuesIn(load_suite("rfc7208-tests.yml")),
                         [](const auto& suite) { return test_name(suite.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SuiteDifferential);

}  // namespace
}  // namespace gatepost::spf::test
