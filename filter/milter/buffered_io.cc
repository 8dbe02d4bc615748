#include "filter/milter/buffered_io.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace gatepost::milter {

namespace {

/// libmilter asks with this timeout whether a command has come, otherwise for the rest of one.
constexpr int kBetweenCommandsMs = 1;
constexpr int kMaxParts = 8;
constexpr std::size_t kPacketHead = 5;  // 4 octets of length and the code

/// What is known of one descriptor. Made at its first connection and never freed: the pool's thread
/// may look at it whenever.
struct Channel {
  std::atomic<bool> open{false};
  std::atomic<std::size_t> unread{0};
  std::size_t begin = 0;
  std::unique_ptr<char[]> input;
  int read_error = 0;       // seen while looking for input, told by the next read
  bool recv_waits = false;  // as long as kBetweenCommandsMs: then nothing is polled for as long
  int write_timeout_ms = -1;
  std::size_t kept_size = 0;
  std::array<char, kKeptSize> kept;
};

std::array<std::atomic<Channel*>, kMaxDescriptor> g_channels;

/// A connection has an input buffer only while a thread works for it, so one for each thread is
/// enough to take none from the heap.
thread_local std::unique_ptr<char[]> t_spare_input;

Channel* open_channel(int descriptor) {
  if (descriptor < 0 || descriptor >= kMaxDescriptor) return nullptr;
  Channel* channel = g_channels[descriptor].load(std::memory_order_acquire);
  return channel != nullptr && channel->open.load(std::memory_order_acquire) ? channel : nullptr;
}

void start_channel(int descriptor) {
  if (descriptor < 0 || descriptor >= kMaxDescriptor) return;
  auto& slot = g_channels[descriptor];
  Channel* channel = slot.load(std::memory_order_acquire);
  if (channel == nullptr) {
    channel = new (std::nothrow) Channel;
    if (channel == nullptr) return;
    slot.store(channel, std::memory_order_release);
  }
  channel->read_error = 0;
  const timeval wait{0, kBetweenCommandsMs * 1000};
  channel->recv_waits = ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0;
  channel->write_timeout_ms = -1;
  channel->kept_size = 0;
  channel->unread.store(0, std::memory_order_relaxed);
  channel->open.store(true, std::memory_order_release);
}

void give_back_input(Channel& channel) {
  if (channel.input != nullptr) t_spare_input = std::move(channel.input);
}

/// Reads what there is into the empty buffer of the channel.
/// @return as recv().
ssize_t fill(int descriptor, Channel& channel, int flags) {
  if (channel.input == nullptr) {
    channel.input = std::move(t_spare_input);
    if (channel.input == nullptr) channel.input.reset(new (std::nothrow) char[kInputSize]);
    if (channel.input == nullptr) {
      errno = ENOMEM;
      return -1;
    }
  }
  ssize_t got;
  do {
    got = ::recv(descriptor, channel.input.get(), kInputSize, flags);
  } while (got < 0 && errno == EINTR);
  channel.begin = 0;
  if (got > 0) channel.unread.store(static_cast<std::size_t>(got), std::memory_order_relaxed);
  return got;
}

/// Sends all of it, waiting for the peer as long as libmilter would have.
bool send_all(int descriptor, const Channel& channel, iovec* parts, int count) {
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = static_cast<std::size_t>(count);
  while (true) {
    while (message.msg_iovlen > 0 && message.msg_iov->iov_len == 0) {
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen == 0) return true;
    ssize_t sent = ::sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return false;
    if (sent < 0) {
      pollfd writable{descriptor, POLLOUT, 0};
      const int ready = ::poll(&writable, 1, channel.write_timeout_ms);
      if (ready == 0) errno = ETIMEDOUT;
      if (ready == 0 || (ready < 0 && errno != EINTR)) return false;
      continue;
    }
    for (iovec* part = message.msg_iov; sent > 0; ++part) {
      const auto taken = std::min(part->iov_len, static_cast<std::size_t>(sent));
      part->iov_base = static_cast<char*>(part->iov_base) + taken;
      part->iov_len -= taken;
      sent -= static_cast<ssize_t>(taken);
    }
  }
}

/// Sends what was kept and then `parts`.
bool send_with_kept(int descriptor, Channel& channel, const iovec* parts, int count) {
  std::array<iovec, kMaxParts + 1> all;
  all[0] = {channel.kept.data(), std::exchange(channel.kept_size, 0)};
  for (int i = 0; i < count; ++i) all[i + 1] = parts[i];
  return send_all(descriptor, channel, all.data(), count + 1);
}

/// SMFIR_*: the packets that change the message, sent at end of message only and before its reply.
bool is_edit(char code) {
  constexpr std::string_view kEdits = "+-2ehimq";
  return kEdits.find(code) != std::string_view::npos;
}

bool keep(Channel& channel, const iovec* parts, int count, std::size_t total) {
  if (count == 0 || parts[0].iov_len < kPacketHead || total > kKeptSize - channel.kept_size)
    return false;
  if (!is_edit(static_cast<const char*>(parts[0].iov_base)[kPacketHead - 1])) return false;
  for (int i = 0; i < count; ++i) {
    if (parts[i].iov_len > 0)
      std::memcpy(channel.kept.data() + channel.kept_size, parts[i].iov_base, parts[i].iov_len);
    channel.kept_size += parts[i].iov_len;
  }
  return true;
}

bool is_temporary(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOMEM;
}

int poll_input(Channel& channel, pollfd& asked, int timeout_ms) {
  if (channel.kept_size > 0 && !send_with_kept(asked.fd, channel, nullptr, 0)) {
    asked.revents = POLLERR;
    return 1;
  }
  bool ready = channel.unread.load(std::memory_order_relaxed) > 0 || channel.read_error != 0;
  // Of a command that has begun the rest is there nearly always.
  const bool waits = timeout_ms == kBetweenCommandsMs && channel.recv_waits;
  if (!ready && (waits || timeout_ms < 0 || timeout_ms > kBetweenCommandsMs)) {
    const ssize_t got = fill(asked.fd, channel, waits ? 0 : MSG_DONTWAIT);
    const int error = got < 0 ? errno : 0;
    ready = !is_temporary(error);  // the end of input stays, for the next read
    if (ready) channel.read_error = error;
    if (waits && (error == EAGAIN || error == EWOULDBLOCK)) {
      give_back_input(channel);
      return 0;
    }
  }
  if (ready) {
    asked.revents = POLLIN;
    return 1;
  }
  const int result = ::poll(&asked, 1, timeout_ms);
  if (result == 0) give_back_input(channel);
  return result;
}

/// libmilter's pool waits for the next command of all sessions that rest.
int poll_many(pollfd* asked, nfds_t count, int timeout_ms) {
  int buffered = 0;
  for (nfds_t i = 0; i < count; ++i) {
    const Channel* channel = open_channel(asked[i].fd);
    if (channel != nullptr && channel->unread.load(std::memory_order_relaxed) > 0) ++buffered;
  }
  const int result = ::poll(asked, count, buffered > 0 ? 0 : timeout_ms);
  if (buffered == 0 || result < 0) return result;
  int ready = 0;
  for (nfds_t i = 0; i < count; ++i) {
    const Channel* channel = open_channel(asked[i].fd);
    if ((asked[i].events & POLLIN) != 0 && channel != nullptr &&
        channel->unread.load(std::memory_order_relaxed) > 0)
      asked[i].revents |= POLLIN;
    if (asked[i].revents != 0) ++ready;
  }
  return ready;
}

}  // namespace

}  // namespace gatepost::milter

using namespace gatepost::milter;

extern "C" int gatepost_milter_accept(int listener, sockaddr* address, socklen_t* size) {
  const int descriptor = ::accept(listener, address, size);
  start_channel(descriptor);
  return descriptor;
}

extern "C" int gatepost_milter_poll(pollfd* descriptors, nfds_t count, int timeout_ms) {
  if (count != 1) return poll_many(descriptors, count, timeout_ms);
  Channel* channel = open_channel(descriptors->fd);
  if (channel == nullptr) return ::poll(descriptors, count, timeout_ms);
  if ((descriptors->events & POLLIN) != 0) return poll_input(*channel, *descriptors, timeout_ms);
  channel->write_timeout_ms = timeout_ms;
  descriptors->revents = POLLOUT;
  return 1;
}

extern "C" ssize_t gatepost_milter_read(int descriptor, void* buffer, std::size_t size) {
  Channel* channel = open_channel(descriptor);
  if (channel == nullptr) return ::read(descriptor, buffer, size);
  if (channel->read_error != 0) {
    errno = std::exchange(channel->read_error, 0);
    return -1;
  }
  std::size_t unread = channel->unread.load(std::memory_order_relaxed);
  if (unread == 0) {
    ssize_t got;
    while ((got = fill(descriptor, *channel, 0)) < 0 && errno == EAGAIN && channel->recv_waits) {
      pollfd readable{descriptor, POLLIN, 0};
      if (::poll(&readable, 1, -1) < 0 && errno != EINTR) return -1;
    }
    if (got < 0 && errno == ENOMEM) return ::read(descriptor, buffer, size);
    if (got <= 0) return got;
    unread = static_cast<std::size_t>(got);
  }
  const std::size_t taken = std::min(size, unread);
  std::memcpy(buffer, channel->input.get() + channel->begin, taken);
  channel->begin += taken;
  channel->unread.store(unread - taken, std::memory_order_relaxed);
  return static_cast<ssize_t>(taken);
}

extern "C" ssize_t gatepost_milter_writev(int descriptor, const iovec* parts, int count) {
  Channel* channel = open_channel(descriptor);
  if (channel == nullptr || count > kMaxParts) return ::writev(descriptor, parts, count);
  std::size_t total = 0;
  for (int i = 0; i < count; ++i) total += parts[i].iov_len;
  if (keep(*channel, parts, count, total)) return static_cast<ssize_t>(total);
  return send_with_kept(descriptor, *channel, parts, count) ? static_cast<ssize_t>(total) : -1;
}

extern "C" int gatepost_milter_close(int descriptor) {
  if (Channel* channel = open_channel(descriptor)) {
    give_back_input(*channel);
    channel->unread.store(0, std::memory_order_relaxed);
    // Before the descriptor is free: another thread may accept a connection with its number.
    channel->open.store(false, std::memory_order_release);
  }
  return ::close(descriptor);
}
