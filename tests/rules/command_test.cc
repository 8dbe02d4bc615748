// gatepost rules, as a tuner types it.

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "tests/rules/engine.h"

namespace gatepost::rules {
namespace {

class Command : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = (folder_.path() / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  /// Standard output and error; the folder's name is left out.
  std::string run(const std::string& arguments) {
    const std::string line = GATEPOST_BINARY_DIR "/bin/gatepost rules " + arguments + " 2>&1";
    std::FILE* pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) return "popen failed";
    std::string out;
    char piece[4096];
    for (std::size_t n = 0; (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;)
      out.append(piece, n);
    status_ = WEXITSTATUS(::pclose(pipe));
    const std::string folder = folder_.path().string() + "/";
    for (std::size_t at = 0; (at = out.find(folder)) != std::string::npos;)
      out.erase(at, folder.size());
    return out;
  }

  test::TemporaryFolder folder_;
  int status_ = -1;
};

TEST_F(Command, CheckTellsAllFaultsInTheirOrder) {
  write("20.cf", "body B /a(b/\nscore B 1\n");
  write("10.cf", "bdy A /x/\nfull C eval:check_razor2()\nbody D /x/\nmeta E F\nscore E 1\nscore D 1\n");
  write("ignored.txt", "nonsense");
  EXPECT_EQ(run("check " + folder_.path().string()),
            "10.cf:1:1: error: unknown directive 'bdy', did you mean 'body'?\n"
            "10.cf:2:6: unsupported: C: eval:check_razor2() is not supported\n"
            "10.cf:4:6: warning: meta E never hits: it depends on no rule that is here\n"
            "10.cf:4:8: warning: meta E uses 'F', which no rule defines; it counts 0\n"
            "20.cf:1:12: error: B: pattern: missing closing parenthesis\n"
            "3 rules in 2 files: 2 errors, 1 line not supported, 2 warnings\n");
  EXPECT_EQ(status_, 78);
}

TEST_F(Command, StatusSaysWhatStandsInTheWay) {
  const std::string good = write("good.cf", "body A /x/\nscore A 1\ntest A ok x\n");
  const std::string less = write("less.cf", "full B eval:check_razor2()\n");
  const std::string red = write("red.cf", "body A /x/\nscore A 1\ntest A ok y\n");
  const std::string binary = write("binary.cf", std::string("\x7f"
                                                            "ELF\0\1\2",
                                                            7));
  struct Case {
    std::string arguments;
    int status;
  };
  const Case cases[] = {
      {"check " + good, 0},
      {"check --rules " + good, 0},
      {"check " + less, 0},
      {"check --strict " + less, 78},
      {"check " + red, 0},
      {"check " + binary, 78},
      {"check /none/such.cf", 66},
      {"test " + good, 0},
      {"test " + red, 78},
      {"test " + binary, 78},
      {"test --strict " + less, 78},
      {"list " + good, 0},
      {"frobnicate", 64},
      {"", 64},
  };
  for (const Case& c : cases) {
    const std::string out = run(c.arguments);
    EXPECT_EQ(status_, c.status) << c.arguments << "\n" << out;
  }
}

TEST_F(Command, TestAndList) {
  const std::string file = write("a.cf",
                                 "body __A /x/\nmeta LONG_NAME __A > 0\nscore LONG_NAME 1.5\n"
                                 "describe LONG_NAME What\ntest LONG_NAME ok x\n"
                                 "test LONG_NAME fail axe\n");
  EXPECT_EQ(run("test " + file),
            "a.cf:6:6: error: LONG_NAME hits 'axe', expected a miss\n"
            "2 tests: 1 passed, 1 failed, 0 not run\n");
  EXPECT_EQ(run("list " + file), "LONG_NAME  meta        1.5  What\n");
  EXPECT_EQ(run("list --all " + file),
            "__A        body          -  \n"
            "LONG_NAME  meta        1.5  What\n");
  EXPECT_NE(run("list --json " + file).find("\"name\": \"LONG_NAME\""), std::string::npos);
  EXPECT_NE(run("test --json " + file).find("\"failed\": 1"), std::string::npos);
  EXPECT_NE(run("check --json " + file).find("\"errors\": 0"), std::string::npos);
}

}  // namespace
}  // namespace gatepost::rules
