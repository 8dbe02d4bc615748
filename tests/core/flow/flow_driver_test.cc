#include "core/flow/flow_driver.h"

#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_resolver.h"

namespace gatepost {
namespace {

using dns::make_query;
using dns::Query;
using dns::RrType;
using dns::Status;
using testing::FakeResolver;

Query txt(const std::string& name) {
  return make_query(name, RrType::txt);
}

/// Follows TXT records that name the next name until one is no name of the zone; gives what it saw.
class ChainFlow final : public Flow<std::string> {
 public:
  explicit ChainFlow(std::string first, std::vector<std::string> beside = {})
      : first_(std::move(first)), beside_(std::move(beside)) {}
  ~ChainFlow() override {
    if (alive_ != nullptr) --*alive_;
  }
  void count_alive(int* alive) { ++*(alive_ = alive); }

  Step<std::string> step(const Answers& answers) override {
    Asker asker(answers);
    for (const auto& name : beside_) asker.ask(txt(name));
    std::string seen;
    std::string name = first_;
    for (;;) {
      const auto* answer = asker.ask(txt(name));
      if (answer == nullptr) break;
      if (answer->status != Status::ok) {
        seen += to_string(answer->status);
        break;
      }
      seen += answer->texts.front() + ">";
      name = answer->texts.front();
    }
    if (!asker.complete()) return asker.take_missing();
    return seen;
  }

 private:
  std::string first_;
  std::vector<std::string> beside_;
  int* alive_ = nullptr;
};

class LambdaFlow final : public Flow<int> {
 public:
  explicit LambdaFlow(std::function<Step<int>(const Answers&)> step) : step_(std::move(step)) {}
  Step<int> step(const Answers& answers) override { return step_(answers); }

 private:
  std::function<Step<int>(const Answers&)> step_;
};

std::unique_ptr<Flow<std::string>> chain(std::string first, std::vector<std::string> beside = {}) {
  return std::make_unique<ChainFlow>(std::move(first), std::move(beside));
}

std::unique_ptr<Flow<int>> lambda(std::function<Step<int>(const Answers&)> step) {
  return std::make_unique<LambdaFlow>(std::move(step));
}

constexpr const char* kZone = "a. TXT b\nb. TXT c\nc. TXT end\nx. TXT y\n";

class FlowDriverTest : public ::testing::Test {
 protected:
  Deadline in(int seconds) const { return Deadline::after(clock_, std::chrono::seconds(seconds)); }

  FakeResolver resolver_{kZone};
  FakeClock clock_;
  InlineExecutor home_;
  WaitingExecutor queue_;
};

TEST_F(FlowDriverTest, CachedAnswersNeedNoFlushAndNoBatch) {
  resolver_.set_cached(true);
  FlowDriver driver(resolver_, clock_, home_);
  const auto pending = driver.start(chain("a"), in(10));
  ASSERT_TRUE(pending.ready());
  EXPECT_EQ(*pending.get(), "b>c>end>nxdomain");
  driver.flush();
  EXPECT_EQ(resolver_.batches(), 0U);
  EXPECT_EQ(driver.answers().dns().size(), 4U);
  EXPECT_EQ(driver.answers().unix_time(), clock_.unix_time());
}

TEST_F(FlowDriverTest, OneBatchAFlush) {
  resolver_.hold(true);
  FlowDriver driver(resolver_, clock_, home_);
  const auto first = driver.start(chain("a", {"p", "q"}), in(10));
  const auto second = driver.start(chain("x", {"p"}), in(20));
  const auto third = driver.start(chain("a"), in(10));
  EXPECT_EQ(resolver_.batches(), 0U);
  driver.flush();
  EXPECT_EQ(resolver_.batches(), 1U);
  EXPECT_EQ(resolver_.questions(), 4U) << "equal questions of several flows once";
  EXPECT_EQ(resolver_.last_deadline().at, in(5).at) << "the query timeout";
  driver.flush();
  EXPECT_EQ(resolver_.batches(), 1U) << "nothing to send";
  resolver_.hold(false);
  resolver_.release_all();
  EXPECT_EQ(*first.get(), "b>c>end>nxdomain");
  EXPECT_EQ(*second.get(), "y>nxdomain");
  EXPECT_EQ(*third.get(), "b>c>end>nxdomain");
  EXPECT_EQ(resolver_.times_asked(txt("b")), 1U);
}

TEST_F(FlowDriverTest, NewMissesAreAskedAtOnceAsOneBatch) {
  resolver_.hold(true);
  FlowDriver driver(resolver_, clock_, home_);
  const auto pending = driver.start(chain("a"), in(10));
  driver.flush();
  EXPECT_EQ(resolver_.release(txt("a")), 1U);
  EXPECT_EQ(resolver_.batches(), 2U);
  EXPECT_EQ(resolver_.held(), 1U);
  EXPECT_FALSE(pending.ready());
}

TEST_F(FlowDriverTest, DeadlineOfTheFlowLimitsItsQuestions) {
  resolver_.hold(true);
  FlowDriver driver(resolver_, clock_, home_);
  const auto soon = driver.start(chain("a"), in(2));
  const auto later = driver.start(chain("x"), in(20));
  driver.flush();
  EXPECT_EQ(resolver_.batches(), 2U) << "deadlines that are far apart";
  clock_.advance(std::chrono::seconds(2));
  resolver_.time_out(txt("a"));
  EXPECT_EQ(*soon.get(), "timeout");
  EXPECT_FALSE(later.ready());
  clock_.advance(std::chrono::seconds(1));
  resolver_.release(txt("x"));
  EXPECT_EQ(resolver_.last_deadline().at, in(5).at);
}

TEST_F(FlowDriverTest, AThrowingStepIsAnInternalError) {
  FlowDriver driver(resolver_, clock_, home_);
  const auto at_once = driver.start(
      lambda([](const Answers&) -> Step<int> { throw std::runtime_error("boom"); }), in(10));
  const auto later = driver.start(lambda([](const Answers& answers) -> Step<int> {
                                    Asker asker(answers);
                                    if (asker.ask(txt("a")) == nullptr) return asker.take_missing();
                                    throw 7;  // NOLINT: not even a std::exception
                                  }),
                                  in(10));
  ASSERT_TRUE(at_once.ready());
  EXPECT_EQ(at_once.get().error().kind, ErrorKind::internal);
  EXPECT_EQ(at_once.get().error().what, "a check failed with an exception: boom");
  driver.flush();
  ASSERT_TRUE(later.ready());
  EXPECT_EQ(later.get().error().what, "a check failed with an exception: an unknown exception");
}

Step<int> ask_for_ever(const Answers& answers, int at_once) {
  std::vector<Question> questions;
  const std::size_t known = answers.dns().size();
  for (int i = 0; i < at_once; ++i) {
    questions.emplace_back(txt("q" + std::to_string(known) + "-" + std::to_string(i)));
  }
  return questions;
}

struct BudgetCase {
  const char* name;
  int at_once;
  std::size_t asked;
};

constexpr BudgetCase kBudgetCases[] = {
    {"40_rounds", 1, 40},
    {"300_questions", 100, 300},
    {"300_questions_in_one_round", 301, 0},
    {"a_step_without_question_or_result", 0, 0},
};

TEST_F(FlowDriverTest, BudgetsOfAFlow) {
  for (const bool cached : {false, true}) {
    for (const auto& c : kBudgetCases) {
      FakeResolver resolver;
      resolver.set_cached(cached);
      FlowDriver driver(resolver, clock_, home_);
      const auto step = [&c](const Answers& answers) { return ask_for_ever(answers, c.at_once); };
      const auto pending = driver.start(lambda(step), in(10));
      driver.flush();
      ASSERT_TRUE(pending.ready()) << c.name;
      EXPECT_EQ(pending.get().error().what, "too many questions: a check may ask 300 in 40 rounds")
          << c.name;
      EXPECT_EQ(driver.answers().dns().size(), c.asked) << c.name;
      LambdaFlow flow(step);
      Answers answers(0);
      EXPECT_EQ(run_flow(flow, resolver, clock_, in(10), answers).error().what,
                pending.get().error().what)
          << c.name;
      EXPECT_EQ(answers.dns().size(), c.asked) << c.name;
    }
  }
}

TEST_F(FlowDriverTest, WhenReadyCallsOnceThroughHome) {
  resolver_.hold(true);
  FlowDriver driver(resolver_, clock_, queue_);
  const auto first = driver.start(chain("a"), in(10));
  const auto second = driver.start(chain("x"), in(10));
  int called = 0;
  driver.when_ready({first, second}, [&] { ++called; });
  EXPECT_EQ(resolver_.batches(), 1U) << "it flushes";
  resolver_.hold(false);
  resolver_.release(txt("a"));
  queue_.run_ready();
  EXPECT_EQ(called, 0);
  resolver_.release_all();
  EXPECT_EQ(called, 0) << "only on its home";
  queue_.run_ready();
  queue_.run_ready();
  EXPECT_EQ(called, 1);
  driver.when_ready({first, second}, [&] { ++called; });
  driver.when_ready({}, [&] { ++called; });
  EXPECT_EQ(called, 1) << "also when all is ready";
  queue_.run_ready();
  EXPECT_EQ(called, 3);
}

TEST_F(FlowDriverTest, WhenReadyTakesPromisesOfOthers) {
  FlowDriver driver(resolver_, clock_, home_);
  Promise<int> promise;
  const Pending<int> made(Result<int>(4));
  int called = 0;
  driver.when_ready({promise.pending(), made}, [&] { ++called; });
  EXPECT_EQ(called, 0);
  promise.fulfil(3);
  EXPECT_EQ(called, 1);
  EXPECT_EQ(*promise.pending().get() + *made.get(), 7);
}

TEST_F(FlowDriverTest, DestructionWithAnswersInFlight) {
  resolver_.hold(true);
  int called = 0;
  int alive = 0;
  std::optional<Pending<std::string>> pending;
  {
    FlowDriver driver(resolver_, clock_, home_);
    auto flow = std::make_unique<ChainFlow>("a");
    flow->count_alive(&alive);
    pending = driver.start(std::unique_ptr<Flow<std::string>>(std::move(flow)), in(10));
    // `then` holds the Pending that would hold it: nothing leaks (LeakSanitizer).
    driver.when_ready({*pending}, [&called, held = *pending] { ++called; });
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0) << "flows die with their driver";
  resolver_.release_all();
  EXPECT_FALSE(pending->ready());
  EXPECT_EQ(called, 0);
}

TEST_F(FlowDriverTest, PostedButDestroyedBefore) {
  int called = 0;
  {
    FlowDriver driver(resolver_, clock_, queue_);
    driver.when_ready({driver.start(chain("a"), in(10))}, [&] { ++called; });
  }
  queue_.run_ready();
  EXPECT_EQ(called, 0);
}

TEST_F(FlowDriverTest, ThenMayStartMoreAndDestroyTheDriver) {
  auto driver = std::make_unique<FlowDriver>(resolver_, clock_, home_);
  std::string second;
  const auto first = driver->start(chain("a"), in(10));
  driver->when_ready({first}, [&] {
    const auto next = driver->start(chain("x"), in(10));
    driver->when_ready({next}, [&, next] {
      second = *next.get();
      driver.reset();
    });
  });
  EXPECT_EQ(second, "y>nxdomain");
  EXPECT_EQ(driver, nullptr);
}

TEST_F(FlowDriverTest, TwoThousandFlowsInFlight) {
  resolver_.hold(true);
  std::vector<std::unique_ptr<FlowDriver>> drivers;
  std::vector<Pending<std::string>> pendings;
  std::size_t called = 0;
  for (int i = 0; i < 200; ++i) {
    auto& driver = drivers.emplace_back(std::make_unique<FlowDriver>(resolver_, clock_, queue_));
    std::vector<PendingHandle> handles;
    for (int flow = 0; flow < 10; ++flow) {
      const auto name = "n" + std::to_string(i) + "-" + std::to_string(flow);
      resolver_.set_txt(name, "a");
      handles.emplace_back(pendings.emplace_back(driver->start(chain(name), in(10))));
    }
    driver->when_ready(handles, [&called] { ++called; });
  }
  EXPECT_EQ(resolver_.batches(), 200U);
  EXPECT_EQ(resolver_.held(), 2000U);
  resolver_.hold(false);
  // Answers come on another thread; some drivers are destroyed meanwhile.
  std::thread network([this] { resolver_.release_all(); });
  for (std::size_t i = 0; i < drivers.size(); i += 20) drivers[i].reset();
  EXPECT_TRUE(queue_.run_until([&] { return called >= 190; },
                               std::chrono::steady_clock::now() + std::chrono::seconds(60)));
  network.join();
  queue_.run_ready();
  EXPECT_EQ(called, 190U) << "never after destruction: their tasks were posted or not, none ran";
  std::size_t done = 0;
  for (const auto& pending : pendings) {
    if (!pending.ready()) continue;
    EXPECT_EQ(*pending.get(), "a>b>c>end>nxdomain");
    ++done;
  }
  EXPECT_GE(done, 1900U);
}

TEST_F(FlowDriverTest, StartsOnManyThreadsShareAResolver) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      WaitingExecutor home;
      for (int i = 0; i < 50; ++i) {
        FlowDriver driver(resolver_, clock_, home);
        const auto pending = driver.start(chain("a"), in(10));
        bool ready = false;
        driver.when_ready({pending}, [&] { ready = true; });
        home.run_until([&] { return ready; },
                       std::chrono::steady_clock::now() + std::chrono::seconds(20));
        if (ready && *pending.get() == "b>c>end>nxdomain") ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

TEST_F(FlowDriverTest, RunFlowWaits) {
  resolver_.warm(txt("b"));
  ChainFlow flow("a", {"p"});
  Answers answers(clock_.unix_time());
  const auto result = run_flow(flow, resolver_, clock_, in(10), answers);
  EXPECT_EQ(*result, "b>c>end>nxdomain");
  EXPECT_EQ(resolver_.times_asked(txt("b")), 0U) << "it was cached";
  EXPECT_EQ(answers.dns().size(), 5U);
  // The same answers give the same result without a resolver.
  FakeResolver nothing;
  ChainFlow again("a", {"p"});
  EXPECT_EQ(*run_flow(again, nothing, clock_, in(10), answers), *result);
  EXPECT_EQ(nothing.questions(), 0U);
  LambdaFlow throwing([](const Answers&) -> Step<int> { throw std::runtime_error("boom"); });
  EXPECT_EQ(run_flow(throwing, resolver_, clock_, in(10), answers).error().kind,
            ErrorKind::internal);
}

TEST_F(FlowDriverTest, RunFlowAnsweredByAnotherThread) {
  resolver_.hold(true);
  std::atomic<bool> stop{false};
  std::thread network([&] {
    while (!stop) {
      resolver_.release_all();
      std::this_thread::yield();
    }
  });
  ChainFlow flow("a");
  Answers answers(0);
  EXPECT_EQ(*run_flow(flow, resolver_, clock_, in(10), answers), "b>c>end>nxdomain");
  stop = true;
  network.join();
}

}  // namespace
}  // namespace gatepost
