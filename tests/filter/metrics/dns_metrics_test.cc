#include "filter/metrics/dns_metrics.h"

#include <gtest/gtest.h>

#include "tests/support/fake_resolver.h"

namespace gatepost {
namespace {

using dns::RrType;
using dns::Status;
using std::chrono::microseconds;
using std::chrono::milliseconds;

struct ZoneCase {
  const char* name;
  const char* zone;
};

constexpr ZoneCase kZones[] = {
    {"4.3.2.1.zen.example.org", "zen.example.org"},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.example.org",
     "zen.example.org"},
    {"4.3.2.1.9.example.org", "9.example.org"},
    {"some.example.org", "some.example.org"},
    {"4.3.2.1", "4.3.2.1"},
    {"", ""},
};

TEST(DnsMetrics, ZoneOfAList) {
  for (const auto& c : kZones) EXPECT_EQ(list_zone(c.name), c.zone) << c.name;
}

void count(DnsMetrics& metrics, std::string_view kind, std::string_view name, Status status,
           std::optional<Duration> took) {
  metrics.answered(kind, dns::make_query(name, RrType::a), *dns::empty_answer(status), took);
}

TEST(DnsMetrics, ARowACheckAndARowAList) {
  DnsMetrics metrics;
  count(metrics, "spf", "a.example", Status::ok, milliseconds(1));
  count(metrics, "spf", "a.example", Status::ok, std::nullopt);
  count(metrics, "spf", "b.example", Status::lying, microseconds(1001));
  count(metrics, "spf", "c.example", Status::timeout, std::chrono::seconds(6));
  count(metrics, "dnsbl", "1.2.3.4.one.example", Status::nxdomain, milliseconds(9));
  count(metrics, "dnsbl", "1.2.3.4.two.example", Status::ok, milliseconds(9));
  const auto rows = metrics.read();
  ASSERT_EQ(rows.size(), 3U);
  const auto& spf = rows.at("spf");
  EXPECT_EQ(spf.cached, 1U);
  EXPECT_EQ(spf.asked, 3U);
  EXPECT_EQ(spf.by_status[static_cast<std::size_t>(Status::ok)], 2U);
  EXPECT_EQ(spf.by_status[static_cast<std::size_t>(Status::lying)], 1U);
  EXPECT_EQ(spf.by_latency[0], 1U) << "a bound belongs to its bucket";
  EXPECT_EQ(spf.by_latency[1], 1U);
  EXPECT_EQ(spf.by_latency.back(), 1U);
  EXPECT_EQ(spf.microseconds, 6'002'001U);
  EXPECT_EQ(spf.bound_of(0.5), 2);
  EXPECT_EQ(spf.bound_of(0.99), -1);
  EXPECT_EQ(rows.at("dnsbl.one.example").bound_of(0.99), 10);
  EXPECT_EQ(rows.count("dnsbl.two.example"), 1U);
  EXPECT_EQ(DnsMetrics::Row().bound_of(0.5), 0);
}

TEST(DnsMetrics, RowsAreBounded) {
  DnsMetrics metrics;
  for (int i = 0; i < 1000; ++i)
    count(metrics, "dnsbl", "1.2.3.4.l" + std::to_string(i) + ".example", Status::ok, {});
  const auto rows = metrics.read();
  EXPECT_LE(rows.size(), DnsMetrics::kMaxRows);
  EXPECT_EQ(rows.at("other").cached, 1000 - (rows.size() - 1));
}

/// Asks two names.
class TwoNames final : public Flow<bool> {
 public:
  Step<bool> step(const Answers& answers) override {
    Asker asker(answers);
    asker.ask(dns::make_query("a.example", RrType::a));
    asker.ask(dns::make_query("b.example", RrType::a));
    if (!asker.complete()) return asker.take_missing();
    return true;
  }
};

TEST(DnsMetrics, TheDriverTellsItOfEachAnswerOnce) {
  DnsMetrics metrics;
  testing::FakeResolver resolver("a.example. A 192.0.2.1\n");
  resolver.warm(dns::make_query("a.example", RrType::a));
  resolver.hold(true);
  FakeClock clock;
  InlineExecutor home;
  FlowDriver driver(resolver, clock, home, FlowOptions{.observer = &metrics});
  const Deadline deadline = Deadline::after(clock, std::chrono::seconds(20));
  driver.start<bool>(std::make_unique<TwoNames>(), deadline, "iprev");
  driver.start<bool>(std::make_unique<TwoNames>(), deadline, "spf");
  driver.flush();
  clock.advance(milliseconds(70));
  EXPECT_EQ(resolver.release_all(), 1U);
  const auto rows = metrics.read();
  ASSERT_EQ(rows.size(), 1U) << "who asked first has it";
  const auto& row = rows.at("iprev");
  EXPECT_EQ(row.cached, 1U);
  EXPECT_EQ(row.asked, 1U);
  EXPECT_EQ(row.bound_of(1), 100);
  EXPECT_EQ(driver.answer(dns::make_query("b.example", RrType::a))->status, Status::nxdomain);
  EXPECT_EQ(driver.answer(dns::make_query("c.example", RrType::a)), nullptr);
}

}  // namespace
}  // namespace gatepost
