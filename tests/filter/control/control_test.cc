#include "filter/control/control.h"

#include <chrono>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/system/socket.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::control {
namespace {

using test::after;
using test::Endpoint;
using test::Milliseconds;
using test::Stream;
using test::TempFolder;

constexpr auto kTimeout = Milliseconds(20'000);

class Control : public testing::Test {
 protected:
  Control() : folder_("control"), path_(folder_ / "control.sock") {}

  void serve() {
    auto server = ControlServer::open(path_);
    ASSERT_TRUE(server.ok()) << server.error().text();
    server_ = std::move(*server);
    server_->start([](std::string_view request) -> std::string {
      if (request == "throw") throw std::runtime_error("a handler's fault");
      return "echo " + std::to_string(request.size());
    });
  }
  Stream connected() const {
    auto stream = Stream::connect_to(Endpoint{path_, "", 0}, kTimeout);
    EXPECT_TRUE(stream.ok()) << (stream.ok() ? "" : stream.error().text());
    return std::move(stream).value();
  }
  /// Sends that and reads to the end: what an answerless close gives is empty.
  std::string exchange(std::string_view octets) const {
    Stream stream = connected();
    (void)stream.send(octets, after(kTimeout));  // the server may close before it has all
    std::string all;
    for (;;) {
      const auto some = stream.receive(4096, after(kTimeout));
      if (!some.ok() || some->empty()) return all;
      all += *some;
    }
  }
  void expect_alive() const {
    const auto answer = ask(path_, "12345");
    ASSERT_TRUE(answer.ok()) << answer.error().text();
    EXPECT_EQ(*answer, "echo 5");
  }

  TempFolder folder_;
  std::string path_;
  std::unique_ptr<ControlServer> server_;
};

TEST_F(Control, OneLineIsAnsweredWithOne) {
  serve();
  EXPECT_EQ(exchange("abc\n"), "echo 3\n");
  EXPECT_EQ(exchange("\n"), "echo 0\n");
  EXPECT_EQ(exchange(std::string_view("\0\xff\n", 3)), "echo 2\n");
  EXPECT_EQ(exchange("first\nsecond\n"), "echo 5\n");
  expect_alive();
}

TEST_F(Control, ARequestOfTheLongestSizeIsTakenALongerOneIsNot) {
  serve();
  constexpr std::size_t kLimit = 64 << 10;
  EXPECT_EQ(exchange(std::string(kLimit - 1, 'x') + "\n"),
            "echo " + std::to_string(kLimit - 1) + "\n");
  EXPECT_EQ(exchange(std::string(kLimit + 1, 'x') + "\n"), "");
  EXPECT_EQ(exchange(std::string(20 << 20, 'x')), "");
  expect_alive();
}

TEST_F(Control, AClientThatSaysNothingOrHalfALineIsLeft) {
  serve();
  Stream silent = connected();
  Stream slow = connected();
  ASSERT_TRUE(slow.send("{\"comm", after(kTimeout)).ok());
  expect_alive();  // behind both of them, who have 2 s each
  EXPECT_EQ(slow.receive(100, after(kTimeout)).value(), "");
  EXPECT_EQ(silent.receive(100, after(kTimeout)).value(), "");
}

TEST_F(Control, AClientThatLeavesWithoutItsAnswerHarmsNobody) {
  serve();
  for (int i = 0; i < 20; ++i) {
    Stream stream = connected();
    ASSERT_TRUE(stream.send("abc\n", after(kTimeout)).ok());
    stream.close();
  }
  expect_alive();
}

TEST_F(Control, AHandlerThatThrowsIsAnError) {
  serve();
  EXPECT_EQ(exchange("throw\n"), "{\"error\":\"internal error\"}\n");
  expect_alive();
}

TEST_F(Control, AnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  serve();
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) ::_exit(2);
    const auto answer = ask(path_, "12345");
    ::_exit(answer.ok() && answer->find("permission denied") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  expect_alive();
}

TEST_F(Control, APathThatCannotBeUsedIsNamedWithItsReason) {
  const auto expect_refused = [](const std::string& path, const std::string& why) {
    const auto server = ControlServer::open(path);
    ASSERT_FALSE(server.ok()) << path;
    EXPECT_EQ(server.error().kind, ErrorKind::config);
    EXPECT_NE(server.error().what.find("daemon.control_socket"), std::string::npos);
    EXPECT_NE(server.error().what.find(why), std::string::npos) << server.error().what;
  };
  expect_refused(folder_ / std::string(120, 'x'), "at most 107 octets");
  expect_refused(folder_ / "none/control.sock", "No such file or directory");
  std::ofstream(folder_ / "file") << "mine";
  expect_refused(folder_ / "file", "a file that is no socket is there");
  serve();
  expect_refused(path_, "another gatepostd answers there");
  expect_alive();
}

TEST_F(Control, ASocketThatNobodyServesIsTakenOver) {
  serve();
  std::filesystem::rename(path_, folder_ / "stale");  // its name stays when the server goes
  server_.reset();
  path_ = folder_ / "stale";
  const auto nobody = ask(path_, "12345");
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error().kind, ErrorKind::temporary);
  EXPECT_NE(nobody.error().what.find(path_), std::string::npos);
  serve();
  expect_alive();
}

}  // namespace
}  // namespace gatepost::control
