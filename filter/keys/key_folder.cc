#include "filter/keys/key_folder.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dkim/signing_keys.h"

namespace gatepost::keys {

namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

Error failed(const fs::path& path, const char* what) {
  return temporary_error(path.string() + " " + what + ": " + std::strerror(errno));
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(file, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

/// A complete file beside `path`; what a run that was killed left of one is replaced.
Result<fs::path> write_beside(const fs::path& path, std::string_view text, const Access& access) {
  const fs::path beside = path.parent_path() / ("." + path.filename().string() + ".new");
  ::unlink(beside.c_str());
  const Descriptor file(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return failed(beside, "cannot be made");
  if (!write_all(file.get(), text)) return failed(beside, "cannot be written");
  if ((access.owner || access.group) &&
      ::fchown(file.get(), access.owner.value_or(static_cast<uid_t>(-1)),
               access.group.value_or(static_cast<gid_t>(-1))) != 0)
    return failed(beside, "cannot be given to its owner");
  if (::fchmod(file.get(), access.mode) != 0 || ::fsync(file.get()) != 0)
    return failed(beside, "cannot be written");
  return beside;
}

Result<void> sync_folder(const fs::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) return failed(folder, "cannot be synced");
  return {};
}

std::optional<std::string> content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

}  // namespace

Result<void> write_whole(const fs::path& path, std::string_view text, const Access& access) {
  const auto beside = write_beside(path, text, access);
  if (!beside) return beside.error();
  if (::rename(beside->c_str(), path.c_str()) != 0) return failed(path, "cannot be replaced");
  return sync_folder(path.parent_path());
}

fs::path KeyFolder::key_file(std::string_view selector) const {
  return path_ / (std::string(selector) + ".private");
}

Result<void> KeyFolder::make() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) return temporary_error(path_.string() + " cannot be made: " + error.message());
  return {};
}

Result<void> KeyFolder::write_key(std::string_view selector, std::string_view pem,
                                  const Access& access) {
  if (auto made = make(); !made) return made;
  const fs::path path = key_file(selector);
  const auto beside = write_beside(path, pem, access);
  if (!beside) return beside.error();
  // link() and not rename(): it never replaces a key.
  const bool linked = ::link(beside->c_str(), path.c_str()) == 0;
  const int why = errno;
  ::unlink(beside->c_str());
  if (linked) return sync_folder(path_);
  return permanent_error(path.string() + " cannot be made: " + std::strerror(why) +
                         (why == EEXIST ? ", a key is never overwritten" : ""));
}

Result<std::shared_ptr<const dkim::PrivateKey>> KeyFolder::read_key(
    std::string_view selector) const {
  const fs::path path = key_file(selector);
  std::error_code error;
  if (!fs::exists(path, error) && !error) return std::shared_ptr<const dkim::PrivateKey>();
  auto text = content(path);
  if (!text) return failed(path, "cannot be read");
  auto key = dkim::PrivateKey::decode(*text);
  OPENSSL_cleanse(text->data(), text->size());
  if (!key) return permanent_error(path.string() + " " + key.error().what);
  return *std::move(key);
}

Access KeyFolder::access_of(std::string_view selector) const {
  struct stat status {};
  if (::stat(key_file(selector).c_str(), &status) != 0) return {};
  return {static_cast<mode_t>(status.st_mode & 0640), status.st_uid, status.st_gid};
}

Result<std::vector<std::string>> KeyFolder::current() const {
  const fs::path path = path_ / "current";
  std::error_code error;
  if (!fs::exists(path, error)) return std::vector<std::string>();
  const auto text = content(path);
  if (!text) return failed(path, "cannot be read");
  auto selectors = dkim::parse_selectors(*text);
  if (!selectors) return permanent_error(path.string() + " " + selectors.error().what);
  return selectors;
}

Result<void> KeyFolder::set_current(const std::vector<std::string>& selectors) {
  if (auto made = make(); !made) return made;
  std::string text = "# Selectors that sign, one a line; written by gatepost dkim rotate.\n";
  for (const std::string& selector : selectors) text += selector + "\n";
  return write_whole(path_ / "current", text, {.mode = 0644, .owner = {}, .group = {}});
}

std::string zone_lines(std::string_view name, std::string_view record) {
  std::string text = std::string(name) + ". IN TXT (";
  do {
    const std::string_view piece = record.substr(0, 255);
    text += "\n  \"" + std::string(piece) + "\"";
    record.remove_prefix(piece.size());
  } while (!record.empty());
  return text + " )";
}

}  // namespace gatepost::keys
