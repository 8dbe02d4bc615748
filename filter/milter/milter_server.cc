#include "filter/milter/milter_server.h"

#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/milter/callbacks.h"

namespace gatepost::milter {

struct MilterServer::Impl {
  MilterOptions options;
  Shared shared;
  std::thread main_loop;
  std::atomic<bool> asked_to_stop{false};
};

namespace {

/// Calls `use(fd)` for each listening TCP socket of this process.
template <class Use>
void for_each_listening_tcp(Use&& use) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const int fd = std::atoi(entry.path().filename().c_str());
    int listening = 0;
    socklen_t size = sizeof listening;
    sockaddr_storage name{};
    socklen_t name_size = sizeof name;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0 &&
        getsockname(fd, reinterpret_cast<sockaddr*>(&name), &name_size) == 0 &&
        (name.ss_family == AF_INET || name.ss_family == AF_INET6)) {
      use(fd);
    }
  }
}

Result<void> set_group_and_mode(const MilterOptions& options) {
  const char* path = options.listen.path.c_str();
  const std::string name = options.socket_group.empty() ? "postfix" : options.socket_group;
  const group* entry = getgrnam(name.c_str());
  if (entry == nullptr && !options.socket_group.empty()) {
    return config_error("milter.socket_group: there is no group '" + name + "'");
  }
  if (entry != nullptr && ::chown(path, static_cast<uid_t>(-1), entry->gr_gid) != 0 &&
      !options.socket_group.empty()) {
    return config_error("milter.socket_group: cannot give " + options.listen.path + " to group '" +
                        name + "': " + std::strerror(errno));
  }
  if (::chmod(path, static_cast<mode_t>(options.socket_mode)) != 0) {
    return config_error("milter.socket_mode: cannot change the permissions of " +
                        options.listen.path + ": " + std::strerror(errno));
  }
  return {};
}

}  // namespace

MilterServer::MilterServer(MilterOptions options, SessionServices& services)
    : impl_(new Impl{std::move(options), Shared(services), {}, {}}) {
  impl_->shared.max_sessions = impl_->options.max_sessions;
  impl_->shared.over_tcp = impl_->options.listen.family != SocketAddress::Family::unix_socket;
}

// The threads of libmilter may still run: their state is left to the end of the process.
MilterServer::~MilterServer() {
  (void)impl_.release();
}

Result<void> MilterServer::open() {
  const MilterOptions& options = impl_->options;
  if (const auto free = check_free(options.listen); !free.ok()) return free;
  set_shared(&impl_->shared);
  std::string connection = options.listen.for_libmilter();
  if (smfi_register(callbacks()) != MI_SUCCESS || smfi_setconn(connection.data()) != MI_SUCCESS) {
    return internal_error("libmilter does not take " + connection);
  }
  smfi_setmaxdatasize(options.max_data_size);
  // Nobody may connect between bind() and the change of group and mode.
  const mode_t before = ::umask(0177);
  const int opened = smfi_opensocket(true);
  ::umask(before);
  if (opened != MI_SUCCESS)
    return config_error("cannot listen on " + connection + ": libmilter refuses it");
  if (options.listen.family == SocketAddress::Family::unix_socket)
    return set_group_and_mode(options);
  // libmilter writes header edits and the verdict separately: without this each message waits 40 ms
  // for a delayed acknowledgement. Accepted sockets inherit it.
  for_each_listening_tcp([](int fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  });
  return {};
}

void MilterServer::start(std::function<void()> stopped) {
  impl_->main_loop = std::thread([impl = impl_.get(), stopped = std::move(stopped)] {
    smfi_main();
    if (!impl->asked_to_stop) stopped();
  });
}

std::size_t MilterServer::drain(std::chrono::milliseconds limit) {
  Shared& shared = impl_->shared;
  shared.draining = true;
  const std::size_t left = shared.wait_until_idle(limit);
  impl_->asked_to_stop = true;
  // smfi_stop waits up to 5 s for libmilter's poll and does nothing that the end of the process,
  // which comes next, does not do.
  impl_->main_loop.detach();
  return left;
}

}  // namespace gatepost::milter
