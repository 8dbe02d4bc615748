#pragma once
// The file of a stored message: one line of JSON, then the message octet for octet.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "filter/quarantine/entry.h"

namespace gatepost {
namespace mail {
class Message;
}
struct Record;

namespace quarantine {

/// An open file that is closed by its owner.
class File {
 public:
  explicit File(int fd = -1) : fd_(fd) {}
  File(File&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  File& operator=(File&& other) noexcept;
  ~File();
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// What the first line of a file says.
struct FileHead {
  Entry entry;                 ///< state and release columns are not in the file
  std::string record;          ///< the evaluation record as JSON
  std::size_t message_at = 0;  ///< octets before the message
};

/// The row of a message that is about to be stored; its size is that of its file.
/// A temporary Error when its body cannot be read.
Result<Entry> entry_of(const mail::Message& message, const Record& record);

/// The folder `messages` of a quarantine. Names are references; ".released" behind one says that
/// every recipient has it (so that an index made anew knows it), a dot in front that the file is
/// not whole. Mode 0600. No state: any thread.
class EntryFolder {
 public:
  explicit EntryFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const { return folder_; }
  /// Where the entry lies, under either name; nothing when it is not there.
  std::optional<std::filesystem::path> find(const std::string& reference) const;

  /// Writes line and message beside their place, fsyncs, gives it its name, fsyncs the folder; sets
  /// entry.size. Field = name ':' value CRLF, then CRLF, then the body as it came: CRLF line ends.
  /// A temporary Error names the file; nothing is left then.
  Result<void> write(Entry& entry, const mail::Message& message, const Record& record) const;
  /// Gone after this, on disk too. False when it was not there.
  Result<bool> remove(const std::string& reference) const;
  Result<void> mark_released(const std::string& reference, bool released) const;
  /// A permanent Error when the file is none of ours.
  static Result<FileHead> read_head(const std::filesystem::path& file);

  struct Found {
    std::string reference;
    bool released = false;
  };
  /// All whole entries; what was left half written is removed.
  Result<std::vector<Found>> sweep() const;

 private:
  Result<void> sync_folder() const;
  std::filesystem::path folder_;
};

/// Makes the file with `size` random octets, mode 0600, when it is missing, and reads it. A
/// temporary Error that names it.
Result<std::string> read_or_make_secret(const std::filesystem::path& file);
/// Reads it only.
Result<std::string> read_secret(const std::filesystem::path& file);

}  // namespace quarantine
}  // namespace gatepost
