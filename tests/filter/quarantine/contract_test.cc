// What a session may rely on, of the quarantine on disk and of the fake.

#include <functional>

#include <gtest/gtest.h>

#include "filter/quarantine/disk_quarantine.h"
#include "tests/filter/quarantine/quarantine_test.h"
#include "tests/support/session/fake_quarantine.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::test {
namespace {

struct Real {
  Real()
      : disk({.directory = folder / "q", .min_free = 0}, clock, metrics,
             [](const std::string&) {}) {}
  TempFolder folder;
  FakeClock clock;
  Metrics metrics;
  quarantine::DiskQuarantine disk;
};

class Contract : public ::testing::TestWithParam<const char*> {
 protected:
  Quarantine& quarantine() {
    return std::string_view(GetParam()) == "disk" ? static_cast<Quarantine&>(real_.disk) : fake_;
  }
  Real real_;
  FakeQuarantine fake_;
};

TEST_P(Contract, KeepsOneOfAReference) {
  const auto message = message_of(kLetter);
  EXPECT_TRUE(quarantine().keep(*message, record_of("AAA-1")).ok());
  const auto again = quarantine().keep(*message, record_of("AAA-1"));
  ASSERT_FALSE(again.ok()) << "never over another entry";
  EXPECT_EQ(again.error().kind, ErrorKind::temporary);
  EXPECT_TRUE(quarantine().keep(*message, record_of("AAA-2")).ok());
}

TEST_P(Contract, ConfirmTakesAnyReference) {
  quarantine().confirm("NONE-1");
  quarantine().confirm("");
}

TEST_P(Contract, MailWithoutATokenIsNoRelease) {
  EXPECT_FALSE(quarantine().check_release(*message_of(kLetter), envelope_of("", {"b@c.example"})));
}

TEST_P(Contract, AnUnknownTokenIsBad) {
  const auto message = message_of(std::string("x-gatepost-release: what\n") + kLetter);
  const auto check = quarantine().check_release(*message, envelope_of("", {"b@c.example"}));
  ASSERT_TRUE(check);
  EXPECT_FALSE(check->good);
  EXPECT_FALSE(check->detail.empty());
}

INSTANTIATE_TEST_SUITE_P(Of, Contract, ::testing::Values("disk", "fake"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace gatepost::test
