#include "rules/cache.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/encoding.h"

namespace gatepost::rules {
namespace {

namespace fs = std::filesystem;

// The number goes up with every change of what stands behind it.
constexpr std::string_view kMagic = "gatepost rules 7\n";
constexpr std::string_view kPrefix = "rules-";
constexpr std::string_view kSuffix = ".hsdb";
constexpr std::size_t kDigest = 32;
constexpr auto kStale = std::chrono::hours(24);

std::string system_text(const std::string& doing) {
  return doing + ": " + std::strerror(errno);
}

// Owner and mode of what is opened, not of a name that may change.
bool is_only_ours(int fd, mode_t type) {
  struct stat about {};
  return fstat(fd, &about) == 0 && (about.st_mode & S_IFMT) == type && about.st_uid == geteuid() &&
         (about.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

std::optional<std::string> read_file(int fd) {
  struct stat about {};
  if (fstat(fd, &about) != 0) return std::nullopt;
  std::string out(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = read(fd, out.data() + have, out.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    have += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace

Result<Cache> Cache::open(const fs::path& folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return config_error(system_text("the folder for compiled rules cannot be made"),
                        folder.string());
  }
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return config_error(system_text("the folder for compiled rules cannot be opened"),
                        folder.string());
  }
  const bool ours = is_only_ours(fd, S_IFDIR);
  ::close(fd);
  if (!ours) {
    return config_error(
        "the folder for compiled rules must belong to the user that runs this (uid " +
            std::to_string(geteuid()) + ") and be writable for nobody else (mode 0700)",
        folder.string());
  }
  return Cache(folder);
}

fs::path Cache::file_of(const std::string& key) const {
  return folder_ / (std::string(kPrefix) + key + std::string(kSuffix));
}

std::optional<std::string> Cache::load(const std::string& key) const {
  const int fd = ::open(file_of(key).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return std::nullopt;
  std::optional<std::string> data;
  if (is_only_ours(fd, S_IFREG)) data = read_file(fd);
  futimens(fd, nullptr);  // used today; that it may fail costs a compilation next week
  ::close(fd);
  if (!data) return std::nullopt;
  const std::size_t head = kMagic.size() + key.size() + kDigest;
  const std::string_view all = *data;
  if (all.size() < head || !all.starts_with(kMagic) ||
      all.substr(kMagic.size(), key.size()) != key) {
    return std::nullopt;
  }
  if (sha256(all.substr(head)) != all.substr(kMagic.size() + key.size(), kDigest))
    return std::nullopt;
  data->erase(0, head);
  return data;
}

Result<void> Cache::store(const std::string& key, std::string_view data) const {
  static std::atomic<unsigned> counter{0};
  const fs::path temporary =
      folder_ / ("new-" + std::to_string(getpid()) + "-" + std::to_string(counter.fetch_add(1)));
  const int fd =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return internal_error(system_text("cannot be made"), temporary.string());
  bool good = write_all(fd, std::string(kMagic) + key + sha256(data)) && write_all(fd, data) &&
              fsync(fd) == 0;
  good = ::close(fd) == 0 && good;
  if (good && ::rename(temporary.c_str(), file_of(key).c_str()) == 0) return {};
  Error error = internal_error(system_text("cannot be written"), temporary.string());
  ::unlink(temporary.c_str());
  return error;
}

void Cache::remove_stale(const std::vector<std::string>& used) const {
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool compiled = name.starts_with(kPrefix) && name.ends_with(kSuffix);
    if (!compiled && !name.starts_with("new-")) continue;
    const bool in_use = compiled && std::any_of(used.begin(), used.end(), [&](const auto& key) {
                          return it->path() == file_of(key);
                        });
    std::error_code ignored;
    if (!in_use && now - fs::last_write_time(it->path(), ignored) > kStale && !ignored)
      fs::remove(it->path(), ignored);
  }
}

}  // namespace gatepost::rules
