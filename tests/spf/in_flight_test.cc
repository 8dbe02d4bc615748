// Many checks at a time: none waits for a question of another.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/flow/flow_driver.h"
#include "spf/evaluate.h"
#include "tests/support/timed_resolver.h"

namespace gatepost::spf {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kChecks = 2000;
constexpr int kDeadEvery = 20;  // 5 %

std::string domain(int check) {
  return "d" + std::to_string(check) +
         (check % kDeadEvery == 0 ? ".dead.example" : ".good.example");
}

dns::Zone zone_of_all() {
  std::string text = "$TTL 300\n";
  for (int i = 0; i < kChecks; ++i) {
    const std::string name = domain(i) + ". ";
    text += name + "TXT \"v=spf1 include:i." + domain(i) + " a -all\"\n";
    text += "i." + name + "TXT \"v=spf1 ip4:198.51.100.0/24 -all\"\n" + name + "A 192.0.2.1\n";
  }
  dns::Zone zone;
  EXPECT_TRUE(zone.add_text(text).ok());
  return zone;
}

/// A message with its driver, as the session has one each.
struct InFlight {
  std::unique_ptr<FlowDriver> driver;
  Pending<Outcome> pending;
  Duration ended{};
};

TEST(InFlight, HealthyChecksEndWithTheirOwnAnswersAndDeadOnesAtTheirDeadline) {
  const dns::Zone zone = zone_of_all();
  FakeClock clock;
  InlineExecutor home;
  // Each domain has its own time: 1 ms to 100 ms for each of its answers.
  const auto latency = [](int check) { return milliseconds(1 + check % 100); };
  testing::TimedResolver resolver(clock, zone, [&](const dns::Query& query) -> Duration {
    if (query.name.ends_with(".dead.example")) return Duration::max();
    const std::string_view name = query.name.starts_with("i.")
                                      ? std::string_view(query.name).substr(2)
                                      : std::string_view(query.name);
    return latency(std::stoi(std::string(name.substr(1))));
  });
  const SteadyTime begin = clock.steady();
  std::vector<InFlight> checks;
  checks.reserve(kChecks);
  for (int i = 0; i < kChecks; ++i) {
    auto driver = std::make_unique<FlowDriver>(resolver, clock, home);
    Request request;
    request.client = *IpAddress::parse("192.0.2.1");
    request.helo = "mail.example";
    request.mail_from = "a@" + domain(i);
    auto pending = driver->start<Outcome>(std::make_unique<CheckHost>(std::move(request)),
                                          Deadline::after(clock, seconds(20)));
    checks.push_back({std::move(driver), pending, {}});
    InFlight& check = checks.back();
    check.driver->when_ready({pending.handle()},
                             [&check, &clock, begin] { check.ended = clock.steady() - begin; });
  }
  EXPECT_EQ(clock.steady(), begin);
  EXPECT_GE(resolver.waiting(), static_cast<std::size_t>(kChecks)) << "all in flight";
  resolver.run();
  for (int i = 0; i < kChecks; ++i) {
    ASSERT_TRUE(checks[i].pending.ready()) << i;
    const Outcome& outcome = *checks[i].pending.get();
    if (i % kDeadEvery == 0) {
      EXPECT_EQ(outcome.code, ResultCode::temperror) << i;
      EXPECT_EQ(checks[i].ended, seconds(5)) << i << ": the deadline of one question";
    } else {
      EXPECT_EQ(outcome.code, ResultCode::pass) << i << " " << outcome.reason;
      EXPECT_EQ(checks[i].ended, 2 * latency(i)) << i << ": the record, then include and a at once";
    }
  }
}

}  // namespace
}  // namespace gatepost::spf
