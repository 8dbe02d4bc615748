// check-key: every fault of a published record, in words.

#include "dkim/key_report.h"

#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

constexpr char kEd[] = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

std::string rsa_record(int bits) {
  const auto key = PrivateKey::generate(KeyType::rsa, bits);
  EXPECT_TRUE(key);
  return (*key)->record();
}

std::string shown(const KeyReport& report) {
  std::string text;
  for (const auto& remark : report.remarks)
    text += (text.empty() ? "" : " | ") +
            std::string(remark.weight == KeyRemark::Weight::fault ? "" : "note: ") + remark.what;
  return text;
}

KeyReport report(const std::vector<std::string>& texts, const PrivateKey* own = nullptr) {
  dns::Answer answer;
  answer.status = dns::Status::ok;
  answer.texts = texts;
  return report_key(answer, own);
}

struct Case {
  const char* name;
  std::vector<std::string> texts;
  std::string expected;
  bool good = false;
};

std::vector<Case> cases() {
  const std::string p = std::string(kEd).substr(std::string(kEd).find(" p="));
  const std::string ed = "v=DKIM1; k=ed25519;";
  return {
      {"good_ed25519", {kEd}, "", true},
      {"good_rsa", {rsa_record(2048)}, "", true},
      {"rsa_1024_rfc8301",
       {rsa_record(1024)},
       "note: the RSA key has 1024 bits, expected 2048 or more (RFC 8301)",
       true},
      {"revoked_rfc6376_3_6_1", {"v=DKIM1; p="}, "the key is revoked (p= is empty)"},
      {"no_key", {"v=DKIM1; k=rsa"}, "p=, the key itself, is missing"},
      {"testing",
       {ed + " t=y;" + p},
       "t=y: the domain says that it is testing, so the signature counts for nothing"},
      {"strict",
       {ed + " t=s;" + p},
       "note: t=s: i= must have exactly the domain of d=, no subdomain",
       true},
      {"unknown_flag", {ed + " t=z;" + p}, "note: t=z is no flag that anybody knows", true},
      {"sha1_only",
       {ed + " h=sha1;" + p},
       "h=sha1: signatures use sha256, which this key does not allow (RFC 8301 forbids sha1)"},
      {"sha1_too", {ed + " h=sha1:sha256;" + p}, "", true},
      {"other_service",
       {ed + " s=tlsrpt;" + p},
       "s=tlsrpt: the key is not for e-mail, expected email or *"},
      {"service_email", {ed + " s=x:email;" + p}, "", true},
      {"no_version",
       {"k=ed25519;" + p},
       "note: v=DKIM1 is missing: it is optional, but some want it",
       true},
      {"wrong_version",
       {"v=DKIM2; k=ed25519;" + p},
       "v=DKIM2: expected v=DKIM1, verifiers ignore this record"},
      {"version_not_first",
       {"k=ed25519; v=DKIM1;" + p},
       "v= stands behind k=: it must be the first tag"},
      {"type", {"v=DKIM1; k=dsa;" + p}, "k=dsa: expected rsa or ed25519"},
      {"not_base64", {"v=DKIM1; p=AQ!D"}, "p= is not base64: it was cut or changed"},
      {"unknown_tag",
       {ed + " x=1;" + p},
       "note: x= is no tag of a key record and is ignored",
       true},
      {"local_part_rfc4871",
       {ed + " g=ann;" + p},
       "note: g=ann: a tag of RFC 4871 that restricts the key to one local part for old verifiers, "
       "and is ignored by others",
       true},
      {"several",
       {kEd, "v=DKIM1; p="},
       "2 key records stand at this name, expected one: verifiers take any of them"},
      {"beside_others",
       {"v=spf1 -all", kEd},
       "1 other TXT records stand at this name, expected the key alone"},
      {"several_faults_at_once",
       {"k=ed25519; v=DKIM1; h=sha1; s=x; t=y; p="},
       "v= stands behind k=: it must be the first tag | h=sha1: signatures use sha256, which this "
       "key does not allow (RFC 8301 forbids sha1) | s=x: the key is not for e-mail, expected "
       "email "
       "or * | t=y: the domain says that it is testing, so the signature counts for nothing | the "
       "key is revoked (p= is empty)"},
  };
}

class Reports : public testing::TestWithParam<Case> {};

TEST_P(Reports, NameEveryFault) {
  const KeyReport made = report(GetParam().texts);
  EXPECT_EQ(shown(made), GetParam().expected);
  EXPECT_EQ(made.good(), GetParam().good);
  EXPECT_FALSE(made.temporary);
}
INSTANTIATE_TEST_SUITE_P(KeyReport, Reports, testing::ValuesIn(cases()),
                         [](const auto& row) { return row.param.name; });

TEST(KeyReport, TellsHowTheRecordWasSpoiled) {
  EXPECT_TRUE(
      shown(report({"v=DKIM1\\; k=ed25519\\; p=AQID"}))
          .starts_with(
              "the record holds a backslash: it was escaped for a zone file, expected plain ';'"));
  EXPECT_TRUE(
      shown(report({"\"v=DKIM1; p=AQID\""})).starts_with("the record holds a quotation mark: "));
  EXPECT_TRUE(
      shown(report({"v=DKIM1; p=AQID; p=AQID"})).starts_with("the record cannot be read: "));
  EXPECT_TRUE(shown(report({"v=DKIM1; p=AQID"})).starts_with("p= holds no rsa key: "));
}

TEST(KeyReport, SmallKeysAreFaults) {
  const KeyReport made = report({test::TestKey::rsa(512).record()});
  EXPECT_EQ(made.bits, 512);
  EXPECT_EQ(shown(made), "the RSA key has 512 bits: below 1024 verifiers refuse it (RFC 8301)");
}

TEST(KeyReport, ComparesWithThePrivateKey) {
  const auto ed = PrivateKey::generate(KeyType::ed25519, 0);
  const auto rsa = PrivateKey::generate(KeyType::rsa, 1024);
  ASSERT_TRUE(ed && rsa);
  EXPECT_EQ(shown(report({(*ed)->record()}, ed->get())), "");
  EXPECT_EQ(shown(report({kEd}, ed->get())),
            "the private key does not belong to the published one: signatures fail");
  EXPECT_EQ(shown(report({kEd}, rsa->get())), "the private key is rsa, the published one ed25519");
}

TEST(KeyReport, TellsNoRecordFromNoAnswer) {
  dns::Answer answer;
  answer.status = dns::Status::nxdomain;
  EXPECT_EQ(shown(report_key(answer, nullptr)), "there is no record: the name does not exist");
  answer.status = dns::Status::no_data;
  EXPECT_EQ(shown(report_key(answer, nullptr)),
            "there is no record: the name exists, without a TXT record");
  answer.status = dns::Status::servfail;
  answer.reason = "lame";
  const KeyReport made = report_key(answer, nullptr);
  EXPECT_TRUE(made.temporary);
  EXPECT_FALSE(made.good());
  EXPECT_EQ(shown(made), "DNS gives no answer: servfail (lame)");
}

}  // namespace
}  // namespace gatepost::dkim
