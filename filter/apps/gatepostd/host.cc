#include "filter/apps/gatepostd/host.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <grp.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pwd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gatepost {

void give_memory_back() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void notify(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof name.sun_path) return;
  std::memcpy(name.sun_path, path, length);
  if (name.sun_path[0] == '@') name.sun_path[0] = '\0';  // abstract namespace
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  (void)::sendto(fd, state, std::strlen(state), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&name), size);
  ::close(fd);
}

void raise_descriptor_limit(std::size_t max_sessions) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = max_sessions * 2 + 1024;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min(wanted, limit.rlim_max);
  if (::geteuid() == 0 && limit.rlim_cur < wanted) limit.rlim_cur = limit.rlim_max = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Result<std::optional<Account>> find_account(const std::string& user) {
  if (user.empty() || ::geteuid() != 0) return std::optional<Account>();
  const std::string name = user.substr(0, user.find(':'));
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return config_error("daemon.user: there is no user '" + name + "'");
  Account account{name, entry->pw_uid, entry->pw_gid};
  if (user.find(':') != std::string::npos) {
    const std::string group_name = user.substr(user.find(':') + 1);
    const group* group_entry = getgrnam(group_name.c_str());
    if (group_entry == nullptr)
      return config_error("daemon.user: there is no group '" + group_name + "'");
    account.gid = group_entry->gr_gid;
  }
  return std::optional<Account>(account);
}

Result<void> become(const Account& account) {
  if (initgroups(account.name.c_str(), account.gid) != 0 || setgid(account.gid) != 0 ||
      setuid(account.uid) != 0) {
    return internal_error("cannot become user '" + account.name + "': " + std::strerror(errno));
  }
  if (account.uid != 0 && setuid(0) == 0)
    return internal_error("could become root again after giving it up");
  return {};
}

void make_folder(const std::string& path, const std::optional<Account>& owner) {
  if (path.empty()) return;
  std::error_code error;
  if (std::filesystem::create_directories(path, error) && owner) {
    (void)!::chown(path.c_str(), owner->uid, owner->gid);
    ::chmod(path.c_str(), 0750);
  }
}

void make_store_file(const std::string& path, const Account& owner) {
  if (path.empty()) return;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return;
  (void)!::fchown(fd, owner.uid, owner.gid);
  ::close(fd);
}

bool write_pid_file(const std::string& path) {
  std::ofstream file(path, std::ios::trunc);
  file << ::getpid() << '\n';
  return static_cast<bool>(file.flush());
}

}  // namespace gatepost
