#pragma once
// Buffered sockets for libmilter, which asks the kernel three times for each packet (poll, head,
// body; poll again before each write). A copy of its archive is linked in which the five calls
// below stand for those of the C library; see CMakeLists.txt of this folder and decision 0015.
// Everything else in the program keeps the C library's.
//
// Only connections that gatepost_milter_accept() has returned are buffered; other descriptors
// (listening sockets, the pipe of libmilter's thread pool) and those from kMaxDescriptor on are
// passed to the C library as they are. Octets, order and errors are the same as without.
//
// Threads: a connection is used by one thread at a time and handed over through a mutex, as
// libmilter does it; its pool may poll() any descriptor at any time.

#include <cstddef>

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace gatepost::milter {

inline constexpr std::size_t kInputSize = std::size_t{64}
                                          << 10;  ///< read at once from a connection
inline constexpr std::size_t kKeptSize = 4096;    ///< edits kept for the reply
inline constexpr int kMaxDescriptor = 1 << 14;

}  // namespace gatepost::milter

extern "C" {

/// accept(), and the connection is buffered until gatepost_milter_close().
int gatepost_milter_accept(int listener, sockaddr* address, socklen_t* size);

/// poll(). A connection of which something is left in its buffer is readable at once; what was kept
/// of its output is sent before it is waited for. Writing is always possible here:
/// gatepost_milter_writev() waits itself, as long as this was asked to.
int gatepost_milter_poll(pollfd* descriptors, nfds_t count, int timeout_ms);

/// read(), from the buffer first.
ssize_t gatepost_milter_read(int descriptor, void* buffer, std::size_t size);

/// writev() of one packet of the milter protocol, all of it or -1 (ETIMEDOUT: the peer does not
/// read). A packet that edits the message is kept until the next one that does not, since a reply
/// always follows it.
ssize_t gatepost_milter_writev(int descriptor, const iovec* parts, int count);

int gatepost_milter_close(int descriptor);
}
