// Store questions in flows: answered at once by an embedded store, later by one that is another
// machine.

#include <gtest/gtest.h>

#include "core/flow/flow_driver.h"
#include "core/store/memory_store.h"
#include "tests/core/store/remote_store.h"
#include "tests/support/fake_resolver.h"

namespace gatepost {
namespace {

using testing::FakeResolver;
using testing::RemoteStore;

std::string shown(const store::Answer& answer) {
  if (answer.status != store::Status::found)
    return std::string(to_string(answer.status)) + "(" + answer.reason + ")";
  return answer.value.data + ":" + std::to_string(answer.value.number);
}

/// Counts itself, reads a second key that the first's data names, and asks DNS beside.
class CountingFlow final : public Flow<std::string> {
 public:
  explicit CountingFlow(bool dns = false) : dns_(dns) {}
  Step<std::string> step(const Answers& answers) override {
    ++steps;
    Asker asker(answers);
    const auto* count = asker.ask(store::Add{{"s", "count"}, "other", 1, 0});
    if (dns_) asker.ask(dns::make_query("a", dns::RrType::txt));
    if (!asker.complete()) return asker.take_missing();
    if (count->status != store::Status::found) return shown(*count);
    const auto* other = asker.ask(store::Read{{"s", count->value.data}});
    if (!asker.complete()) return asker.take_missing();
    return shown(*count) + " " + shown(*other);
  }
  static inline int steps = 0;

 private:
  bool dns_;
};

class StoreQuestions : public ::testing::Test {
 protected:
  StoreQuestions() {
    CountingFlow::steps = 0;
    const store::Write other = store::Put{{"s", "other"}, "second", 7, 0};
    EXPECT_TRUE(memory_.apply(std::span(&other, 1)).ok());
  }
  Pending<std::string> start(FlowDriver& driver, bool dns = false) {
    return driver.start<std::string>(std::make_unique<CountingFlow>(dns), Deadline::never());
  }

  FakeClock clock_;
  FakeResolver resolver_{"a. TXT b\n"};
  InlineExecutor home_;
  store::MemoryStore memory_{clock_};
};

TEST_F(StoreQuestions, EmbeddedStoreAnswersOnTheCallingThread) {
  FlowDriver driver(resolver_, clock_, home_, {}, &memory_);
  const auto pending = start(driver);
  ASSERT_TRUE(pending.ready()) << "without a flush";
  EXPECT_EQ(*pending.get(), "other:1 second:7");
  EXPECT_EQ(driver.answers().store().size(), 2U) << "they are recorded";
  EXPECT_EQ(resolver_.batches(), 0U);
}

TEST_F(StoreQuestions, AnAdditionIsDoneOnceHoweverOftenAFlowSteps) {
  FlowDriver driver(resolver_, clock_, home_, {}, &memory_);
  const auto first = start(driver, true);
  EXPECT_FALSE(first.ready()) << "DNS must be asked";
  const auto second = start(driver);
  driver.flush();
  EXPECT_EQ(*first.get(), "other:1 second:7");
  EXPECT_EQ(*second.get(), "other:1 second:7") << "the same question of another flow too";
  EXPECT_GE(CountingFlow::steps, 4);
  FlowDriver next(resolver_, clock_, home_, {}, &memory_);
  EXPECT_EQ(*start(next).get(), "other:2 second:7") << "the next transaction counts again";
}

TEST_F(StoreQuestions, RecordedAnswersGiveTheSameResult) {
  FlowDriver driver(resolver_, clock_, home_, {}, &memory_);
  const std::string live = *start(driver).get();
  const Step<std::string> replayed = CountingFlow().step(driver.answers());
  ASSERT_EQ(replayed.index(), 0U);
  EXPECT_EQ(std::get<0>(replayed), live);
}

TEST_F(StoreQuestions, WithoutAStoreTheyAreUnavailable) {
  FlowDriver driver(resolver_, clock_, home_);
  EXPECT_EQ(*start(driver).get(), "unavailable(there is no store)");
}

TEST_F(StoreQuestions, RemoteStoreIsAskedInBatches) {
  RemoteStore remote(memory_);
  remote.hold(true);
  FlowDriver driver(resolver_, clock_, home_, {}, &remote);
  const auto first = start(driver, true);
  const auto second = start(driver);
  EXPECT_EQ(remote.batches(), 0U);
  driver.flush();
  EXPECT_EQ(remote.batches(), 1U);
  EXPECT_EQ(remote.held(), 1U) << "equal questions of several flows once";
  EXPECT_EQ(resolver_.batches(), 1U) << "DNS goes its own way at the same time";
  remote.release();
  EXPECT_EQ(remote.held(), 1U) << "the second round, of both flows";
  remote.release();
  ASSERT_TRUE(first.ready() && second.ready());
  EXPECT_EQ(*first.get(), "other:1 second:7");
  EXPECT_EQ(*second.get(), "other:1 second:7");
}

TEST_F(StoreQuestions, AnAdditionInFlightIsNotSentAgain) {
  RemoteStore remote(memory_);
  remote.hold(true);
  FlowDriver driver(resolver_, clock_, home_, {}, &remote);
  const auto first = start(driver);
  driver.flush();
  remote.hold(false);
  const auto late = start(driver);  // the store could answer at once now
  driver.flush();
  remote.release();
  EXPECT_EQ(*first.get(), "other:1 second:7");
  EXPECT_EQ(*late.get(), "other:1 second:7");
}

TEST_F(StoreQuestions, RemoteStoreThatIsTooSlowIsAnAnswer) {
  RemoteStore remote(memory_);
  remote.hold(true);
  FlowDriver driver(resolver_, clock_, home_, {}, &remote);
  const auto pending = start(driver);
  driver.flush();
  EXPECT_EQ(remote.last_deadline().at, Deadline::after(clock_, std::chrono::seconds(5)).at);
  remote.time_out();
  EXPECT_EQ(*pending.get(), "unavailable(timeout)");
}

TEST_F(StoreQuestions, DriverMayEndWhileTheStoreIsAsked) {
  RemoteStore remote(memory_);
  remote.hold(true);
  bool joined = false;
  {
    FlowDriver driver(resolver_, clock_, home_, {}, &remote);
    driver.when_ready({start(driver)}, [&] { joined = true; });
    EXPECT_EQ(remote.held(), 1U);
  }
  remote.release();
  EXPECT_FALSE(joined);
}

TEST_F(StoreQuestions, RunFlowWaitsForBoth) {
  RemoteStore remote(memory_);
  for (store::Store* store :
       {static_cast<store::Store*>(&memory_), static_cast<store::Store*>(&remote)}) {
    CountingFlow flow(true);
    Answers answers(clock_.unix_time());
    const auto result = run_flow(flow, resolver_, clock_, Deadline::never(), answers, {}, store);
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_EQ(result->substr(result->find(' ')), " second:7");
    EXPECT_EQ(answers.store().size(), 2U);
    EXPECT_EQ(answers.dns().size(), 1U);
  }
  CountingFlow flow;
  Answers answers(clock_.unix_time());
  EXPECT_EQ(*run_flow(flow, resolver_, clock_, Deadline::never(), answers),
            "unavailable(there is no store)");
}

TEST(AnswersOfStores, FirstOneStaysAndMerges) {
  const store::Question question = store::Read{{"s", "a"}};
  Answers one(1), two(1);
  one.add(question, store::found({"first", 1, 0}));
  one.add(question, store::found({"second", 2, 0}));
  two.add(question, store::found({"third", 3, 0}));
  two.add(store::Read{{"s", "b"}}, store::found({"b", 0, 0}));
  one.merge(two);
  EXPECT_EQ(one.find(question)->value.data, "first");
  EXPECT_EQ(one.store().size(), 2U);
  EXPECT_EQ(one.find(store::Question(store::Add{{"s", "a"}, "", 1, 0})), nullptr)
      << "a read is no addition";
}

}  // namespace
}  // namespace gatepost
