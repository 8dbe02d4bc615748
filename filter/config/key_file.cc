#include "filter/config/key_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <grp.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatepost::config {

namespace {

constexpr std::size_t kMaxFile = 1 << 16;

struct Account {
  uid_t uid;
  gid_t gid;
  std::string name;
  std::string group;
};

std::string group_name(gid_t gid) {
  const group* entry = ::getgrgid(gid);
  return entry != nullptr ? entry->gr_name : std::to_string(gid);
}

std::string user_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

/// Who reads keys when the daemon runs: the user that root is given up for, else we.
Account reader(const std::string& user) {
  Account account{::geteuid(), ::getegid(), "", ""};
  if (!user.empty() && account.uid == 0) {
    const auto colon = user.find(':');
    if (const passwd* entry = ::getpwnam(user.substr(0, colon).c_str())) {
      account.uid = entry->pw_uid;
      account.gid = entry->pw_gid;
    }
    if (colon != std::string::npos) {
      if (const group* entry = ::getgrnam(user.substr(colon + 1).c_str()))
        account.gid = entry->gr_gid;
    }
  }
  account.name = user_name(account.uid);
  account.group = group_name(account.gid);
  return account;
}

std::string remedy(const Account& account) {
  return "give it to the daemon's group: chgrp " + account.group + " and chmod 0640";
}

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned int>(mode & 07777));
  return text;
}

/// What is wrong with who has access, or nothing.
std::optional<std::string> insecure(const struct stat& file, const Account& account) {
  if (file.st_uid != 0 && file.st_uid != ::geteuid() && file.st_uid != account.uid) {
    return "belongs to " + user_name(file.st_uid) + ", expected root or " + account.name +
           " as its owner";
  }
  const bool group_of_ours =
      file.st_gid == 0 || file.st_gid == account.gid || file.st_gid == ::getegid();
  if ((file.st_mode & 027) == 0 && ((file.st_mode & 040) == 0 || group_of_ours)) return {};
  return "has mode " + octal(file.st_mode) + " (group " + group_name(file.st_gid) +
         "), expected 0600, or 0640 with group " + account.group;
}

class File {
 public:
  explicit File(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

  /// At most one octet more than a key file may have. @return whether it could be read.
  bool read_all(std::string& text) const {
    char chunk[4096];
    while (text.size() <= kMaxFile) {
      const ssize_t size = ::read(descriptor_, chunk, sizeof chunk);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return false;
      if (size == 0) break;
      text.append(chunk, static_cast<std::size_t>(size));
    }
    OPENSSL_cleanse(chunk, sizeof chunk);
    return true;
  }

 private:
  int descriptor_;
};

bool may_read(const struct stat& file, const Account& account) {
  return account.uid == 0 || (file.st_uid == account.uid && (file.st_mode & 0400) != 0) ||
         (file.st_gid == account.gid && (file.st_mode & 0040) != 0);
}

Error cannot_open(int why, const Account& account) {
  if (why == ENOENT) return config_error("there is no such file, expected a private key");
  if (why == EACCES) {
    return config_error("cannot be read by user " + user_name(::geteuid()) +
                        (::geteuid() == 0 ? "" : ", root is given up after the start") + "; " +
                        remedy(account) + " (and let it search the folders above)");
  }
  return config_error(std::string("cannot be read: ") + std::strerror(why));
}

}  // namespace

Result<KeyFile> read_key_file(const std::string& path, const std::string& user) {
  const Account account = reader(user);
  const File file(path);
  if (file.get() < 0) return cannot_open(errno, account);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return config_error("is no file, expected a private key");
  if (auto why = insecure(status, account)) return config_error(*std::move(why));
  std::string text;
  const bool read = file.read_all(text);
  auto key = read ? dkim::PrivateKey::decode(text)
                  : Result<std::shared_ptr<const dkim::PrivateKey>>(
                        permanent_error("cannot be read to its end"));
  OPENSSL_cleanse(text.data(), text.size());
  if (!key) return config_error(key.error().what);
  KeyFile loaded{*key, {}};
  if ((*key)->type() == dkim::KeyType::rsa && (*key)->bits() < dkim::kGoodRsaBits) {
    loaded.warnings.push_back("RSA key has " + std::to_string((*key)->bits()) +
                              " bits, expected 2048 or more (RFC 8301)");
  }
  if (!may_read(status, account)) {
    loaded.warnings.push_back("user " + account.name +
                              " will not be able to read it at the next reload; " +
                              remedy(account));
  }
  return loaded;
}

bool is_forbidden(const std::string& path) {
  return ::access(path.c_str(), R_OK) != 0 && errno == EACCES;
}

}  // namespace gatepost::config
