#pragma once
// A full disk, or a read-only one, without harm to the machine's.

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/mount.h>

namespace gatepost::test {

/// A tmpfs of 1 MiB over a folder that exists; gone with its owner. Needs root and leave to mount:
/// fault() says why it could not be had, and the test is skipped with that.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path folder) : folder_(std::move(folder)) {
    if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=1m") != 0)
      fault_ = std::string("cannot mount a tmpfs: ") + std::strerror(errno);
  }
  ~SmallDisk() {
    if (fault_.empty()) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& fault() const { return fault_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// Takes all that is free.
  void fill() {
    std::ofstream file(folder_ / "plug", std::ios::binary);
    const std::string block(4096, 'p');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void free() { std::filesystem::remove(folder_ / "plug"); }

 private:
  std::filesystem::path folder_;
  std::string fault_;
};

}  // namespace gatepost::test
