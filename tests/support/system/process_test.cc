#include "tests/support/system/process.h"

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/system/temp_folder.h"

namespace gatepost::test {
namespace {

TEST(RunProcess, GivesStatusAndBothOutputs) {
  RunOptions options;
  options.input = "abc";
  options.environment = {{"WORD", "set"}};
  const auto result =
      run_process({"sh", "-c", "cat; echo \"$WORD\"; echo bad >&2; exit 7"}, options);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->status, 7);
  EXPECT_EQ(result->output, "abcset\n");
  EXPECT_EQ(result->errors, "bad\n");
}

TEST(RunProcess, LargeInputAndOutputDoNotBlock) {
  RunOptions options;
  options.input = std::string(2 << 20, 'x');
  const auto result = run_process({"cat"}, options);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->output, options.input);
}

TEST(RunProcess, InputThatNobodyReadsIsDropped) {
  RunOptions options;
  options.input = std::string(2 << 20, 'x');
  const auto result = run_process({"true"}, options);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->status, 0);
}

TEST(RunProcess, IsKilledAtTheDeadline) {
  RunOptions options;
  options.timeout = Milliseconds(100);
  const auto result = run_process({"sh", "-c", "sleep 60 & sleep 60"}, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::temporary);
}

TEST(RunProcess, TooMuchOutputIsAnError) {
  RunOptions options;
  options.output_limit = 1000;
  const auto result =
      run_process({"sh", "-c", "while :; do echo aaaaaaaaaaaaaaaaaaaa; done"}, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::permanent);
}

TEST(RunProcess, MissingProgramIsAnError) {
  EXPECT_FALSE(run_process({"/nonexistent/program"}));
}

TEST(BackgroundProcess, SpeaksAndIsEndedWithItsChildren) {
  auto process = BackgroundProcess::start({"sh", "-c", "sleep 61 & echo $!; wait"});
  ASSERT_TRUE(process) << process.error().text();
  const auto line = process->read_line(after(Milliseconds(5000)));
  ASSERT_TRUE(line && line->has_value());
  const pid_t grandchild = std::stoi(**line);
  EXPECT_TRUE(process->running());
  EXPECT_EQ(kill(process->id(), 0), 0);
  EXPECT_EQ(process->stop(), 128 + SIGTERM);
  for (int i = 0; i < 200 && kill(grandchild, 0) == 0; ++i) {
    // An orphan that was killed stays until init collects it.
    const auto state = run_process({"ps", "-o", "stat=", "-p", std::to_string(grandchild)});
    if (state && (state->output.empty() || state->output[0] == 'Z')) break;
    usleep(10000);
    ASSERT_LT(i, 199) << "process " << grandchild << " lives on";
  }
}

TEST(BackgroundProcess, EndsByItself) {
  auto process = BackgroundProcess::start({"sh", "-c", "exit 3"});
  ASSERT_TRUE(process) << process.error().text();
  const auto status = process->wait(after(Milliseconds(5000)));
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(*status, 3);
  EXPECT_FALSE(process->running());
}

TEST(BackgroundProcess, IgnoringTermDoesNotHelp) {
  auto process = BackgroundProcess::start(
      {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"});
  ASSERT_TRUE(process) << process.error().text();
  ASSERT_TRUE(process->read_line(after(Milliseconds(5000))));
  EXPECT_EQ(process->stop(), 128 + SIGKILL);
}

TEST(BackgroundProcess, ErrorsGoToTheFile) {
  TempFolder folder("proc");
  const std::string path = folder / "errors";
  auto process = BackgroundProcess::start({"sh", "-c", "echo oops >&2"}, {.errors_path = path});
  ASSERT_TRUE(process) << process.error().text();
  ASSERT_TRUE(process->wait(after(Milliseconds(5000))));
  EXPECT_EQ(std::filesystem::file_size(path), 5U);
}

}  // namespace
}  // namespace gatepost::test
