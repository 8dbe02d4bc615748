// What libmilter must find behind the calls that stand for the C library's.

#include "filter/milter/buffered_io.h"

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace gatepost::milter {
namespace {

constexpr short kReadable = POLLIN | POLLPRI;  // as libmilter asks

std::string packet(char code, std::string_view data = {}) {
  const auto size = static_cast<std::uint32_t>(data.size() + 1);
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text.push_back(static_cast<char>(size >> shift));
  return text + code + std::string(data);
}

/// As libmilter does it: the head and the rest in two parts.
ssize_t send_packet(int fd, std::string_view whole) {
  std::string copy(whole);
  const iovec parts[] = {{copy.data(), 5}, {copy.data() + 5, copy.size() - 5}};
  return gatepost_milter_writev(fd, parts, copy.size() > 5 ? 2 : 1);
}

int wait_for(int fd, int timeout_ms, short events = kReadable) {
  pollfd asked{fd, events, 0};
  return gatepost_milter_poll(&asked, 1, timeout_ms);
}

std::string read_some(int fd, std::size_t size) {
  std::string text(size, '\0');
  const ssize_t got = gatepost_milter_read(fd, text.data(), size);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

int waiting_octets(int fd) {
  int count = 0;
  EXPECT_EQ(ioctl(fd, FIONREAD, &count), 0);
  return count;
}

void put(int fd, std::string_view text) {
  ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

std::string take(int fd, std::size_t size) {
  std::string text(size, '\0');
  const ssize_t got = ::recv(fd, text.data(), size, MSG_WAITALL);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

/// A listening unix socket without a file.
class BufferedIo : public testing::Test {
 protected:
  void SetUp() override {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    ASSERT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof name.sun_family), 0);
    ASSERT_EQ(::listen(listener_, 8), 0);
    connect();
  }

  void TearDown() override {
    for (const int fd : {mta_, listener_})
      if (fd >= 0) ::close(fd);
    if (ours_ >= 0) gatepost_milter_close(ours_);
  }

  /// Sets mta_, the far end, and ours_.
  void connect() {
    sockaddr_un name{};
    socklen_t size = sizeof name;
    ASSERT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size), 0);
    mta_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(mta_, reinterpret_cast<sockaddr*>(&name), size), 0);
    ASSERT_EQ(wait_for(listener_, -1), 1) << "a listening socket is polled as ever";
    size = sizeof name;
    ours_ = gatepost_milter_accept(listener_, reinterpret_cast<sockaddr*>(&name), &size);
    ASSERT_GE(ours_, 0);
  }

  void close_mta() {
    ::close(mta_);
    mta_ = -1;
  }

  int listener_ = -1, mta_ = -1, ours_ = -1;
};

TEST_F(BufferedIo, ServesManyPacketsFromOneRead) {
  const std::string packets = packet('D', "Mi") + packet('M', "<a@b>") + packet('T');
  put(mta_, packets);
  ASSERT_EQ(wait_for(ours_, 1), 1);
  std::string seen = read_some(ours_, 5);
  EXPECT_EQ(waiting_octets(ours_), 0) << "all of it was taken from the kernel at once";
  while (wait_for(ours_, 0) == 1 && seen.size() < packets.size()) seen += read_some(ours_, 3);
  EXPECT_EQ(seen, packets);
  EXPECT_EQ(wait_for(ours_, 0), 0);
  EXPECT_EQ(wait_for(ours_, 2), 0) << "nothing more, also while it looks into the socket first";
}

TEST_F(BufferedIo, ReadWaitsWithoutPoll) {
  std::thread mta([this] { put(mta_, "later"); });
  EXPECT_EQ(read_some(ours_, 64), "later");
  mta.join();
}

TEST_F(BufferedIo, PacketsAboveTheBufferComeWhole) {
  std::string large(3 * kInputSize + 17, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  std::thread mta([&] {
    for (std::string_view rest = large; !rest.empty();) {
      const ssize_t sent = ::send(mta_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
  });
  std::string seen;
  while (seen.size() < large.size() && wait_for(ours_, 7'210'000) == 1) {
    const std::string more = read_some(ours_, large.size() - seen.size());
    ASSERT_FALSE(more.empty());
    seen += more;
  }
  mta.join();
  EXPECT_EQ(seen, large);
}

TEST_F(BufferedIo, PeerThatClosesInsideAPacket) {
  put(mta_, std::string_view("\0\0\0\x10L", 5));
  close_mta();
  ASSERT_EQ(wait_for(ours_, 1), 1);
  EXPECT_EQ(read_some(ours_, 5).size(), 5u);
  for (int again = 0; again < 2; ++again) {
    ASSERT_EQ(wait_for(ours_, 7'210'000), 1) << "the end is readable";
    char octet;
    EXPECT_EQ(gatepost_milter_read(ours_, &octet, 1), 0) << "and stays";
  }
}

TEST_F(BufferedIo, AnErrorIsToldByRead) {
  ASSERT_GT(send_packet(ours_, packet('c')), 0);
  close_mta();  // with a reply unread: a reset
  ASSERT_EQ(wait_for(ours_, 7'210'000), 1);
  ASSERT_EQ(wait_for(ours_, 7'210'000), 1) << "also when asked twice";
  char octet;
  EXPECT_EQ(gatepost_milter_read(ours_, &octet, 1), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(BufferedIo, EditsGoWithTheNextReply) {
  struct Row {
    char code;
    bool kept;
  };
  static constexpr Row kRows[] = {
      {'+', true},  {'-', true},  {'2', true},  {'e', true},  {'h', true},
      {'i', true},  {'m', true},  {'q', true},  {'4', false}, {'a', false},
      {'b', false}, {'c', false}, {'d', false}, {'f', false}, {'p', false},
      {'r', false}, {'s', false}, {'t', false}, {'y', false}, {'O', false},
  };
  for (const Row& row : kRows) {
    const std::string edit = packet(row.code, "X-Field: value"), reply = packet('c');
    ASSERT_EQ(send_packet(ours_, edit), static_cast<ssize_t>(edit.size()));
    EXPECT_EQ(waiting_octets(mta_), row.kept ? 0 : static_cast<int>(edit.size())) << row.code;
    ASSERT_EQ(send_packet(ours_, reply), static_cast<ssize_t>(reply.size()));
    EXPECT_EQ(take(mta_, edit.size() + reply.size()), edit + reply) << row.code;
  }
}

TEST_F(BufferedIo, ManyAndLargeEditsStayInOrder) {
  std::string all;
  std::size_t sizes[] = {10, kKeptSize / 2, kKeptSize / 2, 1, kKeptSize + 1, 3, kKeptSize - 5, 2};
  char fill = 'a';
  for (const std::size_t size : sizes) {
    const std::string edit = packet('i', std::string(size, fill++));
    ASSERT_EQ(send_packet(ours_, edit), static_cast<ssize_t>(edit.size()));
    all += edit;
  }
  ASSERT_GT(send_packet(ours_, packet('c')), 0);
  all += packet('c');
  EXPECT_EQ(take(mta_, all.size()), all);
}

TEST_F(BufferedIo, WaitingForInputSendsWhatWasKept) {
  const std::string edit = packet('q', "why");
  ASSERT_GT(send_packet(ours_, edit), 0);
  ASSERT_EQ(waiting_octets(mta_), 0);
  EXPECT_EQ(wait_for(ours_, 0), 0);
  EXPECT_EQ(waiting_octets(mta_), static_cast<int>(edit.size()));
}

TEST_F(BufferedIo, ClosingDropsEditsWithoutReply) {
  ASSERT_GT(send_packet(ours_, packet('h', "half of an answer")), 0);
  gatepost_milter_close(ours_);
  ours_ = -1;
  EXPECT_EQ(take(mta_, 1), "");
}

TEST_F(BufferedIo, PeerThatIsGoneFailsTheWrite) {
  close_mta();
  EXPECT_EQ(wait_for(ours_, 1000, POLLOUT), 1);
  EXPECT_EQ(send_packet(ours_, packet('c')), -1);
  EXPECT_EQ(errno, EPIPE) << "and no signal";
  ASSERT_GT(send_packet(ours_, packet('h', "kept")), 0) << "known with the reply only";
  EXPECT_EQ(send_packet(ours_, packet('c')), -1);
  ASSERT_GT(send_packet(ours_, packet('h', "kept")), 0);
  pollfd asked{ours_, kReadable, 0};
  EXPECT_EQ(gatepost_milter_poll(&asked, 1, 7'210'000), 1);
  EXPECT_NE(asked.revents & POLLERR, 0);
}

TEST_F(BufferedIo, WritesWaitForASlowPeer) {
  const std::string large = packet('p', std::string(std::size_t{4} << 20, 'z'));
  std::string seen;
  std::thread mta([&] { seen = take(mta_, large.size()); });
  ASSERT_EQ(wait_for(ours_, 7'210'000, POLLOUT), 1);
  EXPECT_EQ(send_packet(ours_, large), static_cast<ssize_t>(large.size()));
  mta.join();
  EXPECT_EQ(seen, large);
}

TEST_F(BufferedIo, WritesGiveUpAfterLibmiltersTime) {
  ASSERT_EQ(wait_for(ours_, 10, POLLOUT), 1);
  EXPECT_EQ(send_packet(ours_, packet('p', std::string(std::size_t{8} << 20, 'z'))), -1);
  EXPECT_EQ(errno, ETIMEDOUT);
}

TEST_F(BufferedIo, ThePoolSeesWhatIsBuffered) {
  const int first = ours_, first_mta = mta_;
  connect();
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  pollfd asked[] = {{pipe_ends[0], kReadable, 0}, {first, kReadable, 0}, {ours_, kReadable, 0}};
  EXPECT_EQ(gatepost_milter_poll(asked, 3, 0), 0);
  put(first_mta, "two packets");
  read_some(first, 3);
  EXPECT_EQ(gatepost_milter_poll(asked, 3, -1), 1) << "although the kernel has nothing";
  EXPECT_EQ(asked[1].revents, POLLIN);
  put(mta_, "x");
  EXPECT_EQ(::write(pipe_ends[1], "Z", 1), 1);
  EXPECT_EQ(gatepost_milter_poll(asked, 3, -1), 3);
  char octet = 0;
  EXPECT_EQ(gatepost_milter_read(pipe_ends[0], &octet, 1), 1) << "a pipe is read as ever";
  EXPECT_EQ(octet, 'Z');
  for (const int fd : {first_mta, pipe_ends[0], pipe_ends[1]}) ::close(fd);
  gatepost_milter_close(first);
}

TEST_F(BufferedIo, ADescriptorThatIsUsedAgainStartsEmpty) {
  put(mta_, "left over");
  read_some(ours_, 2);
  send_packet(ours_, packet('h', "left over"));
  const int before = ours_;
  close_mta();
  gatepost_milter_close(ours_);
  connect();
  ASSERT_LE(ours_, before) << "the lowest free number";
  put(mta_, "new");
  EXPECT_EQ(wait_for(ours_, -1), 1);
  EXPECT_EQ(read_some(ours_, 64), "new");
  ASSERT_GT(send_packet(ours_, packet('c')), 0);
  EXPECT_EQ(take(mta_, 5), packet('c'));
}

TEST_F(BufferedIo, DescriptorsBeyondTheTableArePassedOn) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &raised);
  const int high = ::fcntl(ours_, F_DUPFD, kMaxDescriptor);
  if (high < 0) GTEST_SKIP() << "at most " << limit.rlim_max << " descriptors here";
  put(mta_, "ab");
  EXPECT_EQ(wait_for(high, -1), 1);
  EXPECT_EQ(read_some(high, 1), "a");
  EXPECT_EQ(waiting_octets(high), 1);
  EXPECT_GT(send_packet(high, packet('h')), 0);
  EXPECT_EQ(take(mta_, 5), packet('h')) << "not kept";
  EXPECT_EQ(gatepost_milter_close(high), 0);
  for (const int none : {-1, kMaxDescriptor}) {
    EXPECT_EQ(gatepost_milter_close(none), -1);
    EXPECT_EQ(errno, EBADF);
  }
}

/// A signal each millisecond while it lives, which interrupts system calls.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, &before_);
    const itimerval often{{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &often, nullptr);
  }
  ~Interruptions() {
    const itimerval never{};
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_ {};
};

TEST_F(BufferedIo, SignalsInterruptPollOnly) {
  const Interruptions signals;
  EXPECT_EQ(wait_for(ours_, -1), -1) << "libmilter asks again itself";
  EXPECT_EQ(errno, EINTR);
  const std::string large = packet('p', std::string(std::size_t{16} << 20, 'z'));
  std::string seen;
  std::thread mta([&] {
    std::string part(1 << 16, '\0');
    while (seen.size() < large.size()) {
      const ssize_t got = ::recv(mta_, part.data(), part.size(), 0);
      if (got > 0) seen.append(part.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR)) break;
    }
    put(mta_, "done");
  });
  EXPECT_EQ(send_packet(ours_, large), static_cast<ssize_t>(large.size()));
  EXPECT_EQ(read_some(ours_, 64), "done");
  mta.join();
  EXPECT_EQ(seen, large);
}

TEST_F(BufferedIo, ASessionMovesBetweenThreadsWhileThePoolLooks) {
  constexpr int kPackets = 2000;
  std::atomic<bool> stop{false};
  std::thread pool([&] {
    while (!stop) {
      pollfd asked[] = {{listener_, kReadable, 0}, {ours_, kReadable, 0}};
      gatepost_milter_poll(asked, 2, 0);
    }
  });
  std::thread mta([&] {
    for (int i = 0; i < kPackets; ++i) put(mta_, packet('L', std::to_string(i)));
  });
  std::mutex mutex;
  std::condition_variable moved;
  int next = 0, wrong = 0;  // guarded by mutex, as a session's state is in libmilter
  const auto worker = [&](int parity) {
    std::unique_lock lock(mutex);
    while (next < kPackets) {
      moved.wait(lock, [&] { return next % 2 == parity || next >= kPackets; });
      if (next >= kPackets) break;
      const std::string expected = packet('L', std::to_string(next));
      std::string seen;
      while (seen.size() < expected.size() && wait_for(ours_, -1) == 1)
        seen += read_some(ours_, expected.size() - seen.size());
      if (seen != expected) ++wrong;
      ++next;
      moved.notify_one();
    }
    moved.notify_all();
  };
  std::thread even(worker, 0), odd(worker, 1);
  even.join();
  odd.join();
  mta.join();
  stop = true;
  pool.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace gatepost::milter
