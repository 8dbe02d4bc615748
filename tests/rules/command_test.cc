// gatepost rules, as a tuner types it.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "core/base/encoding.h"
#include "tests/rules/engine.h"
#include "tests/support/shared_data.h"

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
    const std::string line = "XDG_CACHE_HOME=" + folder_.path().string() +
                             " " GATEPOST_BINARY_DIR "/bin/gatepost rules " + arguments + " 2>&1";
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
  write("10.cf",
        "bdy A /x/\nfull C eval:check_razor2()\nbody D /x/\nmeta E F\nscore E 1\nscore D 1\n");
  write("ignored.txt", "nonsense");
  EXPECT_EQ(run("check " + folder_.path().string()),
            "10.cf:1:1: error: unknown directive 'bdy', did you mean 'body'?\n"
            "10.cf:2:6: unsupported: C: eval:check_razor2() is not supported\n"
            "10.cf:4:6: warning: meta E never hits as these files are: rules that it depends on "
            "count 0\n"
            "10.cf:4:8: warning: meta E uses 'F', which no rule of these files defines; it "
            "counts 0\n"
            "20.cf:1:12: error: B: pattern: missing closing parenthesis\n"
            "3 rules in 2 files: 2 errors, 1 unsupported, 2 warnings\n");
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
  EXPECT_EQ(run("list " + file), "LONG_NAME  meta  1.5  What\n");
  EXPECT_EQ(run("list --all " + file),
            "__A        body    -\n"
            "LONG_NAME  meta  1.5  What\n");
  EXPECT_NE(run("list --json " + file).find("\"name\": \"LONG_NAME\""), std::string::npos);
  EXPECT_NE(run("test --json " + file).find("\"failed\": 1"), std::string::npos);
  EXPECT_NE(run("check --json " + file).find("\"errors\": 0"), std::string::npos);
}

TEST_F(Command, ListKnowsCategories) {
  const std::string file = write("a.cf",
                                 "body A /x/\nscore A 1\ncategory A phish\naction A tag\n"
                                 "body B /x/\nscore B 2\nshadow B\n");
  EXPECT_EQ(run("list " + file),
            "A  body  1  tag     phish\n"
            "B  body  2  shadow\n");
  EXPECT_EQ(run("list --category phish " + file), "A  body  1  tag  phish\n");
}

TEST_F(Command, ExplainTellsAllOfARule) {
  const std::string file =
      write("a.cf",
            "body __A /^x/\nmeta B __A > 0\nscore B 1.5\ndescribe B What\ntest B ok x\n"
            "test B fail x y\nmeta C B && GONE\nscore C 1\n");
  const std::string told = run("explain B " + file);
  EXPECT_EQ(status_, 0);
  for (const char* part :
       {"defined      a.cf:2:6", "description  What", "score        1.5", "meta B __A > 0",
        "uses\n  __A\n", "used by\n  C\n", "a.cf:5:6: must hit 'x': holds",
        "a.cf:6:6: must miss 'x y': B hits 'x y', expected a miss"})
    EXPECT_NE(told.find(part), std::string::npos) << part << "\n" << told;
  EXPECT_NE(run("explain __A " + file).find("Hyperscan, then PCRE2"), std::string::npos);
  EXPECT_NE(run("explain --json B " + file).find("\"used_by\""), std::string::npos);
  write("long.cf", "body LONG_NAME /x/\n");
  EXPECT_EQ(run("explain LONG_NAMES " + file + " " + (folder_.path() / "long.cf").string()),
            "gatepost: no rule file defines 'LONG_NAMES', did you mean 'LONG_NAME'?\n");
  EXPECT_EQ(status_, 65);
}

TEST_F(Command, BacktestAndBench) {
  const std::string rules =
      write("a.cf", "body PILLS /pills/\nscore PILLS 6\nbody OTHER /other/\n");
  const std::string old = write("old.cf", "body OLD /zzz/\nscore OLD 6\n");
  const std::string red = write("red.cf", "body A /x/\nscore A 1\ntest A ok y\n");
  std::filesystem::create_directory(folder_.path() / "ham");
  std::filesystem::create_directory(folder_.path() / "none");
  write("ham/1", "From: a@example.com\nSubject: x\n\nhello\n");
  const std::string spam = write("spam.mbox",
                                 "From a 10:00\nFrom: b@example.com\nSubject: 1\n\npills\n\n"
                                 "From b 11:00\nFrom: b@example.com\nSubject: 2\n\npills\n");
  const std::string mail = " --ham " + (folder_.path() / "ham").string() + " --spam " + spam;
  const std::string page = (folder_.path() / "page.html").string();
  const std::string told =
      run("backtest " + rules + mail + " --against " + old + " --report " + page);
  EXPECT_EQ(status_, 0) << told;
  for (const char* part :
       {"2 spam messages and 1 ham message in ", "2 messages have another verdict",
        "spam spam.mbox#2: tag 6, was accept 0", "PILLS +6"})
    EXPECT_NE(told.find(part), std::string::npos) << part << "\n" << told;
  std::ifstream written(page);
  std::string first;
  std::getline(written, first);
  EXPECT_EQ(first, "<!doctype html>");
  EXPECT_NE(run("backtest --json " + rules + mail).find("\"precision\": 1.0"), std::string::npos);
  const std::string cost = run("bench " + rules + " --mail " + spam + " --without PILLS");
  EXPECT_NE(cost.find("All rules "), std::string::npos) << cost;
  struct Case {
    std::string arguments;
    int status;
    const char* told;
  };
  const std::string none = (folder_.path() / "none").string();
  const Case cases[] = {
      {"backtest " + rules, 64, "--ham is required"},
      {"backtest " + rules + " --ham /none/such --spam " + spam, 66, "/none/such: cannot be read"},
      {"backtest " + rules + " --ham " + none + " --spam " + spam, 66,
       "--ham: there is no message"},
      {"backtest " + red + mail, 78, "A does not hit 'y'"},
      {"backtest " + rules + mail + " --report /none/such/page", 73, "--report: '/none/such/page'"},
      {"backtest " + rules + mail + " --threads 1000", 64, "--threads"},
      {"bench " + rules + " --without NONE", 65, "no rule file defines 'NONE'"},
      {"bench " + red, 78, "A does not hit 'y'"},
      {"explain", 64, "name is required"},
  };
  for (const Case& c : cases) {
    const std::string out = run(c.arguments);
    EXPECT_EQ(status_, c.status) << c.arguments << "\n" << out;
    EXPECT_NE(out.find(c.told), std::string::npos) << c.arguments << "\n" << out;
  }
}

// What `rules check` has to say, by class; a line is of the first class that it has a part of.
constexpr const char* kClasses[] = {" error: ",
                                    "' is not supported",
                                    " is not supported and stays empty",
                                    ": skipped by '",
                                    "octets with its tags replaced",
                                    ", did you mean",
                                    ", which no rule of these files defines; it counts 0",
                                    ", which is not supported and counts 0",
                                    " as these files are: rules that it depends on count 0",
                                    " hits: it depends on no rule",
                                    ", whatever other rules do",
                                    ", which no rule of these files defines",
                                    " has no effect: no meta of these files that loads uses it",
                                    " has no score line in these files and scores 1",
                                    " has no score line in these files and scores -1",
                                    "the score set that Gatepost uses, and does not run",
                                    " has a score of 0 and does not run",
                                    " looks for the same as ",
                                    " says the same as ",
                                    " is defined again; the definition at ",
                                    " is never read: it stands in ",
                                    "Hyperscan cannot look for it"};

// The lines of each class, and each line of none by itself; without the line of sums.
void count_classes(const std::string& told, std::map<std::string, int>& counts) {
  std::istringstream lines(told);
  for (std::string line, next; std::getline(lines, line);) {
    if (lines.peek() == std::istringstream::traits_type::eof()) break;
    const auto known = std::find_if(std::begin(kClasses), std::end(kClasses), [&](const char* one) {
      return line.find(one) != std::string::npos;
    });
    ++counts[known == std::end(kClasses) ? line : *known];
  }
}

using Counts = std::map<std::string, int>;

// Nothing in SpamAssassin's own files is wrong, and what is said of one file alone is true of it:
// each line of these counts was read and held against SpamAssassin (docs/decisions/0014).
TEST_F(Command, SpamAssassinsFilesHaveNoFaults) {
  const auto folder = gatepost::test::shared_data("conformance/spamassassin/rules-sample");
  if (!folder) GTEST_SKIP() << "no shared data";
  std::size_t files = 0;
  Counts counts;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().extension() != ".cf") continue;
    ++files;
    const std::string told = run("check " + entry.path().string());
    EXPECT_EQ(status_, 0) << told;
    count_classes(told, counts);
  }
  EXPECT_EQ(files, 16U);
  EXPECT_EQ(counts, (Counts{{"' is not supported", 8},
                            {" is not supported and stays empty", 1},
                            {", which no rule of these files defines; it counts 0", 25},
                            {" as these files are: rules that it depends on count 0", 5},
                            {" hits: it depends on no rule", 1},
                            {", which no rule of these files defines", 2},
                            {" has no effect: no meta of these files that loads uses it", 77},
                            {" has no score line in these files and scores 1", 311},
                            {" has no score line in these files and scores -1", 11},
                            {" looks for the same as ", 1}}));
  const std::string told = run("test " + folder->string());
  EXPECT_NE(told.find(": 29 passed, 0 failed, 8 not run"), std::string::npos) << told;
}

// The same of the rules as Debian installs them, all together: one version of them is known.
TEST_F(Command, StockRulesHaveNoFaults) {
  const std::filesystem::path stock = "/usr/share/spamassassin";
  if (!std::filesystem::exists(stock / "72_active.cf")) GTEST_SKIP() << "no SpamAssassin here";
  std::ifstream in(stock / "72_active.cf");
  const std::string active{std::istreambuf_iterator<char>(in), {}};
  if (hex_encode(sha256(active)) !=
      "a9252ad66730974bbc05e450b3f2b9c7d37afe20a524e3c422895fce98e7c9d4")
    GTEST_SKIP() << "not the rules of SpamAssassin 4.0.1";
  Counts counts;
  const std::string told = run("check " + stock.string());
  count_classes(told, counts);
  EXPECT_EQ(counts, (Counts{{"' is not supported", 10},
                            {" is not supported and stays empty", 1},
                            {": skipped by '", 112},
                            {"octets with its tags replaced", 2},
                            {", did you mean", 1},
                            {", which is not supported and counts 0", 15},
                            {" as these files are: rules that it depends on count 0", 10},
                            {" hits: it depends on no rule", 2},
                            {", which no rule of these files defines", 3},
                            {" has no effect: no meta of these files that loads uses it", 70},
                            {" has no score line in these files and scores 1", 473},
                            {" has no score line in these files and scores -1", 7},
                            {"the score set that Gatepost uses, and does not run", 3},
                            {" has a score of 0 and does not run", 195},
                            {" looks for the same as ", 10},
                            {" says the same as ", 1},
                            {" is defined again; the definition at ", 5},
                            {" is never read: it stands in ", 1}}));
  for (const char* never : {"__RCVD_IN_ZEN has no effect", "__BTC_OBFU_4: skipped"})
    EXPECT_EQ(told.find(never), std::string::npos) << never;
}

}  // namespace
}  // namespace gatepost::rules
