// Rotation: every step, and what a kill -9 at any point leaves behind.

#include "filter/keys/rotation.h"

#include <csignal>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/system/temp_folder.h"

namespace gatepost::keys {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kNow = 1767225600;  // 2026-01-01
constexpr std::int64_t kWeek = 7 * 86400;

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class RotationTest : public testing::Test {
 protected:
  RotationTest() : temp_("rotation"), folder_(temp_ / "our.example") {}

  void old_key(const char* selector, dkim::KeyType type = dkim::KeyType::ed25519) {
    const auto key = dkim::PrivateKey::generate(type, 1024);
    ASSERT_TRUE(key && folder_.write_key(selector, (*key)->pem(), {}));
  }
  std::vector<std::string> current() const {
    const auto selectors = folder_.current();
    EXPECT_TRUE(selectors) << selectors.error().text();
    return selectors ? *selectors : std::vector<std::string>();
  }
  static Rotation::Plan plan() {
    Rotation::Plan made;
    made.type = dkim::KeyType::ed25519;
    return made;
  }
  /// Runs on until nothing is left to do at `now`; DNS serves the key when `serve`.
  static Result<void> run(Rotation& rotation, std::int64_t now, bool serve) {
    for (;;) {
      const auto moved = rotation.advance(now);
      if (!moved) return moved.error();
      if (*moved) continue;
      if (rotation.state().step != RotationStep::publish || !serve) return {};
      if (const auto served = rotation.served(); !served) return served;
    }
  }
  /// As the program does it: go on with what is there, or begin.
  Result<void> start_and_run(std::int64_t now, bool serve, const Rotation::Checkpoint& point = {}) {
    Rotation rotation(folder_, "our.example", point);
    const auto there = rotation.load();
    if (!there) return there.error();
    if (!*there) {
      if (const auto begun = rotation.begin(plan(), now); !begun) return begun;
    }
    return run(rotation, now, serve);
  }
  RotationState state() {
    Rotation rotation(folder_, "our.example");
    EXPECT_TRUE(rotation.load());
    return rotation.state();
  }

  test::TempFolder temp_;
  KeyFolder folder_;
};

TEST_F(RotationTest, GoesThroughItsSteps) {
  old_key("s1");
  old_key("r1", dkim::KeyType::rsa);
  ASSERT_TRUE(folder_.set_current({"r1", "s1"}));
  ASSERT_TRUE(start_and_run(kNow, false));
  EXPECT_EQ(state().step, RotationStep::publish);
  EXPECT_EQ(state().selector, "20260101e");
  EXPECT_EQ(state().old_selector, "s1") << "the one of the same type";
  EXPECT_THAT(current(), ElementsAre("r1", "s1")) << "nothing signs before DNS serves it";
  ASSERT_TRUE(start_and_run(kNow + 60, true));
  EXPECT_EQ(state().step, RotationStep::retire);
  EXPECT_THAT(current(), ElementsAre("r1", "20260101e"));
  EXPECT_EQ(state().changed, kNow + 60);
  ASSERT_TRUE(start_and_run(kNow + kWeek, true));
  EXPECT_EQ(state().step, RotationStep::retire) << "a minute too early";
  EXPECT_TRUE(std::filesystem::exists(folder_.key_file("s1")));
  ASSERT_TRUE(start_and_run(kNow + kWeek + 60, true));
  EXPECT_EQ(state().step, RotationStep::done);
  EXPECT_FALSE(std::filesystem::exists(folder_.key_file("s1")));
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "s1.retired"));
  const RotationState before = state();
  ASSERT_TRUE(start_and_run(kNow + 2 * kWeek, true));
  EXPECT_EQ(state(), before) << "once more is nothing more";
}

TEST_F(RotationTest, FirstKeyHasNoOldOne) {
  ASSERT_TRUE(start_and_run(kNow, true));
  EXPECT_EQ(state().step, RotationStep::done);
  EXPECT_THAT(current(), ElementsAre("20260101e"));
  struct stat status {};
  ASSERT_EQ(::stat(folder_.key_file("20260101e").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(RotationTest, NextOneOfADayHasAnotherName) {
  ASSERT_TRUE(start_and_run(kNow, true));
  Rotation rotation(folder_, "our.example");
  const auto there = rotation.load(true);
  ASSERT_TRUE(there);
  EXPECT_FALSE(*there) << "a done one makes room when asked to";
  ASSERT_TRUE(rotation.begin(plan(), kNow));
  EXPECT_EQ(rotation.state().selector, "20260101e-a");
  EXPECT_EQ(rotation.state().old_selector, "20260101e");
}

TEST_F(RotationTest, NewKeyMayBeReadByWhoReadsTheOldOne) {
  old_key("s1");
  ::chmod(folder_.key_file("s1").c_str(), 0640);
  ASSERT_TRUE(folder_.set_current({"s1"}));
  ASSERT_TRUE(start_and_run(kNow, false));
  struct stat status {};
  ASSERT_EQ(::stat(folder_.key_file("20260101e").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
}

constexpr char kGood[] =
    R"({"version":1,"step":"make","domain":"our.example","selector":"x","old_selector":"","type":"rsa",)"
    R"("bits":2048,"retire_after":1,"began":1,"changed":0})";

TEST_F(RotationTest, StateThatIsNoneIsRefused) {
  ASSERT_TRUE(RotationState::from_json(kGood));
  const std::string good = kGood;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const std::pair<std::string, const char*> rows[] = {
      {"", "expected a JSON object"},
      {"[]", "expected a JSON object"},
      {good.substr(0, 40), "expected a JSON object"},
      {with("\"make\"", "\"walk\""), "step walk"},
      {with("\"version\":1", "\"version\":2"), "expected version 1"},
      {with("\"x\"", "\"../x\""), "../x"},
      {with("\"x\"", "\"\""), "is no state"},
      {with("\"bits\":2048", "\"bits\":\"2048\""), "bits"},
  };
  for (const auto& [text, error] : rows) {
    const auto state = RotationState::from_json(text);
    ASSERT_FALSE(state) << text;
    EXPECT_THAT(state.error().text(), HasSubstr(error));
  }
}

TEST_F(RotationTest, StateReadsBack) {
  RotationState state;
  state.domain = "our.example";
  state.selector = "n";
  state.old_selector = "o";
  state.changed = 5;
  for (const auto step : {RotationStep::make, RotationStep::publish, RotationStep::change,
                          RotationStep::retire, RotationStep::revoke, RotationStep::done}) {
    state.step = step;
    const auto again = RotationState::from_json(state.to_json());
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(*again, state);
  }
}

TEST_F(RotationTest, PlansThatCannotBeAreRefused) {
  old_key("s1");
  ASSERT_TRUE(folder_.set_current({"s1"}));
  Rotation rotation(folder_, "our.example");
  Rotation::Plan wrong = plan();
  wrong.selector = "s1";
  auto begun = rotation.begin(wrong, kNow);
  ASSERT_FALSE(begun);
  EXPECT_THAT(begun.error().text(), HasSubstr("never overwritten"));
  wrong = plan();
  wrong.replace = "s9";
  begun = rotation.begin(wrong, kNow);
  ASSERT_FALSE(begun);
  EXPECT_THAT(begun.error().text(), HasSubstr("selector s9 does not sign"));
}

// A child is killed at its n-th checkpoint, for every n; the next run must end as one that was
// never stopped.
TEST_F(RotationTest, SurvivesBeingKilledAtEachPoint) {
  int points = 0;
  for (bool killed = true; killed; ++points) {
    std::filesystem::remove_all(folder_.path());
    old_key("s1");
    ASSERT_TRUE(folder_.set_current({"s1"}));
    const std::string old_pem = content(folder_.key_file("s1"));
    killed = false;
    // Two runs: to the change, and after the period. The kill comes at one point of both together.
    int left = points;
    for (const std::int64_t now : {kNow, kNow + kWeek}) {
      int ends[2];
      ASSERT_EQ(::pipe(ends), 0);
      const pid_t child = ::fork();
      if (child == 0) {
        const auto run = start_and_run(now, true, [&](const char*) {
          if (left-- == 0) ::raise(SIGKILL);
        });
        (void)!::write(ends[1], &left, sizeof left);
        ::_exit(run ? 0 : 1);
      }
      ::close(ends[1]);
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      const bool told = ::read(ends[0], &left, sizeof left) == sizeof left;
      ::close(ends[0]);
      // Whatever was reached: what signs has a key.
      for (const std::string& selector : current()) {
        const auto key = folder_.read_key(selector);
        ASSERT_TRUE(key) << points << " " << key.error().text();
        ASSERT_NE(*key, nullptr) << "point " << points << ": " << selector;
      }
      if (WIFSIGNALED(status)) {
        ASSERT_EQ(WTERMSIG(status), SIGKILL);
        killed = true;
        left = -1;  // no second kill
        const auto run = start_and_run(now, true);
        ASSERT_TRUE(run) << "point " << points << ": " << run.error().text();
      } else {
        ASSERT_TRUE(told && WEXITSTATUS(status) == 0) << "point " << points;
      }
    }
    EXPECT_EQ(state().step, RotationStep::done) << "point " << points;
    EXPECT_THAT(current(), ElementsAre("20260101e")) << "point " << points;
    EXPECT_EQ(content(folder_.path() / "s1.retired"), old_pem) << "point " << points;
    std::vector<std::string> made;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".private") made.push_back(entry.path().filename());
    }
    EXPECT_THAT(made, ElementsAre("20260101e.private")) << "point " << points;
  }
  EXPECT_GT(points, 12) << "each step has its points";
}

TEST_F(RotationTest, ZoneLinesAreStringsOf255) {
  EXPECT_EQ(zone_lines("a.example", "v=DKIM1; p="), "a.example. IN TXT (\n  \"v=DKIM1; p=\" )");
  const std::string text = zone_lines("a.example", std::string(600, 'x'));
  EXPECT_EQ(text, "a.example. IN TXT (\n  \"" + std::string(255, 'x') + "\"\n  \"" +
                      std::string(255, 'x') + "\"\n  \"" + std::string(90, 'x') + "\" )");
}

TEST_F(RotationTest, KeysAreNeverOverwritten) {
  old_key("s1");
  const std::string before = content(folder_.key_file("s1"));
  const auto again = folder_.write_key("s1", "other", {});
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().text(), HasSubstr("never overwritten"));
  EXPECT_EQ(content(folder_.key_file("s1")), before);
}

}  // namespace
}  // namespace gatepost::keys
