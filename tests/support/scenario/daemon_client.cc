#include "tests/support/scenario/daemon_client.h"

#include <gtest/gtest.h>

#include "tests/support/milter/transaction.h"

namespace gatepost::test {

milter::MilterClient connected(const DaemonUnderTest& daemon) {
  auto client = milter::MilterClient::open(daemon.endpoint());
  EXPECT_TRUE(client.ok() && client->negotiate().ok());
  EXPECT_TRUE(client->connect({.name = "a.example", .address = "192.0.2.1"}).ok());
  EXPECT_TRUE(client->helo("a.example").ok());
  return std::move(*client);
}

bool passes(milter::MilterClient& client) {
  const std::string message = "From: a@b.example\nSubject: x\n\nbody\n";
  const auto outcome = milter::run_transaction(
      client, {.mail_from = "a@b.example", .recipients = {"c@d.example"}, .message = message});
  return outcome.ok() && outcome->delivered();
}

}  // namespace gatepost::test
