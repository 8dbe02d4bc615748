#include "filter/control/control.h"

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

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
  // As many of these as it takes at once may still be under way.
  const auto give_up = std::chrono::steady_clock::now() + kTimeout;
  auto answer = ask(path_, "12345");
  while (answer.ok() && answer->find("busy") != std::string::npos &&
         std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    answer = ask(path_, "12345");
  }
  ASSERT_TRUE(answer.ok()) << answer.error().text();
  EXPECT_EQ(*answer, "echo 5");
}

TEST_F(Control, AHandlerThatThrowsIsAnError) {
  serve();
  EXPECT_EQ(exchange("throw\n"), "{\"error\":\"internal error\"}\n");
  expect_alive();
}

/// A handler that answers "wait" only when it is let go; everything else at once.
class Gate {
 public:
  std::string handle(std::string_view request) {
    std::unique_lock lock(mutex_);
    if (request == "wait") {
      ++inside_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      --inside_;
    }
    return "did " + std::string(request);
  }
  void wait_for(std::size_t inside) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ == inside; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t inside_ = 0;
  bool open_ = false;
};

class BusyControl : public Control {
 protected:
  void serve_gate() {
    auto server = ControlServer::open(path_);
    ASSERT_TRUE(server.ok()) << server.error().text();
    server_ = std::move(*server);
    server_->start([this](std::string_view request) { return gate_.handle(request); });
  }
  /// Asks "wait" that often, and returns when all of them are being answered.
  void fill(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      waiting_.push_back(connected());
      ASSERT_TRUE(waiting_.back().send("wait\n", after(kTimeout)).ok());
    }
    gate_.wait_for(count);
  }
  void expect_all_answered() {
    for (Stream& stream : waiting_)
      EXPECT_EQ(stream.receive(100, after(kTimeout)).value(), "did wait\n");
  }

  Gate gate_;
  std::vector<Stream> waiting_;
};

TEST_F(BusyControl, AQuickRequestIsAnsweredBesideLongOnes) {
  serve_gate();
  fill(ControlServer::kMostRequests - 1);
  EXPECT_EQ(ask(path_, "stats").value(), "did stats");
  gate_.open();
  expect_all_answered();
}

TEST_F(BusyControl, MoreThanItsPlacesAreRefusedUntilOneIsFree) {
  serve_gate();
  fill(ControlServer::kMostRequests);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(path_, "stats").value(),
              "{\"error\":\"busy: 8 other requests are being answered, try again later\"}");
  }
  gate_.open();
  expect_all_answered();
  // Each has its answer; that its thread has ended is seen a moment later.
  std::string answer;
  do {
    answer = ask(path_, "stats").value();
  } while (answer.find("busy") != std::string::npos);
  EXPECT_EQ(answer, "did stats");
}

TEST_F(BusyControl, ClosingWaitsForNobodyEndingForAll) {
  serve_gate();
  fill(3);
  server_->close();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(ask(path_, "stats").ok());
  gate_.open();
  server_.reset();
  expect_all_answered();
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
