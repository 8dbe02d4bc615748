#pragma once
// Rows of what decide() makes of findings.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "filter/policy/decide.h"

namespace gatepost::test {

/// One row a rule: findings (name@stage), the stage asked, and what comes out.
struct DecideCase {
  const char* name;
  std::vector<std::pair<const char*, Stage>> findings;
  Stage stage;
  Action action;
  int code;
  const char* enhanced;
  void (*arrange)(Policy&, Connection&, Envelope&) = nullptr;
  const char* recipient = nullptr;  ///< asked for at rcpt
};

inline void nothing(Policy&, Connection&, Envelope&) {}

inline Recipient recipient_of(const char* address) {
  const std::string text(address);
  return {text, text.starts_with("postmaster") || text.starts_with("abuse")};
}

inline void expect_decided(std::span<const DecideCase> cases) {
  for (const DecideCase& c : cases) {
    Policy policy;
    policy.mode = Mode::enforce;
    Connection connection;
    Envelope envelope;
    if (c.arrange) c.arrange(policy, connection, envelope);
    policy.finish();
    std::vector<Finding> findings;
    for (const auto& [name, stage] : c.findings) findings.push_back({name, stage, "", -1, 1});
    Recipient recipient;
    if (c.recipient) recipient = recipient_of(c.recipient);
    const Verdict v =
        decide(findings, policy, c.stage, connection, envelope, c.recipient ? &recipient : nullptr);
    EXPECT_EQ(to_string(v.action), to_string(c.action)) << c.name;
    EXPECT_EQ(v.reply.code, c.code) << c.name;
    EXPECT_EQ(v.reply.enhanced, c.enhanced) << c.name;
    EXPECT_FALSE(v.observed) << c.name;
  }
}

}  // namespace gatepost::test
